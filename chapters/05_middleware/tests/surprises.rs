//! Surprises for the author of a first web server: flaws of simpler servers, and limits that this server still has. The
//! names of the tests state them.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, PoisonError};

use ch05_middleware::core::thread_pool::PoolConfig;
use ch05_middleware::http::{HeaderValue, Method, Request, Response};
use ch05_middleware::{Limits, Server};
use support::{LONG, Running};
use wire::{Client, request};

mod support;

fn get(target: &str) -> Vec<u8> {
    request("GET", target, &[], b"")
}

/// This many workers, and an idle timeout that is longer than any test.
fn with_workers(workers: usize) -> impl FnOnce(Server) -> Server {
    move |server| {
        let limits = Limits { idle_time: 10 * LONG, ..Limits::default() };
        server.with_limits(limits).with_workers(PoolConfig { workers, queue: 8 })
    }
}

#[test]
fn a_connection_opened_in_advance_does_not_hold_up_the_one_that_asks() {
    let server = Running::start(with_workers(2), |_: &mut Request| "done");
    let mut in_advance = server.connect();
    server.wait_until("the silent connection", |pool| pool.busy == 1);
    assert_eq!(server.connect().ask(get("/")).unwrap().text(), "done");
    // The server serves it too, once the browser uses it.
    assert_eq!(in_advance.ask(get("/")).unwrap().text(), "done");
    server.stop();
}

#[test]
fn as_many_idle_connections_as_workers_keep_everybody_else_waiting() {
    let server = Running::start(with_workers(2), |_: &mut Request| "done");
    let mut idle = [server.connect(), server.connect()];
    for client in &mut idle {
        assert_eq!(client.ask(get("/")).unwrap().text(), "done");
    }
    let mut third = server.connect();
    third.send(get("/")).unwrap();
    server.wait_until("the third client in the queue", |pool| (pool.busy, pool.queued) == (2, 1));
    let [first, _second] = idle;
    drop(first);
    assert_eq!(third.read_reply().unwrap().text(), "done");
}

#[test]
fn an_unread_body_is_not_parsed_as_the_next_request() {
    let server =
        Running::start(|server| server, |request: &mut Request| request.path().to_string());
    let mut client = server.connect();
    let hidden = b"GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";
    client.send(request("POST", "/unread", &[], hidden)).unwrap();
    client.send(get("/next")).unwrap();
    assert_eq!(client.read_reply().unwrap().text(), "/unread");
    assert_eq!(client.read_reply().unwrap().text(), "/next");
}

/// Returns `first`, and then waits for `go_on` before it ends.
struct InTwoParts {
    first: &'static [u8],
    go_on: Receiver<()>,
}

impl Read for InTwoParts {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.first.is_empty() {
            // The test has read the first part, or has failed. The stream ends in either case.
            let _ = self.go_on.recv_timeout(LONG);
            return Ok(0);
        }
        self.first.read(buffer)
    }
}

/// Reads up to these bytes, and not one byte more.
fn read_until(client: &mut Client, end: &[u8]) {
    let mut seen = Vec::new();
    while !seen.ends_with(end) {
        seen.extend(client.read_exact(1).unwrap());
    }
}

#[test]
fn the_bytes_of_a_stream_are_sent_before_it_produces_more() {
    let (sender, go_on) = channel();
    let go_on = Mutex::new(Some(go_on));
    let server = Running::start(
        |server| server,
        move |_: &mut Request| {
            let go_on = go_on.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap();
            Response::stream(
                HeaderValue::from_static("text/plain"),
                InTwoParts { first: b"now", go_on },
            )
        },
    );
    let mut client = server.connect();
    client.send(get("/")).unwrap();
    read_until(&mut client, b"3\r\nnow\r\n");
    // Only now may the reader continue. If the server buffered the whole response first, the test would never get here.
    sender.send(()).unwrap();
    assert_eq!(client.read_exact(5).unwrap(), b"0\r\n\r\n");
}

#[test]
fn a_handler_that_replaces_its_request_does_not_change_the_framing_of_the_response() {
    let server = Running::start(
        |server| server,
        |request: &mut Request| {
            let text = request.method().as_str().to_lowercase();
            *request = Request::builder(Method::Get, "/").build();
            text
        },
    );
    // The response to HEAD has no body, and the response to HTTP/1.0 is the last one.
    let mut client = server.connect();
    let head = client.ask(request("HEAD", "/", &[], b"")).unwrap();
    assert_eq!((head.status, head.field("Content-Length")), (200, Some("4")));
    assert_eq!(client.ask(get("/")).unwrap().text(), "get");
    let last = client.ask("GET / HTTP/1.0\r\n\r\n").unwrap();
    assert_eq!((last.text().as_str(), last.field("Connection")), ("get", Some("close")));
    server.stop();
}
