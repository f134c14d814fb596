//! How the server starts, stops, and survives overload and failing handlers.

use std::time::Duration;

use ch03_parser::core::thread_pool::PoolConfig;
use ch03_parser::http::{Request, Response};
#[cfg(unix)]
use support::LONG;
use support::Running;
use wire::{Client, Kind, Program, request};

mod support;

const PROGRAM: &str = env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME")));

fn answer(request: &mut Request) -> Response {
    assert!(request.path() != "/panic", "this handler was told to panic");
    Response::text("done")
}

fn get(target: &str) -> Vec<u8> {
    request("GET", target, &[], b"")
}

/// Sends a request without its body, "hello", and waits for `100 Continue`, which shows that the
/// server has begun to read the request.
fn begin(client: &mut Client) {
    let whole = request("POST", "/echo", &[("Expect", "100-continue")], b"hello");
    client.send(&whole[..whole.len() - 5]).unwrap();
    assert_eq!(client.read_reply().unwrap().status, 100);
}

#[test]
fn a_second_server_on_the_same_address_fails_with_a_message() {
    let first = Program::start(PROGRAM, &["127.0.0.1:0"]).unwrap();
    let address = first.addr().to_string();
    let error = Program::start(PROGRAM, &[&address]).unwrap_err();
    assert_eq!(error.kind(), Kind::Program);
    assert!(error.message().contains(&format!("cannot listen on {address}")), "{error}");
}

#[cfg(unix)]
#[test]
fn a_signal_ends_the_program_although_clients_are_idle() {
    for signal in [wire::Signal::Interrupt, wire::Signal::Terminate] {
        let program = Program::start(PROGRAM, &["127.0.0.1:0"]).unwrap();
        let mut used = Client::connect(program.addr()).unwrap();
        assert_eq!(used.ask(get("/")).unwrap().status, 200);
        let mut unused = Client::connect(program.addr()).unwrap();
        program.signal(signal).unwrap();
        // Idle connections have a timeout of five seconds, but the shutdown does not wait for it.
        assert!(program.wait(Duration::from_secs(4)).unwrap().success());
        used.expect_closed().unwrap();
        unused.expect_closed().unwrap();
    }
}

#[cfg(unix)]
#[test]
fn a_request_in_progress_is_served_with_connection_close() {
    let program = Program::start(PROGRAM, &["127.0.0.1:0"]).unwrap();
    let mut idle = Client::connect(program.addr()).unwrap();
    assert_eq!(idle.ask(get("/")).unwrap().status, 200);
    let mut client = Client::connect(program.addr()).unwrap();
    begin(&mut client);

    program.interrupt().unwrap();
    // Idle connections end first, so by now the server has acted on the signal.
    idle.expect_closed().unwrap();
    client.send(b"hello").unwrap();
    let reply = client.read_reply().unwrap();
    assert_eq!((reply.status, reply.text().as_str()), (200, "hello"));
    assert!(reply.lists("Connection", "close"), "{reply:?}");
    client.expect_closed().unwrap();
    drop(client);
    assert!(program.wait(LONG).unwrap().success());
}

#[test]
fn a_stopping_server_accepts_no_new_clients() {
    let server = Running::start(|server| server, answer);
    let mut client = server.connect();
    begin(&mut client);
    server.shutdown();
    let refused = loop {
        match Client::connect(server.addr()) {
            Err(error) => break error,
            // The listening socket is not closed yet, so the kernel still accepts connections.
            Ok(_) => std::thread::sleep(Duration::from_millis(2)),
        }
    };
    assert!(matches!(refused.kind(), Kind::Io | Kind::Reset), "{refused}");
    client.send(b"hello").unwrap();
    assert!(client.read_reply().unwrap().lists("Connection", "close"));
    drop(client);
    // A second shutdown request, while the worker is still closing the connection, would abort it.
    server.wait_until("the worker has done", |pool| pool.busy == 0);
    assert_eq!(server.stop(), 0);
}

fn few(server: ch03_parser::Server) -> ch03_parser::Server {
    server.with_workers(PoolConfig { workers: 1, queue: 8 })
}

/// Regression test: the request got no response, and was not counted as aborted either: the server read the half
/// that had arrived, and then the end of the stream.
#[test]
fn a_queued_request_that_began_before_the_shutdown_is_read_and_served() {
    let server = Running::start(few, answer);
    let mut working = server.connect();
    begin(&mut working);
    let mut queued = server.connect();
    let whole = request("POST", "/", &[], b"two halves");
    let (begun, rest) = whole.split_at(whole.len() - 6);
    queued.send(begun).unwrap();
    server.wait_until("the second client", |pool| pool.queued == 1);
    server.shutdown();
    working.send(b"hello").unwrap();
    assert_eq!(working.read_reply().unwrap().status, 200);
    drop(working);
    server.wait_until("a worker for the second client", |pool| pool.queued == 0);
    queued.send(rest).unwrap();
    let reply = queued.read_reply().unwrap();
    assert_eq!((reply.status, reply.text().as_str()), (200, "done"));
    assert!(reply.lists("Connection", "close"), "{reply:?}");
    drop(queued);
    // A second shutdown request, while the worker still serves the connection, would abort it.
    server.wait_until("the worker has done", |pool| pool.busy == 0);
    assert_eq!(server.stop(), 0);
}

/// Regression test: the second client was not counted, because no worker ever took it.
#[test]
fn clients_queued_after_a_stuck_handler_are_aborted_and_counted_at_the_deadline() {
    let (release, is_released) = std::sync::mpsc::channel::<()>();
    let is_released = std::sync::Mutex::new(is_released);
    let stuck = move |_: &mut Request| {
        let _ = is_released.lock().unwrap().recv();
        Response::text("done")
    };
    let server = Running::start(|server| few(server).with_drain(Duration::from_millis(50)), stuck);
    let mut working = server.connect();
    working.send(get("/")).unwrap();
    server.wait_until("the first client", |pool| pool.busy == 1);
    let mut queued = server.connect();
    queued.send("POST / HT").unwrap();
    let _silent = server.connect();
    server.wait_until("the others", |pool| pool.queued == 2);
    server.shutdown();
    queued.expect_closed().unwrap();
    assert_eq!(server.end(), 2, "the silent one has lost nothing");
    drop(release);
}

#[test]
fn a_client_is_rejected_with_retry_after_when_the_queue_is_full() {
    let few =
        |server: ch03_parser::Server| server.with_workers(PoolConfig { workers: 1, queue: 1 });
    let server = Running::start(few, answer);
    let mut working = server.connect();
    working.send(b"GET / HTTP/1.1\r\n").unwrap();
    server.wait_until("the first client", |pool| pool.busy == 1);
    let mut waiting = server.connect();
    server.wait_until("the second client", |pool| pool.queued == 1);

    let mut third = server.connect();
    let reply = third.ask(get("/")).unwrap();
    assert_eq!(reply.status, 503, "{reply:?}");
    assert_eq!(reply.field("retry-after"), Some("1"));
    assert!(reply.lists("Connection", "close"), "{reply:?}");
    assert_eq!(reply.json().unwrap()["error"], "overloaded");
    third.expect_closed().unwrap();

    working.send(b"Host: a\r\nConnection: close\r\n\r\n").unwrap();
    assert_eq!(working.read_reply().unwrap().status, 200);
    drop(working);
    assert_eq!(waiting.ask(get("/")).unwrap().status, 200);
}

#[test]
fn a_handler_that_panics_costs_only_its_own_response() {
    let few =
        |server: ch03_parser::Server| server.with_workers(PoolConfig { workers: 1, queue: 8 });
    let server = Running::start(few, answer);
    let mut client = server.connect();
    for _ in 0..3 {
        let reply = client.ask(get("/panic")).unwrap();
        assert_eq!(reply.status, 500, "{reply:?}");
        assert_eq!(reply.json().unwrap()["error"], "internal_error");
        assert_eq!(client.ask(get("/")).unwrap().text(), "done");
    }
}

#[test]
fn clients_that_leave_in_the_middle_cost_no_worker() {
    let few =
        |server: ch03_parser::Server| server.with_workers(PoolConfig { workers: 1, queue: 64 });
    let server = Running::start(few, answer);
    for bytes in [
        &b""[..],
        b"GET / HT",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe",
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        let mut client = server.connect();
        client.send(bytes).unwrap();
        drop(client);
    }
    assert_eq!(server.connect().ask(get("/")).unwrap().text(), "done");
}
