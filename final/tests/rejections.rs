//! Requests rejected before any handler leave a line on standard error and a count in `/metrics`. Regression test: they
//! left no trace.

use std::time::Duration;

use wire::{Client, Program};

const PROGRAM: &str = env!("CARGO_BIN_EXE_httpserver");

/// Far longer than anything here takes.
const LONG: Duration = Duration::from_secs(20);

fn start(settings: &[&str]) -> Program {
    let always = ["--addr", "127.0.0.1:0", "--log", "off"];
    Program::start(PROGRAM, &[&always, settings].concat()).unwrap()
}

/// Waits for a line about the client with this port.
fn expect_line(program: &Program, port: u16, rest: &str) {
    let expected = format!("127.0.0.1:{port}: {rest}");
    program.wait_for_stderr(&expected, LONG, |stderr| stderr.contains(&expected)).unwrap();
}

/// The count for a reason on the metrics page.
fn count(program: &Program, reason: &str) -> Option<u64> {
    let page = wire::get(program.addr(), "/metrics").unwrap().text();
    let start = format!("http_rejections_total{{reason=\"{reason}\"}} ");
    page.lines().find_map(|line| line.strip_prefix(&start)?.parse().ok())
}

#[test]
fn a_request_that_is_malformed_too_large_or_late_is_logged_and_counted() {
    let program = start(&["--head-timeout", "100ms", "--body-timeout", "100ms"]);
    let long = format!("GET /{} HTTP/1.1\r\n", "x".repeat(9000));
    let wide = format!("GET /wide HTTP/1.1\r\nHost: a\r\nX: {}\r\n", "x".repeat(17_000));
    let cut = format!("GET /{}...", "x".repeat(195));
    let table: [(&str, &str, u16, &str); 10] = [
        ("GET  / HTTP/1.1\r\n\r\n", "GET  / HTTP/1.1", 400, "bad_request"),
        ("\u{16}\u{3}\u{1}\0", r"\x16\x03\x01\x00", 400, "bad_request"),
        ("BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n", "BREW /pot HTTP/1.1", 501, "not_implemented"),
        ("GET /v HTTP/2.0\r\nHost: a\r\n\r\n", "GET /v HTTP/2.0", 505, "version_not_supported"),
        (&long, &cut, 414, "uri_too_long"),
        (&wide, "GET /wide HTTP/1.1", 431, "header_fields_too_large"),
        (
            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999999\r\n\r\n",
            "POST /echo HTTP/1.1",
            413,
            "content_too_large",
        ),
        ("GET /late HTT", "GET /late HTT", 408, "request_timeout"),
        (
            "POST /echo?late HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe",
            "POST /echo?late",
            408,
            "request_timeout",
        ),
        (
            "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nno\r\n",
            "POST /echo HTTP/1.1",
            400,
            "bad_request",
        ),
    ];
    for (index, (bytes, request, status, reason)) in table.into_iter().enumerate() {
        let before = count(&program, reason).unwrap_or(0);
        let mut client = Client::connect(program.addr()).unwrap();
        client.send(bytes).unwrap();
        assert_eq!(client.read_reply().unwrap().status, status, "{request}");
        // Each second has ten lines, so the tenth rejection is the last one that is certain to be logged if all of this
        // takes less than a second.
        assert!(index < 10);
        let port = client.local_addr().unwrap().port();
        expect_line(&program, port, &format!("rejected \"{request}\" with {status} "));
        assert_eq!(count(&program, reason), Some(before + 1), "{request}");
    }
}

#[test]
fn a_connection_beyond_a_limit_is_logged_and_counted() {
    for (settings, reason) in [
        (["--max-connections", "2"], "max_connections"),
        (["--max-connections-per-address", "2"], "max_connections_per_address"),
    ] {
        let program = start(&settings);
        let mut first = Client::connect(program.addr()).unwrap();
        let ask = "GET /empty HTTP/1.1\r\nHost: a\r\n\r\n";
        assert_eq!(first.ask(ask).unwrap().status, 204);
        let mut second = Client::connect(program.addr()).unwrap();
        assert_eq!(second.ask(ask).unwrap().status, 204);
        let mut third = Client::connect(program.addr()).unwrap();
        assert_eq!(third.read_reply().unwrap().status, 503);
        let port = third.local_addr().unwrap().port();
        expect_line(
            &program,
            port,
            &format!("rejected \"-\" with 503 Service Unavailable: {reason}"),
        );
        drop((third, second));
        first.send("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        let page = first.read_reply().unwrap().text();
        let line = format!("http_rejections_total{{reason=\"{reason}\"}} 1");
        assert!(page.lines().any(|it| it == line), "{page}");
    }
}

#[test]
fn a_request_that_is_served_leaves_no_rejection() {
    let program = start(&[]);
    for path in ["/empty", "/nowhere", "/metrics"] {
        wire::get(program.addr(), path).unwrap();
    }
    let page = wire::get(program.addr(), "/metrics").unwrap().text();
    assert!(!page.contains("http_rejections_total{"), "{page}");
    assert_eq!(program.stderr_so_far(), "");
}
