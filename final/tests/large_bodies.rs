//! A body that is too large to be collected is read by its handler while it arrives.

mod support;

use std::io::{Read, Write};
use std::sync::mpsc;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use httpserver::Limits;
use httpserver::http::{HeaderValue, HttpError, Request, Response, Router, Routes, extract};
use socket2::{Domain, Socket, Type};
use support::{LONG, Running};
use wire::Reply;

/// The maximum size of a collected body in these tests. A larger body is a large one.
const WHOLE: u64 = 1000;

/// The part of a large body that must have arrived before its handler is called: as much as the largest
/// small body.
const FIRST: usize = 1000;

fn limits() -> Limits {
    Limits { whole_body: WHOLE, body: 64 * 1024 * 1024, ..Limits::default() }
}

/// The summary that a handler sends of a body that it has read as it arrived.
fn count(request: &mut Request) -> String {
    let (mut buffer, mut length, mut sum) = ([0; 5000], 0_usize, 0_u64);
    let error = loop {
        match request.body_mut().read(&mut buffer) {
            Ok(0) => break String::new(),
            Ok(count) => {
                length += count;
                sum += buffer[..count].iter().map(|byte| u64::from(*byte)).sum::<u64>();
            }
            Err(error) => break format!(", {:?}", error.kind()),
        }
    };
    format!("{length} bytes, sum {sum}{error}")
}

fn routes() -> Router {
    let mut router = Router::new();
    router.post("/count", count);
    router.post("/ignore", |_: &mut Request| "not interested");
    router.post("/first", |request: &mut Request| {
        let mut first = [0; 3];
        request.body_mut().read_exact(&mut first).unwrap();
        String::from_utf8_lossy(&first).into_owned()
    });
    router.post("/away", |request: &mut Request| {
        drop(std::mem::take(request.body_mut()));
        "gone"
    });
    router.post("/json", |request: &mut Request| {
        let value = extract::json(request)?;
        Ok::<_, HttpError>(Response::json(&value))
    });
    router.get("/", |_: &mut Request| "here");
    router
}

fn start(limits: Limits) -> Running {
    let routes: Routes = routes().build().unwrap();
    Running::start(|server| server.with_limits(limits), routes)
}

fn text(reply: &Reply) -> String {
    String::from_utf8_lossy(&reply.body).into_owned()
}

fn post(path: &str, fields: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
}

#[test]
fn the_handler_has_the_beginning_before_the_client_has_sent_the_end() {
    let (sender, receiver) = mpsc::channel();
    let sender = Mutex::new(sender);
    let mut router = Router::new();
    router.post("/", move |request: &mut Request| {
        let mut beginning = vec![0; FIRST];
        request.body_mut().read_exact(&mut beginning).unwrap();
        sender.lock().unwrap_or_else(PoisonError::into_inner).send(beginning).unwrap();
        count(request)
    });
    let routes = router.build().unwrap();
    let server = Running::start(|server| server.with_limits(limits()), routes);
    let mut client = server.connect();
    client.send(post("/", "Content-Length: 2000\r\n") + &"a".repeat(FIRST)).unwrap();
    // The rest of the body is sent only after this, so the handler runs before the whole body has
    // arrived.
    assert_eq!(receiver.recv_timeout(LONG).unwrap(), "a".repeat(FIRST).as_bytes());
    client.send(vec![1; 1000]).unwrap();
    assert_eq!(text(&client.read_reply().unwrap()), "1000 bytes, sum 1000");
    server.stop();
}

#[test]
fn bytes_after_a_large_body_are_the_next_request() {
    let server = start(limits());
    let length = 300_000;
    let fixed = post("/count", &format!("Content-Length: {length}\r\n"));
    let mut chunked = post("/count", "Transfer-Encoding: chunked\r\n").into_bytes();
    for _ in 0..300 {
        chunked.extend_from_slice(b"3e8\r\n");
        chunked.extend_from_slice(&[1; 1000]);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    let fixed = [fixed.into_bytes(), vec![1; length]].concat();
    for body in [fixed, chunked] {
        let mut client = server.connect();
        // Requests before it and after it, all sent by one call.
        let get = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        client.send([&get[..], &body, get, &body, get].concat()).unwrap();
        for expected in
            ["here", "300000 bytes, sum 300000", "here", "300000 bytes, sum 300000", "here"]
        {
            assert_eq!(text(&client.read_reply().unwrap()), expected);
        }
    }
    assert_eq!(server.stop(), 0);
}

#[test]
fn a_client_gets_100_continue_when_the_handler_reads_the_body() {
    let server = start(limits());
    let fields = "Content-Length: 1500\r\nExpect: 100-continue\r\n";
    let mut client = server.connect();
    client.send(post("/count", fields)).unwrap();
    let word = client.read_exact(25).unwrap();
    assert_eq!(word, b"HTTP/1.1 100 Continue\r\n\r\n");
    client.send(vec![1; 1500]).unwrap();
    assert_eq!(text(&client.read_reply().unwrap()), "1500 bytes, sum 1500");

    // A handler that does not read the body responds at once, and the connection ends.
    let mut client = server.connect();
    client.send(post("/ignore", fields)).unwrap();
    let reply = client.read_reply().unwrap();
    assert_eq!((reply.status, text(&reply).as_str()), (200, "not interested"));
    assert_eq!(reply.field("Connection"), Some("close"));
    client.half_close().unwrap();
    client.expect_closed().unwrap();
    server.stop();
}

#[test]
fn a_body_that_is_not_read_to_its_end_ends_the_connection() {
    let server = start(limits());
    for (path, expected) in [("/ignore", "not interested"), ("/first", "xxx"), ("/away", "gone")] {
        let mut client = server.connect();
        client.send(post(path, "Content-Length: 200000\r\n")).unwrap();
        client.send(vec![b'x'; 200_000]).unwrap();
        let reply = client.read_reply().unwrap();
        assert_eq!((text(&reply).as_str(), reply.field("Connection")), (expected, Some("close")));
        client.half_close().unwrap();
        client.expect_closed().unwrap();
    }
    assert_eq!(server.stop(), 0);
}

#[test]
fn a_malformed_too_large_or_late_body_is_rejected_by_the_server() {
    let quick = Limits { body_time: Duration::from_millis(100), body: 5000, ..limits() };
    let server = start(quick);
    let chunked = post("/count", "Transfer-Encoding: chunked\r\n");
    let chunk = format!("7d0\r\n{}\r\n", "x".repeat(2000));
    let table = [
        (format!("{chunked}{chunk}nonsense\r\n"), 400, "chunk"),
        (format!("{chunked}{chunk}{chunk}{chunk}"), 413, "larger"),
        (format!("{chunked}{chunk}"), 408, "in time"),
        (post("/count", "Content-Length: 2000\r\n") + "abc", 408, "in time"),
        (post("/count", "Content-Length: 2000\r\n") + &"a".repeat(FIRST), 408, "in time"),
        (post("/count", "Content-Length: 5001\r\n"), 413, "larger"),
        (
            post("/json", "Content-Type: application/json\r\nContent-Length: 1001\r\n")
                + &"1".repeat(FIRST),
            408,
            "in time",
        ),
    ];
    for (sent, status, word) in table {
        let mut client = server.connect();
        client.send(&sent).unwrap();
        let reply = client.read_reply().unwrap();
        assert_eq!(reply.status, status, "{sent:?}");
        assert!(text(&reply).contains(word), "{}", text(&reply));
        assert_eq!(reply.field("Connection"), Some("close"));
    }
    server.stop();
}

#[test]
fn a_client_that_disconnects_midway_leaves_the_server_unchanged() {
    let server = start(limits());
    for _ in 0..20 {
        let mut client = server.connect();
        client.send(post("/count", "Content-Length: 2000\r\n") + "abc").unwrap();
        drop(client);
    }
    server.wait_until("all to be gone", |statistics| {
        statistics.open == 0 && statistics.accepted == 20
    });
    let mut client = server.connect();
    assert_eq!(text(&client.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap()), "here");
    assert_eq!(server.stop(), 0);
}

/// A server with one permit and so many threads.
fn start_with(threads: u32) -> Running {
    let routes: Routes = routes().build().unwrap();
    let size =
        httpserver::core::worker_pool::PoolConfig { permits: 1, threads, stall_timeout: LONG };
    Running::start(|server| server.with_limits(limits()).with_workers(size), routes)
}

/// Regression test: each upload held a thread, so with 34 of them all other clients got 503.
#[test]
fn uploads_that_stop_after_a_few_bytes_hold_no_thread() {
    let server = start_with(2);
    let mut uploads: Vec<_> = (0..40).map(|_| server.connect()).collect();
    for client in &mut uploads {
        client.send(post("/count", "Content-Length: 2000\r\n") + &"a".repeat(FIRST - 1)).unwrap();
    }
    server.wait_until("all to be there", |statistics| statistics.open == 40);
    let mut other = server.connect();
    assert_eq!(text(&other.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap()), "here");
    // They do not delay another upload either.
    let whole = post("/count", "Content-Length: 5000\r\n") + &"\u{1}".repeat(5000);
    assert_eq!(text(&other.ask(whole).unwrap()), "5000 bytes, sum 5000");
    for client in &mut uploads {
        client.send(vec![0; 1001]).unwrap();
        assert!(text(&client.read_reply().unwrap()).starts_with("2000 bytes"));
    }
    assert_eq!(server.stop(), 0);
}

#[test]
fn uploads_that_stop_later_wait_for_a_slot_and_leave_threads_to_the_others() {
    let server = start_with(4);
    let mut uploads: Vec<_> = (0..20).map(|_| server.connect()).collect();
    for client in &mut uploads {
        client.send(post("/count", "Content-Length: 3000\r\n") + &"a".repeat(1500)).unwrap();
    }
    // One of them has the slot.
    for _ in 0..10 {
        let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        assert_eq!(text(&server.connect().ask(get).unwrap()), "here");
    }
    // A slot that becomes free goes to an upload that waits, even if its connection has ended
    // meanwhile.
    drop(uploads.split_off(15));
    for client in &mut uploads {
        client.send(vec![b'a'; 1500]).unwrap();
    }
    for client in &mut uploads {
        assert!(text(&client.read_reply().unwrap()).starts_with("3000 bytes"));
    }
    assert_eq!(server.stop(), 0);
}

/// Reading bytes that have already arrived needs no wait, but the handler cannot know that in
/// advance.
#[test]
fn a_handler_that_reads_from_the_socket_has_handed_off_its_permit() {
    let mut router = routes();
    router.post("/way", |request: &mut Request| {
        std::io::copy(request.body_mut(), &mut std::io::sink()).unwrap();
        httpserver::core::release_permit().to_string()
    });
    let routes: Routes = router.build().unwrap();
    let size =
        httpserver::core::worker_pool::PoolConfig { permits: 1, threads: 8, stall_timeout: LONG };
    let set = |server: httpserver::Server| server.with_limits(limits()).with_workers(size);
    let server = Running::start(set, routes);
    let head = post("/way", "Content-Length: 100000\r\n").into_bytes();
    for _ in 0..5 {
        let mut client = server.connect();
        client.send([&head[..], &vec![b'x'; 100_000]].concat()).unwrap();
        assert_eq!(text(&client.read_reply().unwrap()), "false", "it had one to give");
    }
    server.stop();
}

/// A response that is the body of the request, as it arrives.
fn echo(request: &mut Request) -> Response {
    let body = std::mem::take(request.body_mut());
    Response::stream(HeaderValue::from_static("application/octet-stream"), body)
}

/// Regression test: such a response was written to a blocking socket without a timeout, so a client that sent and did
/// not read held the thread forever.
#[test]
fn a_client_that_does_not_read_the_echo_of_its_large_body_holds_no_thread() {
    let mut router = routes();
    router.post("/echo", echo);
    let size =
        httpserver::core::worker_pool::PoolConfig { permits: 1, threads: 1, stall_timeout: LONG };
    let limits = Limits { write_time: Duration::from_secs(1), ..limits() };
    let set = |server: httpserver::Server| server.with_limits(limits).with_workers(size);
    let server = Running::start(set, router.build().unwrap());
    // A small buffer for the response. After the first step the client reads some of it, and in the second step the
    // buffer is full again before the step ends.
    let client = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    client.set_recv_buffer_size(4096).unwrap();
    client.set_read_timeout(Some(LONG)).unwrap();
    client.connect(&server.addr().into()).unwrap();
    let reader = client.try_clone().unwrap();
    let head = post("/echo", "Content-Length: 50000000\r\n");
    let sender = std::thread::Builder::new().name("client".to_string());
    let sender = sender.spawn(move || {
        // This blocks until the server aborts the connection. The client itself does not
        // disconnect.
        let sent = (&client).write_all(&[head.as_bytes(), &vec![b'x'; 50_000_000]].concat());
        (client, sent)
    });
    (&reader).read_exact(&mut vec![0; 300_000]).unwrap();
    server.wait_until("the deadline", |now| now.timed_out == 1 && now.open == 0);
    let (_client, sent) = sender.unwrap().join().unwrap();
    sent.expect_err("all was taken, though nothing of the answer was read");
    assert_eq!(text(&server.connect().ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap()), "here");
    assert_eq!(server.stop(), 0);
}

#[test]
fn a_large_body_is_echoed_while_it_arrives() {
    let mut router = routes();
    router.post("/echo", echo);
    let server = Running::start(|server| server.with_limits(limits()), router.build().unwrap());
    let client = std::net::TcpStream::connect(server.addr()).unwrap();
    client.set_read_timeout(Some(LONG)).unwrap();
    let body: Vec<u8> = (0_u8..250).cycle().take(3_000_000).collect();
    let head = format!("POST /echo HTTP/1.0\r\nContent-Length: {}\r\n\r\n", body.len());
    let mut reply = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| (&client).write_all(&[head.as_bytes(), &body].concat()).unwrap());
        // In HTTP/1.0 a body of unknown length ends with the connection.
        (&client).take(3_010_000).read_to_end(&mut reply).unwrap();
    });
    assert!(reply.starts_with(b"HTTP/1.1 200 OK\r\n"));
    assert!(reply.ends_with(&body), "{} bytes, and not those that were sent", reply.len());
    drop(client);
    assert_eq!(server.stop(), 0);
}

/// Regression test: a response that returns the request body sent `100 Continue` after its own header section, when it
/// began to read the body.
#[test]
fn no_100_continue_is_sent_within_a_response() {
    let mut router = routes();
    router.post("/echo", echo);
    let server = Running::start(|server| server.with_limits(limits()), router.build().unwrap());
    let client = std::net::TcpStream::connect(server.addr()).unwrap();
    client.set_read_timeout(Some(LONG)).unwrap();
    let head = "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2000\r\n\
                Expect: 100-continue\r\n\r\n";
    (&client).write_all(head.as_bytes()).unwrap();
    // The header section of the response arrives before any byte of the body.
    let mut reply = vec![0; 15];
    (&client).read_exact(&mut reply).unwrap();
    assert_eq!(String::from_utf8_lossy(&reply), "HTTP/1.1 200 OK");
    (&client).write_all(&[b'x'; 2000]).unwrap();
    (&client).read_to_end(&mut reply).unwrap();
    let reply = String::from_utf8_lossy(&reply);
    assert!(!reply.contains("100 Continue"), "{reply}");
    assert_eq!(reply.matches('x').count(), 2000);
    assert_eq!(server.stop(), 0);
}

#[test]
fn an_unread_response_is_not_lost_before_a_large_body() {
    let mut router = routes();
    router.get("/large", |_: &mut Request| Response::text("y".repeat(20_000_000)));
    let server = Running::start(|server| server.with_limits(limits()), router.build().unwrap());
    let mut client = server.connect();
    let get = "GET /large HTTP/1.1\r\nHost: a\r\n\r\n";
    client
        .send(format!(
            "{get}{}{}",
            post("/count", "Content-Length: 2000\r\n"),
            "\u{1}".repeat(2000)
        ))
        .unwrap();
    assert_eq!(client.read_reply().unwrap().body.len(), 20_000_000);
    let reply = client.read_reply().unwrap();
    assert_eq!((reply.status, text(&reply).as_str()), (200, "2000 bytes, sum 2000"));
    server.stop();
}

#[test]
fn the_program_takes_a_body_that_it_could_not_keep() {
    let settings = ["--addr", "127.0.0.1:0", "--log", "off", "--max-body", "1GiB"];
    let program = wire::Program::start(env!("CARGO_BIN_EXE_httpserver"), &settings).unwrap();
    let mut client = wire::Client::connect(program.addr()).unwrap().with_patience(LONG);
    let length = 64 * 1024 * 1024;
    client.send(post("/upload", &format!("Content-Length: {length}\r\n"))).unwrap();
    for _ in 0..64 {
        client.send(vec![7; 1024 * 1024]).unwrap();
    }
    let reply = client.read_reply().unwrap();
    assert_eq!(reply.json().unwrap()["bytes"], length, "{}", text(&reply));
    if let Some(most) = most_memory(program.pid()) {
        assert!(most < 40 * 1024, "{most} KiB of memory for a body that is not kept");
    } else {
        println!("the memory of another process is not known on this system: not compared");
    }
}

/// The peak memory of a process in KiB, if the OS reports it.
fn most_memory(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}
