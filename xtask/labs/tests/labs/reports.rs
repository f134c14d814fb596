//! The report that a page gets, and where its labs are.

use std::time::Duration;

use wire::{Client, request};

use super::{ask, get, output, run, start, statuses};

#[test]
fn a_page_finds_the_server_and_sees_what_it_does() {
    let program = start(&[]);
    let info = ask(&program, "GET", "/labs/info", &[], b"").json().unwrap();
    assert_eq!(info["labs"], 3);
    assert_eq!(info["addr"], program.addr().to_string());

    let input = b"GET /hello/you HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost : a\r\n\r\n";
    let report = run(&program, input);
    assert_eq!(statuses(&report), [200, 400]);
    let output = String::from_utf8(output(&report)).unwrap();
    assert!(output.starts_with("HTTP/1.1 200 OK\r\n") && output.contains("Hello, you!"));
    assert_eq!(report["read"], input.len());
    let rejection = &report["messages"][1]["rejection"];
    assert_eq!(rejection["status"], 400);
    assert_eq!(rejection["text"], "a field line must be `name: value`");
    assert_eq!(rejection["rule"], "RFC 9112 section 5");
    assert_eq!(report["next"]["state"], "close");
    let blamed: Vec<_> = report["messages"][1]["spans"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|span| span["blame"] == true && span["part"] == "field-name")
        .map(|span| (span["from"].as_u64(), span["to"].as_u64()))
        .collect();
    assert_eq!(blamed, [(Some(52), Some(57))]);
}

#[test]
fn a_report_says_what_the_server_waits_for_and_how_long() {
    let program = start(&[]);
    let post = "POST /echo HTTP/1.1\r\nHost: a\r\n";
    let table = [
        (String::new(), "idle", Some(75_000)),
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_string(), "idle", Some(75_000)),
        ("GET / HT".to_string(), "request", Some(10_000)),
        (format!("{post}Content-Length: 3\r\n\r\nab"), "request", Some(30_000)),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".to_string(), "close", None),
        ("GET / HTTP/1.1\r\n\r\n".to_string(), "close", Some(2_000)),
    ];
    for (input, state, after) in table {
        let next = &run(&program, input.as_bytes())["next"];
        let found = (next["state"].as_str(), next["after_ms"].as_u64());
        assert_eq!(found, (Some(state), after), "{input:?}: {next}");
    }
    let asks = format!("{post}Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    assert_eq!(statuses(&run(&program, asks.as_bytes())), [100]);
    let whole = format!("{asks}abc");
    assert_eq!(statuses(&run(&program, whole.as_bytes())), [200]);
    let other = format!("{post}Expect: tea\r\nContent-Length: 3\r\n\r\nabc");
    assert_eq!(statuses(&run(&program, other.as_bytes())), [417]);
}

#[test]
fn a_sandbox_has_no_lab() {
    let inner = b"GET /labs/info HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n";
    assert_eq!(statuses(&run(&start(&[]), inner)), [404]);
}

#[test]
fn the_book_is_at_the_root_and_the_demonstration_keeps_its_paths() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in
        [("index.html", "the book"), ("labs/lab.js", "a lab"), ("part1/page.html", "a page")]
    {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let program = start(&["--book", folder.path().to_str().unwrap()]);
    let mut client =
        Client::connect(program.addr()).unwrap().with_patience(Duration::from_secs(10));
    for (method, target, status, text) in [
        ("GET", "/", 200, "the book"),
        ("GET", "/labs/lab.js", 200, "a lab"),
        ("GET", "/part1/page.html", 200, "a page"),
        ("GET", "/part1/none.html", 404, ""),
        ("GET", "/hello/you", 200, "Hello, you!\n"),
        ("GET", "/users/7", 404, "no_such_user"),
        ("OPTIONS", "/echo", 204, ""),
        ("DELETE", "/echo", 405, ""),
        ("POST", "/", 405, ""),
        ("GET", "/../Cargo.toml", 404, ""),
    ] {
        let reply = client.ask(request(method, target, &[], b"")).unwrap();
        assert_eq!(reply.status, status, "{method} {target}");
        assert!(reply.text().contains(text), "{method} {target}: {}", reply.text());
    }
    assert_eq!(ask(&program, "GET", "/labs/info", &[], b"").status, 200);
    assert_eq!(statuses(&run(&program, &get("/hello/you"))), [200]);
}
