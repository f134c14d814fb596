//! A connection without a server, with a client that sends request after request, and with handlers that misbehave.
#![cfg(unix)] // both ends are made with socketpair(2)

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use httpserver::Limits;
use httpserver::core::{Connection, MemoryBudget, UploadSlots};
use httpserver::http::context::Context;
use httpserver::http::exchange::{Exchange, Scratch};
use httpserver::http::step::AfterStep;
use httpserver::http::{Handler, Method, Request, TrustedProxies};

/// Both ends of a connection.
struct Pair {
    client: UnixStream,
    connection: Connection,
    exchange: Exchange,
    scratch: Scratch,
    peer: SocketAddr,
}

impl Pair {
    fn new() -> Pair {
        let (client, server) = UnixStream::pair().unwrap();
        client.set_nonblocking(true).unwrap();
        server.set_nonblocking(true).unwrap();
        let (server, peer) = (TcpStream::from(OwnedFd::from(server)), ([127, 0, 0, 1], 9).into());
        let (exchange, scratch) = (Exchange::default(), Scratch::default());
        Pair { client, connection: Connection::new(server, peer), exchange, scratch, peer }
    }

    fn step(&mut self, handler: &dyn Handler) -> AfterStep {
        // The clock is stopped, because on a busy machine a step could end when its time slice is
        // over.
        let now = Instant::now();
        let cx = Context {
            handler,
            limits: &Limits { requests: usize::MAX, ..Limits::default() },
            memory: &MemoryBudget::default(),
            uploads: &UploadSlots::new(1),
            sheds_load: false,
            always: &[],
            is_stopping: &AtomicBool::new(false),
            peer: self.peer,
            proxies: &TrustedProxies::default(),
            clock: &|| now,
        };
        self.exchange.step(&mut self.connection, &mut self.scratch, cx).unwrap()
    }

    /// Writes one request after another until the buffers are full. Returns the number of bytes written.
    fn fill(&mut self, request: &[u8], sent: &mut usize) {
        loop {
            match self.client.write(&request[*sent % request.len()..]) {
                Ok(count) => *sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// The bytes received so far.
    fn read(&mut self) -> String {
        let mut text = Vec::new();
        match self.client.read_to_end(&mut text) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => panic!("{error}"),
            _ => String::from_utf8(text).unwrap(),
        }
    }
}

/// Regression test: each step read all bytes that had arrived and handled a part of them, so the rest grew with every step.
/// One client could fill the memory, and flow control never stopped it.
#[test]
fn a_client_that_pipelines_without_end_gets_backpressure() {
    let request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let (mut pair, mut sent, mut answered) = (Pair::new(), 0, 0);
    pair.fill(request, &mut sent);
    let in_the_socket = sent;
    for _ in 0..400 {
        pair.fill(request, &mut sent);
        assert_ne!(pair.step(&|_: &mut Request| ""), AfterStep::End);
        let count = pair.read().matches("HTTP/1.1 200 ").count();
        assert!(count > 0, "each step handles some");
        answered += count;
        let kept = sent - answered * request.len();
        assert!(kept <= in_the_socket + 100 * 1024, "{kept} bytes, {in_the_socket} in the socket");
    }
}

#[test]
fn a_handler_that_replaces_its_request_does_not_change_the_framing_of_the_response() {
    let handler = |request: &mut Request| {
        let text = request.method().as_str().to_lowercase();
        *request = Request::builder(Method::Get, "/").build();
        text
    };
    let mut pair = Pair::new();
    let requests =
        "HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.0\r\n\r\n";
    pair.client.write_all(requests.as_bytes()).unwrap();
    pair.step(&handler);
    let text = pair.read();
    // After each empty line are its body and the header section of the next.
    let parts: Vec<&str> = text.split("\r\n\r\n").collect();
    let [first, second, third, body] = parts[..] else { panic!("{text}") };
    assert!(first.contains("Content-Length: 4"), "{text}");
    assert!(second.starts_with("HTTP/1.1 200 "), "HEAD has a body: {text}");
    assert!(third.starts_with("getHTTP/1.1 200 "), "{text}");
    assert!(third.contains("Connection: close"), "{text}");
    assert_eq!(body, "get");
}
