//! The fields that the layers add to every response of the program, whichever layer or handler made it.

use std::time::Duration;

use wire::{Client, Program, Reply, request};

const PROGRAM: &str = env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME")));

/// How long output may take to arrive on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

const PAGE: &str = "http://localhost:3000";

fn start() -> Program {
    Program::start(PROGRAM, &["127.0.0.1:0"]).unwrap()
}

fn ids(reply: &Reply) -> Vec<&str> {
    reply.fields("X-Request-ID").collect()
}

#[test]
fn errors_and_short_circuits_keep_their_id_and_their_cors_fields() {
    let program = start();
    let mut client = Client::connect(program.addr()).unwrap();
    let fields = [("Origin", PAGE), ("X-Request-ID", "from-the-client")];
    let table = [
        ("GET", "/", 200),
        ("GET", "/empty", 204),
        ("GET", "/nothing", 404),
        ("DELETE", "/", 405),
        ("GET", "/users/1", 404),
        ("GET", "/slow?ms=soon", 400),
        ("GET", "/panic", 500),
        ("OPTIONS", "/users", 204),
    ];
    for (method, target, status) in table {
        let reply = client.ask(request(method, target, &fields, b"")).unwrap();
        assert_eq!(reply.status, status, "{method} {target}: {reply:?}");
        assert_eq!(ids(&reply), ["from-the-client"], "{method} {target}: {reply:?}");
        assert_eq!(reply.field("Access-Control-Allow-Origin"), Some(PAGE), "{method} {target}");
        assert!(reply.lists("Vary", "Origin"), "{method} {target}: {reply:?}");
        assert_eq!(reply.field("X-Content-Type-Options"), Some("nosniff"), "{method} {target}");
    }
    // The sixth is over the limit.
    let statuses: Vec<u16> = (0..6)
        .map(|_| {
            let reply = client.ask(request("GET", "/limited", &fields, b"")).unwrap();
            assert_eq!(ids(&reply), ["from-the-client"], "{reply:?}");
            assert_eq!(reply.field("Access-Control-Allow-Origin"), Some(PAGE), "{reply:?}");
            reply.status
        })
        .collect();
    assert_eq!(statuses, [200, 200, 200, 200, 200, 429]);
}

#[test]
fn a_panic_costs_neither_the_connection_nor_a_worker() {
    let program = start();
    let mut client = Client::connect(program.addr()).unwrap();
    for _ in 0..10 {
        let reply = client.ask(request("GET", "/panic", &[], b"")).unwrap();
        assert_eq!(reply.status, 500, "{reply:?}");
        assert_eq!(reply.json().unwrap()["error"], "internal_error");
    }
    assert_eq!(client.ask(request("GET", "/empty", &[], b"")).unwrap().status, 204);
    program.wait_for_stderr("the panics", PATIENCE, |text| !text.is_empty()).unwrap();
}

#[test]
fn the_handler_and_the_response_have_the_same_id_and_the_next_request_another() {
    let program = start();
    let mut client = Client::connect(program.addr()).unwrap();
    let given = [("X-Request-ID", "a-1.b_2")];
    let mut seen = Vec::new();
    for fields in [&given[..], &[], &[]] {
        let reply = client.ask(request("GET", "/inspect", fields, b"")).unwrap();
        let id = reply.json().unwrap()["id"].as_str().unwrap().to_string();
        assert_eq!(ids(&reply), [id.as_str()]);
        seen.push(id);
    }
    assert_eq!(seen[0], "a-1.b_2");
    assert_eq!(seen[1].len(), 32);
    assert_ne!(seen[1], seen[2]);
}

#[test]
fn an_id_that_could_forge_a_log_line_is_never_sent_back() {
    let program = start();
    let mut client = Client::connect(program.addr()).unwrap();
    for bad in ["two words", "<script>", "quote\"", "caf\u{e9}", &"x".repeat(65)] {
        let reply = client.ask(request("GET", "/empty", &[("X-Request-ID", bad)], b"")).unwrap();
        assert_eq!(ids(&reply)[0].len(), 32, "{bad}: {reply:?}");
        assert_eq!(ids(&reply).len(), 1, "{bad}: {reply:?}");
    }
}
