//! The access log as the program prints it.

use std::thread;
use std::time::Duration;

use serde_json::Value;
use wire::{Client, Program, request};

const PROGRAM: &str = env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME")));

const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for this many lines of the log: all lines after the line with the address.
fn lines(program: &Program, count: usize) -> Vec<String> {
    let has_all = |text: &str| text.lines().count() > count;
    let text = program.wait_for_stdout("a line for each request", PATIENCE, has_all).unwrap();
    text.lines().skip(1).map(str::to_string).collect()
}

#[test]
fn each_request_is_a_line_in_the_common_format() {
    let program = Program::start(PROGRAM, &["127.0.0.1:0"]).unwrap();
    let mut client = Client::connect(program.addr()).unwrap();
    let table = [
        ("GET", "/hello/you?x=1", "200 12"),
        ("HEAD", "/hello/you", "200 -"),
        ("GET", "/empty", "204 -"),
        ("GET", "/nothing", "404 "),
        ("PATCH", "/users", "405 "),
        ("GET", "/panic", "500 "),
    ];
    for (method, target, _) in table {
        client.send(request(method, target, &[], b"")).unwrap();
        client.read_reply_to(method).unwrap();
    }
    client.ask(request("GET", "/favicon.ico", &[], b"")).unwrap();
    client.ask(request("GET", "/empty?last", &[], b"")).unwrap();
    let lines = lines(&program, table.len() + 1);
    assert_eq!(lines.len(), table.len() + 1, "the favicon is left out: {lines:#?}");
    for (line, (method, target, end)) in lines.iter().zip(table) {
        assert!(line.starts_with("127.0.0.1 - - ["), "{line}");
        assert!(line.contains(&format!(" +0000] \"{method} {target} HTTP/1.1\" {end}")), "{line}");
    }
}

#[test]
fn in_json_each_line_is_an_object_with_the_id_of_the_response() {
    let program = Program::start(PROGRAM, &["127.0.0.1:0", "--log", "json"]).unwrap();
    let mut client = Client::connect(program.addr()).unwrap();
    let reply = client.ask(request("GET", "/hello/you", &[], b"")).unwrap();
    let line: Value = serde_json::from_str(&lines(&program, 1)[0]).unwrap();
    let names: Vec<&String> = line.as_object().unwrap().keys().collect();
    assert_eq!(
        names,
        [
            "time",
            "request_id",
            "client",
            "method",
            "target",
            "route",
            "version",
            "status",
            "bytes",
            "duration_ms"
        ]
    );
    assert_eq!(line["request_id"], reply.field("X-Request-ID").unwrap());
    assert_eq!((&line["route"], &line["status"]), (&"/hello/:name".into(), &200.into()));
    assert!(line["duration_ms"].is_number());
}

#[test]
fn nothing_that_a_client_sends_can_begin_a_line_of_its_own() {
    let program = Program::start(PROGRAM, &["127.0.0.1:0"]).unwrap();
    let mut client = Client::connect(program.addr()).unwrap();
    let targets = ["/%0d%0a127.0.0.1%20-%20-%20forged", "/a\"%20200%200", "/\\"];
    let mut answered = 0;
    for target in targets {
        let mut one = Client::connect(program.addr()).unwrap();
        // The parser rejects some of these, and then there is no line at all.
        let reply = one.ask(request("GET", target, &[("X-Request-ID", "a\tb")], b"")).unwrap();
        answered += usize::from(reply.status != 400);
    }
    client.ask(request("GET", "/empty?last", &[], b"")).unwrap();
    // After this line, all earlier lines have arrived.
    let is_last = |text: &str| text.ends_with('\n') && text.contains("/empty?last");
    let text = program.wait_for_stdout("the last line", PATIENCE, is_last).unwrap();
    let lines: Vec<&str> = text.lines().skip(1).collect();
    assert_eq!(lines.len(), answered + 1, "{lines:#?}");
    assert!(lines.iter().all(|line| line.matches('"').count() - line.matches("\\\"").count() == 2));
}

#[test]
fn lines_of_concurrent_requests_do_not_mix() {
    const CLIENTS: usize = 4;
    const EACH: usize = 25;
    let program = Program::start(PROGRAM, &["127.0.0.1:0", "--log", "json"]).unwrap();
    let address = program.addr();
    let ask_often = move || {
        let mut client = Client::connect(address).unwrap();
        for _ in 0..EACH {
            client.ask(request("GET", "/empty", &[], b"")).unwrap();
        }
    };
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            thread::Builder::new().name(format!("client {number}")).spawn(ask_often).unwrap()
        })
        .collect();
    for client in clients {
        client.join().unwrap();
    }
    let lines = lines(&program, CLIENTS * EACH);
    assert_eq!(lines.len(), CLIENTS * EACH);
    for line in lines {
        let line: Value =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(line["status"], 204);
    }
}
