//! The allocations of a warm connection: a few small blocks per request and nothing else, counted by the allocator.
#![cfg(unix)] // both ends are made with socketpair(2)

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use allocation_counter::measure;
use httpserver::Limits;
use httpserver::core::{
    Connection, ConnectionTable, Interest, MemoryBudget, Poll, Poller, UploadSlots,
};
use httpserver::http::context::Context;
use httpserver::http::date_line::append_date_line;
use httpserver::http::exchange::{Exchange, Scratch};
use httpserver::http::step::AfterStep;
use httpserver::http::{
    HeaderName, HeaderValue, Request, Response, Router, Routes, TrustedProxies,
};

/// Both ends of a connection, and the buffers of the thread.
struct Pair {
    client: UnixStream,
    connection: Connection,
    exchange: Exchange,
    scratch: Scratch,
    routes: Routes,
    limits: Limits,
    memory: MemoryBudget,
    uploads: UploadSlots,
    peer: SocketAddr,
    start: Instant,
    received: Vec<u8>,
}

impl Pair {
    fn new() -> Pair {
        let (client, server) = UnixStream::pair().unwrap();
        server.set_nonblocking(true).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let peer = ([127, 0, 0, 1], 9).into();
        let mut router = Router::new();
        router.get("/", |_: &mut Request| "Hello, World!");
        router.get("/users/list", |request: &mut Request| {
            let has_query = request.target().query() == Some("page=2");
            let is_known = request.headers().get("User-Agent").is_some();
            Response::text(if has_query && is_known { "page 2" } else { "page 1" })
        });
        router.get("/large", |_: &mut Request| {
            let value = HeaderValue::try_from("x".repeat(300_000)).unwrap();
            Response::text("").with_header(HeaderName::from_static("X"), value)
        });
        Pair {
            client,
            connection: Connection::new(TcpStream::from(OwnedFd::from(server)), peer),
            exchange: Exchange::default(),
            scratch: Scratch::default(),
            routes: router.build().unwrap(),
            limits: Limits { requests: usize::MAX, ..Limits::default() },
            memory: MemoryBudget::default(),
            uploads: UploadSlots::new(1),
            peer,
            start: Instant::now(),
            received: vec![0; 64 * 1024],
        }
    }

    /// Sends `sent`, runs one step, and returns the number of allocations in that step.
    fn exchange(&mut self, sent: &str, answers: usize) -> u64 {
        self.client.write_all(sent.as_bytes()).unwrap();
        // A thread formats the Date line once a second, with one allocation. So it happens here, and in the measured
        // step only if a new second has begun: then the responses have another Date line.
        let mut date = Vec::new();
        append_date_line(&mut date);
        let mut next = None;
        let counted = measure(|| next = Some(self.step()));
        assert!(matches!(next, Some(AfterStep::Wait(Interest::Read, _))));
        let count = self.client.read(&mut self.received).unwrap();
        let received = String::from_utf8_lossy(&self.received[..count]);
        assert_eq!(received.matches("HTTP/1.1 200 OK\r\n").count(), answers, "{received}");
        let is_same_second = received.matches(str::from_utf8(&date).unwrap()).count() == answers;
        counted.count_total - u64::from(!is_same_second)
    }

    fn step(&mut self) -> AfterStep {
        let (start, never) = (self.start, AtomicBool::new(false));
        let cx = Context {
            handler: &self.routes,
            limits: &self.limits,
            memory: &self.memory,
            uploads: &self.uploads,
            sheds_load: false,
            always: &[],
            is_stopping: &never,
            peer: self.peer,
            proxies: &TrustedProxies::default(),
            clock: &|| start,
        };
        self.exchange.step(&mut self.connection, &mut self.scratch, cx).unwrap()
    }
}

const PLAIN: &str = "GET / HTTP/1.1\r\nHost: a.example:8080\r\n\r\n";

/// A request as a browser sends it.
const BROWSER: &str = "GET /users/list?page=2 HTTP/1.1\r\n\
    Host: a.example\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\
    Accept-Language: en-US,en;q=0.5\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\n\
    Connection: keep-alive\r\n\
    Cookie: theme=dark; session=0123456789abcdef\r\n\
    Upgrade-Insecure-Requests: 1\r\n\
    Sec-Fetch-Dest: document\r\n\
    Sec-Fetch-Mode: navigate\r\n\
    Sec-Fetch-Site: none\r\n\
    Priority: u=0, i\r\n\r\n";

/// The parts of a request own their bytes. Buffers and other leftovers of earlier requests are reused.
#[test]
fn a_warm_connection_allocates_only_for_the_parts_of_its_requests() {
    for (sent, most) in [(PLAIN, 5), (BROWSER, 16)] {
        let mut pair = Pair::new();
        let cold = pair.exchange(sent, 1);
        let warm = pair.exchange(sent, 1);
        assert!(0 < warm && warm < cold, "the first request allocates the buffers, too: {cold}");
        assert!(warm <= most, "{warm} allocations for {sent}");
        for round in 1..=100 {
            assert_eq!(pair.exchange(sent, 1), warm, "round {round} of {sent}");
        }
    }
}

#[test]
fn many_requests_in_one_packet_allocate_as_much_as_one_by_one() {
    let mut pair = Pair::new();
    let pipelined = PLAIN.repeat(16);
    pair.exchange(&pipelined, 16);
    let one = pair.exchange(PLAIN, 1);
    assert_eq!(pair.exchange(&pipelined, 16), 16 * one);
}

#[test]
fn parking_and_readiness_events_allocate_nothing() {
    let (mut client, server) = UnixStream::pair().unwrap();
    server.set_nonblocking(true).unwrap();
    let server = TcpStream::from(OwnedFd::from(server));
    let connection = Connection::new(server, ([127, 0, 0, 1], 9).into());
    let server = connection.stream();
    let (table, poller) = (ConnectionTable::new(4), Poller::new().unwrap());
    let mut ready = httpserver::core::poller::Ready::with_capacity(4);
    let token = table.reserve().unwrap();
    poller.add(server, token, Interest::Read).unwrap();
    client.write_all(b"x").unwrap();
    let start = Instant::now();
    let mut boxed = Some(Box::new(7));
    for round in 0..100 {
        let counted = measure(|| {
            let parked = table.park(token, boxed.take().unwrap(), start, |_, _| {
                poller.arm(server, token, Interest::Read)
            });
            parked.unwrap();
            poller.wait(&mut ready, Some(Duration::from_secs(20))).unwrap();
            assert_eq!(ready.tokens().next(), Some(token));
            boxed = table.take(token);
        });
        assert!(round == 0 || counted.count_total == 0, "{} in round {round}", counted.count_total);
    }
}

/// Returns the number of bytes that are freed when this value is dropped.
fn bytes_of<T>(it: T) -> i64 {
    -measure(|| drop(it)).bytes_current
}

#[test]
fn a_connection_that_waits_has_no_buffer() {
    let mut pair = Pair::new();
    for _ in 0..2 {
        pair.exchange(BROWSER, 1);
    }
    // The result is the same for a request that arrived in two parts.
    let (begun, rest) = BROWSER.split_at(400);
    pair.client.write_all(begun.as_bytes()).unwrap();
    pair.step();
    pair.exchange(rest, 1);
    let bytes = bytes_of((pair.connection, pair.exchange));
    assert!(bytes < 100, "{bytes} bytes");
}

/// Memory for an unusual request or response is not kept for usual ones.
#[test]
fn a_thread_frees_buffers_that_are_far_too_large() {
    let mut pair = Pair::new();
    pair.limits.head = 1_000_000;
    let head = format!("GET /large HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(600_000));
    let mut rest = head.as_bytes();
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(rest.len().min(50_000));
        pair.client.write_all(piece).unwrap();
        while matches!(pair.step(), AfterStep::More(_)) {}
        rest = behind;
    }
    let count = pair.client.read(&mut pair.received).unwrap();
    assert!(pair.received[..count].starts_with(b"HTTP/1.1 200 OK"));
    let bytes = bytes_of(pair.scratch);
    assert!(bytes < 150_000, "{bytes} bytes");
}

#[test]
fn a_long_header_section_leaves_no_larger_buffer_behind() {
    let after = |first: &str| {
        let mut pair = Pair::new();
        pair.limits.head = 100_000;
        for sent in [first, BROWSER] {
            pair.exchange(sent, 1);
        }
        bytes_of(pair.scratch)
    };
    let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(30_000));
    let (usual, long) = (after(BROWSER), after(&long));
    assert!(long < usual + 10_000, "{long} bytes behind a long head, {usual} as a rule");
}
