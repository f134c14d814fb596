//! Tests of one step of a connection, and of the work that it leaves to the next step. There is no server, and nothing
//! waits.
#![cfg(unix)] // both ends are made with socketpair(2)

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use httpserver::Limits;
use httpserver::core::{Connection, Interest, MemoryBudget, UploadSlots};
use httpserver::http::context::Context;
use httpserver::http::exchange::{Exchange, Scratch};
use httpserver::http::step::AfterStep;
use httpserver::http::{Handler, HeaderValue, Request, Response, TrustedProxies};

const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// Both ends of a connection.
struct Pair {
    client: TcpStream,
    connection: Connection,
    exchange: Exchange,
    scratch: Scratch,
    limits: Limits,
    uploads: UploadSlots,
    proxies: TrustedProxies,
    is_stopping: AtomicBool,
}

impl Pair {
    fn new() -> Pair {
        Pair::with(Limits::default())
    }

    fn with(limits: Limits) -> Pair {
        let (client, server) = UnixStream::pair().unwrap();
        client.set_nonblocking(true).unwrap();
        server.set_nonblocking(true).unwrap();
        // These calls work the same on both kinds of socket, and sent bytes arrive at once.
        let [client, server] = [client, server].map(|it| TcpStream::from(OwnedFd::from(it)));
        let peer = SocketAddr::from(([192, 0, 2, 7], 50_007));
        Pair {
            client,
            connection: Connection::new(server, peer),
            exchange: Exchange::default(),
            scratch: Scratch::default(),
            limits,
            uploads: UploadSlots::new(1),
            proxies: TrustedProxies::default(),
            is_stopping: AtomicBool::new(false),
        }
    }

    /// The client sends `sent`, and a step runs.
    fn step(&mut self, sent: impl AsRef<[u8]>, handler: &dyn Handler) -> AfterStep {
        self.client.write_all(sent.as_ref()).unwrap();
        // The clock is stopped, because on a busy machine a step could end when its time slice is
        // over.
        let now = Instant::now();
        let cx = Context {
            handler,
            limits: &self.limits,
            memory: &MemoryBudget::default(),
            uploads: &self.uploads,
            sheds_load: false,
            always: &[],
            is_stopping: &self.is_stopping,
            peer: self.connection.peer(),
            proxies: &self.proxies,
            clock: &|| now,
        };
        self.exchange.step(&mut self.connection, &mut self.scratch, cx).unwrap()
    }

    /// The bytes received so far.
    fn read(&mut self) -> String {
        let mut bytes = Vec::new();
        match self.client.read_to_end(&mut bytes) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => panic!("{error}"),
            _ => String::from_utf8(bytes).unwrap(),
        }
    }
}

fn done(_: &mut Request) -> &'static str {
    "done"
}

fn waits_to_read(next: AfterStep) -> bool {
    matches!(next, AfterStep::Wait(Interest::Read, _))
}

/// Small responses are sent by one call, but a client that waits for the first of many gets it before all are
/// generated. A large response is sent at once.
#[test]
fn responses_to_requests_that_arrived_together_leave_together_unless_they_are_large() {
    for (size, together) in [(10, 8), (16_000, 5), (17_000, 1)] {
        let mut pair = Pair::new();
        let client = pair.client.try_clone().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let inside = Arc::clone(&seen);
        let handler = move |_: &mut Request| {
            inside.lock().unwrap().push(client.peek(&mut [0]).is_ok());
            Response::text("x".repeat(size))
        };
        assert!(waits_to_read(pair.step(GET.repeat(8), &handler)));
        let seen = seen.lock().unwrap();
        let count = seen.iter().take_while(|is_something_there| !**is_something_there).count();
        assert_eq!((count, seen.len()), (together, 8), "{size}: {seen:?}");
        assert_eq!(pair.read().matches("HTTP/1.1 200 OK").count(), 8);
    }
}

#[test]
fn a_client_that_sends_many_requests_lets_others_have_a_step_in_between() {
    let handled = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&handled);
    let handler = move |_: &mut Request| count.fetch_add(1, Ordering::SeqCst).to_string();
    let mut pair = Pair::new();
    assert!(!waits_to_read(pair.step(GET.repeat(100), &handler)));
    assert!(handled.load(Ordering::SeqCst) < 50, "one step is not for all of them");
    let mut turns = 1;
    while !waits_to_read(pair.step("", &handler)) {
        turns += 1;
        assert!(turns < 100, "it makes no progress");
    }
    assert_eq!(handled.load(Ordering::SeqCst), 100);
    assert_eq!(pair.read().matches("HTTP/1.1 200 OK").count(), 100);
}

#[test]
fn a_request_has_the_address_of_its_client_in_whatever_pieces_it_arrived() {
    let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n";
    let chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n";
    let table: [&[&str]; 7] = [
        &[GET],
        &[&GET[..9], &GET[9..]],
        &[post, "abcd"],
        &[post, "ab", "cd"],
        &[chunked, "abcd\r\n0\r\n\r\n"],
        // Such a body is read by the handler.
        &["POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabcdef"],
        &["POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabcdef", GET],
    ];
    let handler = |request: &mut Request| request.peer().to_string();
    for pieces in table {
        let mut pair = Pair::with(Limits { whole_body: 5, ..Limits::default() });
        for piece in pieces {
            pair.step(piece, &handler);
        }
        let reply = pair.read();
        assert!(reply.contains("\r\n\r\n192.0.2.7:50007"), "{pieces:?}: {reply}");
    }
}

#[test]
fn during_a_stop_each_response_is_the_last_and_a_connection_without_one_goes_on() {
    for (begun, rest) in [
        ("", GET),
        ("GET / HT", "TP/1.1\r\nHost: a\r\n\r\n"),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab", "cd"),
    ] {
        let mut pair = Pair::new();
        assert!(waits_to_read(pair.step(begun, &done)));
        pair.is_stopping.store(true, Ordering::SeqCst);
        assert!(waits_to_read(pair.step("", &done)), "{begun:?}");
        pair.step(rest, &done);
        assert!(pair.read().contains("Connection: close\r\n"), "{begun:?}");
    }
}

/// A client that requests a close sends nothing more. Other clients may, and an immediate close would be
/// a reset for them.
#[test]
fn only_a_client_that_asked_for_the_end_and_sent_nothing_more_is_not_waited_for() {
    let close = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let table = [
        (close.to_string(), true),
        (format!("{GET}{close}"), true),
        (format!("{close}GET"), false),
        // Here the server closes: after the maximum number of requests, and after a malformed
        // request.
        (GET.repeat(3), false),
        ("\0".to_string(), false),
    ];
    for (sent, is_end) in table {
        let mut pair = Pair::with(Limits { requests: 3, ..Limits::default() });
        let next = pair.step(&sent, &done);
        assert_eq!(next == AfterStep::End, is_end, "{sent:?}: {next:?}");
        assert!(is_end || waits_to_read(next));
        assert!(pair.read().contains("Connection: close\r\n"));
    }
}

#[test]
fn what_arrives_after_the_last_response_is_discarded_up_to_a_limit() {
    const MAX_SENT: usize = 16 * 1024 * 1024;
    let mut pair = Pair::new();
    assert!(waits_to_read(pair.step("\0", &done)));
    let piece = vec![b'x'; 64 * 1024];
    let mut sent = 0;
    while sent < MAX_SENT {
        let next = pair.step(&piece, &done);
        sent += piece.len();
        assert!(waits_to_read(next), "{next:?} behind {sent} bytes");
    }
    assert_eq!(pair.step("x", &done), AfterStep::End);
}

/// The limit on a header section may be larger than one read.
#[test]
fn a_header_section_that_is_larger_than_one_read_is_read_whole() {
    let mut pair = Pair::with(Limits { head: 200_000, ..Limits::default() });
    let head = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(100_000));
    let mut turns = 0;
    let mut next = pair.step(head, &done);
    while matches!(next, AfterStep::More(_)) {
        turns += 1;
        assert!(turns < 100, "it makes no progress");
        next = pair.step("", &done);
    }
    assert!(waits_to_read(next));
    assert!(pair.read().starts_with("HTTP/1.1 200 OK"));
}

/// The next request may still be in the receive buffer, and the poller has already reported it.
#[test]
fn after_a_body_that_its_handler_has_read_there_may_be_more() {
    let mut pair = Pair::with(Limits { whole_body: 1000, ..Limits::default() });
    let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 40000\r\n\r\n";
    let next = pair.step([post, &"x".repeat(40_000), GET].concat(), &count);
    assert!(matches!(next, AfterStep::More(_)), "{next:?}");
    let reply = pair.read();
    assert!(reply.contains("40000 kept: false, Ok(40000)HTTP/1.1 200 OK\r\n"), "{reply}");
}

#[test]
fn a_rejection_says_what_was_too_slow_and_not_when_to_retry() {
    for (begun, part) in [
        ("GET / HT", "header section"),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab", "body"),
    ] {
        let mut pair = Pair::new();
        pair.step(begun, &done);
        assert!(pair.exchange.time_out());
        pair.step("", &done);
        let reply = pair.read();
        assert!(reply.starts_with("HTTP/1.1 408 "), "{reply}");
        assert!(reply.contains(&format!("the {part} of the request")), "{reply}");
        assert!(!reply.contains("Retry-After"), "{reply}");
    }
}

/// The client has begun the next request, and does not read responses.
#[test]
fn a_client_that_is_too_slow_and_reads_nothing_gets_no_response() {
    let mut pair = Pair::new();
    let handler = |_: &mut Request| Response::text("x".repeat(1000));
    let mut begun = "";
    let mut next = AfterStep::End;
    for _ in 0..1000 {
        // Each piece ends in the middle of a header section.
        let requests = GET.repeat(20);
        next = pair.step(format!("{}G", &requests[begun.len()..]), &handler);
        begun = "G";
        if matches!(next, AfterStep::Wait(Interest::Write, _)) {
            break;
        }
    }
    assert!(matches!(next, AfterStep::Wait(Interest::Write, _)), "{next:?}: it all goes somewhere");
    assert!(!pair.exchange.time_out());
}

#[test]
fn a_rejection_of_head_has_no_body_however_the_method_arrived() {
    for pieces in [&["HEAD / HTTP/1.1\r\nHost: a\r\n", "\0"][..], &["HE", "AD / HT", "\0"]] {
        let mut pair = Pair::new();
        for piece in pieces {
            pair.step(piece, &done);
        }
        let reply = pair.read();
        assert!(reply.starts_with("HTTP/1.1 400 ") && reply.ends_with("\r\n\r\n"), "{reply}");
    }
}

#[test]
fn a_stream_that_no_length_ends_ends_the_connection_and_waits_for_the_client() {
    let handler = |_: &mut Request| {
        Response::stream(HeaderValue::from_static("text/plain"), &b"until the end"[..])
    };
    let mut pair = Pair::new();
    let next = pair.step("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", &handler);
    assert!(waits_to_read(next), "the client did not ask for the end: {next:?}");
    assert!(pair.read().ends_with("until the end"));
}

/// Reads the body, and responds with its length and whether it had been collected.
fn count(request: &mut Request) -> String {
    let is_kept = request.body().has_arrived();
    assert!(is_kept || !request.body().is_empty(), "nobody can know");
    let mut body = Vec::new();
    let end = request.body_mut().read_to_end(&mut body).map_err(|error| error.kind());
    format!("{} kept: {is_kept}, {end:?}", body.len())
}

#[test]
fn a_body_is_kept_up_to_a_limit_and_beyond_it_its_handler_need_not_wait_for_the_end() {
    let fixed =
        |length: usize| format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
    let chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".to_string();
    let table = [
        (vec![fixed(5), "ab".into(), "cde".into()], Some("true")),
        (vec![fixed(6), "ab".into()], None),
        (vec![fixed(6), "ab".into(), "cde".into()], Some("false")),
        (vec![fixed(5), "ab".into()], None),
        (vec![chunked.clone(), "5\r\nabcde\r\n".into(), "0\r\n\r\n".into()], Some("true")),
        (vec![chunked.clone(), "5\r\nabcde\r\n".into()], None),
        (vec![chunked.clone(), "5\r\nabcde\r\n1\r\nf".into()], Some("false")),
        (vec![chunked + "6\r\nabcdef"], Some("false")),
    ];
    let handler = |request: &mut Request| request.body().has_arrived().to_string();
    for (pieces, expected) in table {
        let mut pair = Pair::with(Limits { whole_body: 5, ..Limits::default() });
        for piece in &pieces {
            pair.step(piece, &handler);
        }
        let reply = pair.read();
        let body = reply.split("\r\n\r\n").nth(1);
        assert_eq!(body, expected, "{pieces:?}");
    }
}

#[test]
fn a_client_gets_100_continue_once_also_if_the_body_becomes_large() {
    let mut pair = Pair::with(Limits { whole_body: 5, ..Limits::default() });
    let client = pair.client.try_clone().unwrap();
    let handler = move |request: &mut Request| {
        (&client).write_all(b"0\r\n\r\n").unwrap();
        count(request)
    };
    let head =
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n";
    pair.step(head, &handler);
    assert_eq!(pair.read(), "HTTP/1.1 100 Continue\r\n\r\n");
    pair.step("6\r\nabcdef\r\n", &handler);
    let reply = pair.read();
    assert!(reply.starts_with("HTTP/1.1 200 OK\r\n"), "{reply}");
    assert!(reply.ends_with("6 kept: false, Ok(6)"), "{reply}");
}

/// A client that stops sending in the middle has not completed its request, although its handler may have
/// begun.
#[test]
fn a_client_that_leaves_in_the_middle_of_a_large_body_gets_no_response() {
    let mut pair = Pair::with(Limits { whole_body: 5, ..Limits::default() });
    let client = pair.client.try_clone().unwrap();
    let handler = move |request: &mut Request| {
        client.shutdown(Shutdown::Write).unwrap();
        count(request)
    };
    let next = pair.step("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabcdef", &handler);
    assert_eq!((next, pair.read().as_str()), (AfterStep::End, ""));
}

/// The handler will wait for the client, which may wait for its response.
#[test]
fn responses_before_a_large_body_are_sent_before_its_handler_begins() {
    let mut pair = Pair::with(Limits { whole_body: 5, ..Limits::default() });
    let client = pair.client.try_clone().unwrap();
    let handler = move |request: &mut Request| {
        let is_answered = client.peek(&mut [0]).is_ok();
        format!("{} {is_answered}", request.method())
    };
    let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabcdef";
    pair.step([GET, post].concat(), &handler);
    let reply = pair.read();
    assert!(reply.contains("GET false") && reply.ends_with("POST true"), "{reply}");
}

#[test]
fn a_large_body_for_which_there_is_no_slot_waits_in_the_queue_and_reads_nothing() {
    let limits = Limits { whole_body: 100, ..Limits::default() };
    let mut pair = Pair::with(limits);
    let slot = pair.uploads.take(ADDRESS).expect("it is free");
    let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300\r\n\r\n";
    let first = format!("{head}{}", "x".repeat(99));
    assert!(waits_to_read(pair.step(first, &done)), "it is too little to begin with");
    assert!(matches!(pair.step("x", &done), AfterStep::Queue { is_new: true, .. }));
    assert!(matches!(pair.step("x", &done), AfterStep::Queue { is_new: false, .. }));
    assert!(pair.connection.stream().peek(&mut [0]).is_ok(), "the byte is left to the kernel");
    drop(slot);
    assert!(
        matches!(pair.step("", &done), AfterStep::Queue { is_new: false, .. }),
        "a slot is brought"
    );
    assert!(pair.exchange.time_out());
    pair.step("", &done);
    let reply = pair.read();
    assert!(reply.starts_with("HTTP/1.1 503 ") && reply.contains("Retry-After: 1\r\n"), "{reply}");
}

#[test]
fn a_large_body_that_has_waited_is_handled_when_there_is_a_slot() {
    let limits = Limits { whole_body: 100, ..Limits::default() };
    let mut pair = Pair::with(limits);
    let slot = pair.uploads.take(ADDRESS);
    let body = "x".repeat(300);
    let request = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 400\r\n\r\n{body}");
    assert!(matches!(pair.step(request, &done), AfterStep::Queue { is_new: true, .. }));
    drop(slot);
    pair.exchange.leave_queue(pair.uploads.take(ADDRESS).expect("it is free"));
    pair.step("", &done);
    assert!(pair.read().ends_with("done"), "it does not want the body");
    assert_eq!(pair.uploads.free(), 1);
}

#[test]
fn a_large_body_counts_for_the_client_behind_the_proxy() {
    let limits = Limits { whole_body: 100, ..Limits::default() };
    let holder: IpAddr = "203.0.113.1".parse().unwrap();
    for (client, is_queued) in [("203.0.113.1", true), ("203.0.113.2", false)] {
        let mut pair = Pair::with(limits);
        pair.uploads = UploadSlots::new(2);
        pair.proxies = ADDRESS.to_string().parse().unwrap();
        // An address gets a slot only if more are free than it holds.
        let _slot = pair.uploads.take(holder).expect("it is free");
        let head = format!("POST / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: {client}\r\n");
        let request = format!("{head}Content-Length: 400\r\n\r\n{}", "x".repeat(300));
        let after = pair.step(request, &done);
        assert_eq!(matches!(after, AfterStep::Queue { .. }), is_queued, "{client}: {after:?}");
        assert_eq!(pair.exchange.client(), Some(client.parse().unwrap()));
    }
}
