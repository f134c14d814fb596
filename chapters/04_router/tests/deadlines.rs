//! No client can hold a worker for longer than its deadlines allow. The program's own limits are seconds,
//! so these tests run the server inside the test, with limits of tenths of a second.

use std::time::{Duration, Instant};

use ch04_router::Limits;
use ch04_router::http::{HeaderValue, Request, Response};
use support::{LONG, Running};
use wire::{Client, Reply, WireError};

mod support;

fn tenths(count: u32) -> Duration {
    Duration::from_millis(100) * count
}

fn start(limits: Limits) -> Running {
    Running::start(|server| server.with_limits(limits), answer)
}

/// Responds with "done", or with as many megabytes as the query requests.
fn answer(request: &mut Request) -> Response {
    match request.target().query().and_then(|query| query.parse::<usize>().ok()) {
        Some(megabytes) => {
            let bytes = vec![b'x'; megabytes * 1024 * 1024];
            Response::bytes(HeaderValue::from_static("application/octet-stream"), bytes)
        }
        None => Response::text("done"),
    }
}

/// Sends one byte every 20 ms until the server responds, or all of `bytes` have been sent.
fn drip(client: &mut Client, bytes: &[u8]) -> Result<Reply, WireError> {
    for byte in bytes.chunks(1) {
        if client.send(byte).is_err() || client.expect_silence(tenths(1) / 5).is_err() {
            break;
        }
    }
    client.read_reply()
}

/// `part` is the part of the request that the client did not send in time.
fn assert_408(reply: &Reply, part: &str) {
    assert_eq!(reply.status, 408, "{reply:?}");
    let message = reply.json().unwrap()["message"].to_string();
    assert!(message.contains(&format!("the {part} of the request")), "{message}");
    assert!(reply.lists("Connection", "close"), "{reply:?}");
    assert_eq!(reply.json().unwrap()["error"], "request_timeout");
}

#[test]
fn a_head_that_stops_in_the_middle_is_408() {
    let server = start(Limits { head_time: tenths(2), ..Limits::default() });
    let mut client = server.connect();
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n").unwrap();
    assert_408(&client.read_reply().unwrap(), "header section");
    client.expect_closed().unwrap();
    assert_eq!(server.stop(), 0);
}

#[test]
fn a_head_request_that_is_too_slow_is_408_without_a_body() {
    let limits = Limits { head_time: tenths(2), body_time: tenths(2), ..Limits::default() };
    let server = start(limits);
    for begun in
        ["HEAD / HTTP/1.1\r\n", "HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n123"]
    {
        let mut client = server.connect();
        client.send(begun).unwrap();
        let reply = client.read_reply_to("HEAD").unwrap();
        assert_eq!(reply.status, 408, "{reply:?}");
        // Regression test: the field lines were followed by a body, which a response to HEAD must
        // not have.
        client.expect_closed().unwrap();
    }
    assert_eq!(server.stop(), 0);
}

#[test]
fn a_head_that_drips_is_408_because_its_deadline_does_not_move() {
    let server = start(Limits { head_time: tenths(3), ..Limits::default() });
    let mut client = server.connect();
    let started = Instant::now();
    let head = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "y".repeat(2000));
    assert_408(&drip(&mut client, head.as_bytes()).unwrap(), "header section");
    assert!(started.elapsed() < LONG, "dripping all of it would have taken 40 s");
    client.expect_closed().unwrap();
}

#[test]
fn a_slow_header_section_within_its_deadline_is_accepted() {
    let server = start(Limits { idle_time: tenths(1), ..Limits::default() });
    let mut client = server.connect();
    assert_eq!(drip(&mut client, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap().text(), "done");
}

#[test]
fn a_body_that_stops_in_the_middle_is_408() {
    let server = start(Limits { body_time: tenths(2), ..Limits::default() });
    for request in [
        &b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell"[..],
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ] {
        let mut client = server.connect();
        client.send(request).unwrap();
        assert_408(&client.read_reply().unwrap(), "body");
        client.expect_closed().unwrap();
    }
}

#[test]
fn a_body_that_drips_is_408_because_its_deadline_does_not_move() {
    let server = start(Limits { body_time: tenths(3), ..Limits::default() });
    let mut client = server.connect();
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n").unwrap();
    assert_408(&drip(&mut client, &[b'x'; 2000]).unwrap(), "body");
    client.expect_closed().unwrap();
}

#[test]
fn a_client_that_sends_no_body_after_100_continue_is_408() {
    let server = start(Limits { body_time: tenths(2), ..Limits::default() });
    let mut client = server.connect();
    client
        .send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        .unwrap();
    assert_eq!(client.read_reply().unwrap().status, 100);
    assert_408(&client.read_reply().unwrap(), "body");
    client.expect_closed().unwrap();
}

#[test]
fn an_idle_connection_is_closed_without_a_word() {
    let server = start(Limits { idle_time: tenths(2), ..Limits::default() });
    // A connection that a browser never used, and a used connection.
    server.connect().expect_closed().unwrap();
    let mut used = server.connect();
    used.ask(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    used.expect_closed().unwrap();
}

#[test]
fn a_client_that_does_not_read_its_response_does_not_block_the_worker() {
    let limits = Limits { write_time: tenths(3), linger: tenths(1), ..Limits::default() };
    let server = start(limits);
    let mut client = server.connect();
    // More than the socket buffers of both sides hold.
    client.send(b"GET /?64 HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    server.wait_until("a free worker", |pool| pool.completed == 1);
    // The bytes that were sent arrive, and the end of the stream shows that the response is
    // incomplete.
    assert!(client.read_reply().is_err());
}

#[test]
fn a_client_that_never_closes_is_left_after_the_linger_time() {
    let server = start(Limits { linger: tenths(2), ..Limits::default() });
    let mut client = server.connect();
    let reply = client.ask(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    assert_eq!(reply.text(), "done");
    // The client keeps its side open, but the server's thread still ends.
    assert_eq!(server.stop(), 0);
}
