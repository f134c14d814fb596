//! Every deadline of a connection, with a simulated clock: nothing here waits.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use httpserver::Limits;
use httpserver::core::{Connection, Interest, MemoryBudget, UploadSlots};
use httpserver::http::context::Context;
use httpserver::http::exchange::{Exchange, Scratch};
use httpserver::http::step::AfterStep;
use httpserver::http::{Request, Response, TrustedProxies};

const SECOND: Duration = Duration::from_secs(1);

/// Each limit is a different number of seconds, so that the test can distinguish them.
fn limits() -> Limits {
    Limits {
        idle_time: 3 * SECOND,
        head_time: 5 * SECOND,
        body_time: 7 * SECOND,
        write_time: 11 * SECOND,
        linger: 13 * SECOND,
        ..Limits::default()
    }
}

/// A client, and the server's side of its connection.
struct Pair {
    client: TcpStream,
    peer: SocketAddr,
    connection: Connection,
    exchange: Exchange,
    scratch: Scratch,
    start: Instant,
}

impl Pair {
    fn new() -> Pair {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        client.set_read_timeout(Some(20 * SECOND)).unwrap();
        let (server, peer) = listener.accept().unwrap();
        server.set_nonblocking(true).unwrap();
        Pair {
            client,
            peer,
            connection: Connection::new(server, peer),
            exchange: Exchange::default(),
            scratch: Scratch::default(),
            start: Instant::now(),
        }
    }

    /// The client sends `sent`, and after it has arrived, a step runs at `seconds` on the clock.
    fn step(&mut self, sent: &[u8], seconds: u32) -> AfterStep {
        self.client.write_all(sent).unwrap();
        if !sent.is_empty() {
            let mut one = [0];
            // On loopback the bytes usually arrive as soon as they are sent. The wait is for systems
            // where they arrive later.
            let patience = Instant::now() + 20 * SECOND;
            while self.connection.stream().peek(&mut one).is_err() {
                assert!(Instant::now() < patience, "what was sent does not arrive");
            }
        }
        // The time on the clock. A slow handler advances it.
        let shown = Arc::new(AtomicU32::new(seconds));
        let moved = Arc::clone(&shown);
        let handler = move |request: &mut Request| match request.path() {
            "/slow" => {
                moved.fetch_add(2, Ordering::SeqCst);
                Response::text("done")
            }
            "/large" => Response::text("x".repeat(64 * 1024 * 1024)),
            _ => Response::text("done"),
        };
        let (limits, never) = (limits(), AtomicBool::new(false));
        let cx = Context {
            handler: &handler,
            limits: &limits,
            memory: &MemoryBudget::default(),
            uploads: &UploadSlots::new(1),
            sheds_load: false,
            always: &[],
            is_stopping: &never,
            peer: self.peer,
            proxies: &TrustedProxies::default(),
            clock: &|| self.start + shown.load(Ordering::SeqCst) * SECOND,
        };
        self.exchange.step(&mut self.connection, &mut self.scratch, cx).unwrap()
    }

    /// The expected result of a step that waits until `seconds`.
    fn until(&self, interest: Interest, seconds: u32) -> AfterStep {
        AfterStep::Wait(interest, self.start + seconds * SECOND)
    }

    fn read(&mut self) -> String {
        let mut bytes = vec![0; 4096];
        let count = self.client.read(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..count]).into_owned()
    }
}

#[test]
fn between_requests_the_idle_time_counts_from_the_last_response() {
    let mut pair = Pair::new();
    assert_eq!(pair.step(b"", 0), pair.until(Interest::Read, 3));
    let next = pair.step(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 2);
    assert_eq!(next, pair.until(Interest::Read, 2 + 3));
    assert!(!pair.exchange.time_out(), "an idle connection ends without a response");
}

#[test]
fn deadlines_after_a_handler_count_from_its_end() {
    let mut pair = Pair::new();
    let next = pair.step(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n", 4);
    assert_eq!(next, pair.until(Interest::Read, 4 + 2 + 3));
}

#[test]
fn the_header_section_has_one_deadline_from_its_first_byte_however_slowly_it_arrives() {
    let mut pair = Pair::new();
    assert_eq!(pair.step(b"G", 1), pair.until(Interest::Read, 1 + 5));
    assert_eq!(pair.step(b"E", 3), pair.until(Interest::Read, 1 + 5));
    assert_eq!(pair.step(b"T", 5), pair.until(Interest::Read, 1 + 5));
    assert!(pair.exchange.time_out());
    let next = pair.step(b"", 6);
    assert!(pair.read().starts_with("HTTP/1.1 408 "));
    // Further input is discarded until the linger time is over.
    assert_eq!(next, pair.until(Interest::Read, 6 + 13));
    assert!(pair.exchange.is_closing() && !pair.exchange.time_out());
}

#[test]
fn the_body_has_one_deadline_from_the_end_of_the_header_section() {
    let mut pair = Pair::new();
    pair.step(b"POST / HTTP/1.1\r\nHost: a\r\n", 0);
    let next = pair.step(b"Content-Length: 4\r\n\r\n1", 4);
    assert_eq!(next, pair.until(Interest::Read, 4 + 7));
    assert_eq!(pair.step(b"2", 10), pair.until(Interest::Read, 4 + 7));
    assert!(pair.exchange.time_out());
    pair.step(b"", 11);
    assert!(pair.read().starts_with("HTTP/1.1 408 "));
}

#[test]
fn a_request_that_follows_at_once_has_a_head_time_of_its_own() {
    let mut pair = Pair::new();
    let next = pair.step(b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /next HT", 2);
    assert_eq!(next, pair.until(Interest::Read, 2 + 5));
}

#[test]
fn a_response_that_is_not_read_has_the_write_time_and_then_the_connection_ends() {
    let mut pair = Pair::new();
    let next = pair.step(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n", 2);
    assert_eq!(next, pair.until(Interest::Write, 2 + 11));
    // Further requests are not read: the client has to read its response first.
    assert_eq!(pair.step(b"GET / HTTP/1.1\r\n", 9), pair.until(Interest::Write, 9 + 11));
    assert!(!pair.exchange.time_out());
}

/// Other connections get their steps before this one continues. Until then it waits for its socket
/// to be writable.
#[test]
fn a_step_that_leaves_requests_to_the_next_one_has_the_write_time() {
    let mut pair = Pair::new();
    let next = pair.step(&b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(33), 4);
    assert_eq!(next, pair.until(Interest::Write, 4 + 11));
}

#[test]
fn requests_that_take_long_are_left_to_the_next_step_after_a_few() {
    let mut pair = Pair::new();
    let next = pair.step(&b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n".repeat(12), 0);
    // The slice begins after four requests, and is over after four more.
    assert_eq!(pair.read().matches("HTTP/1.1 200 OK").count(), 8);
    assert_eq!(next, pair.until(Interest::Write, 8 * 2 + 11));
}
