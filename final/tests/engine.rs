//! The guarantee of the engine: a waiting connection holds no thread, whatever it waits for.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use httpserver::core::blocking;
use httpserver::core::worker_pool::PoolConfig;
use httpserver::http::{HeaderValue, Request, Response, ResponseBody, Status};
use httpserver::server::ConnectionLimits;
use httpserver::{Limits, Server};
use support::{LONG, Running};
use wire::{Client, request};

mod support;

fn get(target: &str) -> Vec<u8> {
    request("GET", target, &[], b"")
}

/// Two permits, and this many threads.
fn with_threads(threads: u32) -> impl FnOnce(Server) -> Server {
    move |server| {
        let stall_timeout = Duration::from_millis(50);
        server
            .with_workers(PoolConfig { permits: 2, threads, stall_timeout })
            .always_answering("/health")
    }
}

fn with_limits(limits: Limits) -> impl FnOnce(Server) -> Server {
    move |server| server.with_limits(limits)
}

/// A handler that responds with `done`. At `/wait` it first waits until the test continues, and at `/blocking` it does
/// so inside of [`blocking`].
struct Gate {
    entered: Receiver<()>,
    go_on: Sender<()>,
}

fn gate() -> (Gate, impl Fn(&mut Request) -> &'static str + Send + Sync + 'static) {
    let (enter, entered) = channel();
    let (go_on, wait) = channel::<()>();
    let (enter, wait) = (Mutex::new(enter), Arc::new(Mutex::new(wait)));
    let handler = move |request: &mut Request| {
        let hold = || {
            enter.lock().unwrap().send(()).unwrap();
            // The test has dropped the other end: it has finished or failed.
            let _ = wait.lock().unwrap().recv_timeout(LONG);
        };
        match request.path() {
            "/wait" => hold(),
            "/blocking" => blocking(hold),
            _ => {}
        }
        "done"
    };
    (Gate { entered, go_on }, handler)
}

#[test]
fn idle_connections_delay_no_other_client() {
    let server = Running::start(with_threads(2), |_: &mut Request| "done");
    let mut idle: Vec<Client> = (0..200).map(|_| server.connect()).collect();
    for client in &mut idle {
        assert_eq!(client.ask(get("/")).unwrap().text(), "done");
    }
    let _silent: Vec<Client> = (0..200).map(|_| server.connect()).collect();
    assert_eq!(server.connect().ask(get("/")).unwrap().text(), "done");
    for client in &mut idle {
        assert_eq!(client.ask(get("/")).unwrap().text(), "done");
    }
    assert_eq!(server.stop(), 0);
}

#[test]
fn incomplete_requests_delay_no_other_client_and_get_408() {
    let limits = Limits {
        head_time: Duration::from_millis(200),
        body_time: Duration::from_millis(200),
        ..Limits::default()
    };
    let server = Running::start(with_limits(limits), |_: &mut Request| "done");
    let mut heads: Vec<Client> = (0..50).map(|_| server.connect()).collect();
    let mut bodies: Vec<Client> = (0..50).map(|_| server.connect()).collect();
    for client in &mut heads {
        client.send("GET / HTTP/1.1\r\nHost:").unwrap();
    }
    for client in &mut bodies {
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n123").unwrap();
    }
    assert_eq!(server.connect().ask(get("/")).unwrap().text(), "done");
    for client in heads.iter_mut().chain(&mut bodies) {
        let reply = client.read_reply().unwrap();
        assert_eq!(reply.status, 408, "{reply:?}");
        client.expect_closed().unwrap();
    }
}

#[test]
fn a_head_request_that_is_too_slow_gets_408_without_a_body() {
    let limits = Limits {
        head_time: Duration::from_millis(200),
        body_time: Duration::from_millis(200),
        ..Limits::default()
    };
    let server = Running::start(with_limits(limits), |_: &mut Request| "done");
    for begun in
        ["HEAD / HTTP/1.1\r\n", "HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n123"]
    {
        let mut client = server.connect();
        client.send(begun).unwrap();
        let reply = client.read_reply_to("HEAD").unwrap();
        assert_eq!(reply.status, 408, "{reply:?}");
        // Regression test: a body followed the fields, which a response to HEAD must not have.
        client.expect_closed().unwrap();
    }
}

#[test]
fn a_connection_that_is_idle_for_too_long_is_closed_without_a_response() {
    let limits = Limits { idle_time: Duration::from_millis(100), ..Limits::default() };
    let server = Running::start(with_limits(limits), |_: &mut Request| "done");
    let mut fresh = server.connect();
    let mut used = server.connect();
    assert_eq!(used.ask(get("/")).unwrap().text(), "done");
    fresh.expect_closed().unwrap();
    used.expect_closed().unwrap();
}

#[test]
fn a_client_that_reads_nothing_is_disconnected() {
    let limits = Limits { write_time: Duration::from_millis(100), ..Limits::default() };
    let server = Running::start(with_limits(limits), |_: &mut Request| {
        let reader: Box<dyn std::io::Read + Send> = Box::new(std::io::repeat(b'x'));
        Response::new(Status::OK).with_body(ResponseBody::Stream { reader, length: None })
    });
    let mut client = server.connect();
    client.send(get("/")).unwrap();
    server.wait_until("the deadline", |statistics| statistics.timed_out == 1);
    server.wait_until("the end", |statistics| statistics.open == 0);
}

#[test]
fn the_last_allowed_request_of_a_connection_gets_connection_close() {
    let limits = Limits { requests: 3, ..Limits::default() };
    let server = Running::start(with_limits(limits), |_: &mut Request| "done");
    let mut client = server.connect();
    client.send(get("/").repeat(5)).unwrap();
    let closes: Vec<bool> =
        (0..3).map(|_| client.read_reply().unwrap().lists("Connection", "close")).collect();
    assert_eq!(closes, [false, false, true]);
    client.expect_closed().unwrap();
}

#[test]
fn handlers_that_block_delay_no_other_client() {
    for path in ["/wait", "/blocking"] {
        let (gate, handler) = gate();
        let server = Running::start(with_threads(16), handler);
        let mut blocked: Vec<Client> = (0..8).map(|_| server.connect()).collect();
        for client in &mut blocked {
            client.send(get(path)).unwrap();
            gate.entered.recv_timeout(LONG).unwrap();
        }
        assert_eq!(server.connect().ask(get("/quick")).unwrap().text(), "done");
        for client in &mut blocked {
            gate.go_on.send(()).unwrap();
            client.set_patience(LONG);
        }
        for client in &mut blocked {
            assert_eq!(client.read_reply().unwrap().text(), "done");
        }
        assert_eq!(server.stop(), 0);
    }
}

#[test]
fn when_all_threads_are_blocked_clients_get_503_and_health_checks_work() {
    let (gate, handler) = gate();
    let server = Running::start(with_threads(3), handler);
    let mut blocked: Vec<Client> = (0..3).map(|_| server.connect()).collect();
    for client in &mut blocked {
        client.send(get("/wait")).unwrap();
        gate.entered.recv_timeout(LONG).unwrap();
    }
    let mut other = server.connect();
    let refused = other.ask(get("/quick")).unwrap();
    assert_eq!((refused.status, refused.field("Retry-After")), (503, Some("1")), "{refused:?}");
    assert_eq!(other.ask(get("/health/live")).unwrap().text(), "done");
    assert_eq!(other.ask(get("/healthy")).unwrap().status, 503);
    for _ in 0..3 {
        gate.go_on.send(()).unwrap();
    }
    for client in &mut blocked {
        assert_eq!(client.read_reply().unwrap().text(), "done");
    }
    // The shedder returns its permit to a worker that can serve.
    while other.ask(get("/quick")).unwrap().status == 503 {}
    assert_eq!(server.stop(), 0);
}

#[test]
fn a_request_does_not_wait_for_a_blocked_one_while_a_thread_is_idle() {
    for _ in 0..10 {
        let (gate, handler) = gate();
        // Two threads for two permits, and a stall timeout so long that the shedder is not involved.
        let set = |server: Server| {
            server.with_workers(PoolConfig { permits: 2, threads: 2, stall_timeout: 2 * LONG })
        };
        let server = Running::start(set, handler);
        let mut clients: Vec<Client> = (0..4).map(|_| server.connect()).collect();
        for client in &mut clients {
            assert_eq!(client.ask(get("/")).unwrap().text(), "done");
        }
        let [a, b, c, d] = &mut clients[..] else { unreachable!("there are four") };
        for client in [a, b] {
            client.send(get("/wait")).unwrap();
            gate.entered.recv_timeout(LONG).unwrap();
        }
        // Both threads are blocked. The first to return gets both of these events.
        c.send(get("/wait")).unwrap();
        d.send(get("/quick")).unwrap();
        gate.go_on.send(()).unwrap();
        gate.entered.recv_timeout(LONG).unwrap();
        // Now one of the two returns, and the other stays blocked.
        gate.go_on.send(()).unwrap();
        assert_eq!(d.read_reply().unwrap().text(), "done");
        gate.go_on.send(()).unwrap();
        for client in &mut clients[..3] {
            assert_eq!(client.read_reply().unwrap().text(), "done");
        }
    }
}

#[test]
fn clients_beyond_the_limit_get_503() {
    let clients = ConnectionLimits { total: 3, by_address: None };
    let set = move |server: Server| server.with_connection_limits(clients);
    let server = Running::start(set, |_: &mut Request| "done");
    let mut inside: Vec<Client> = (0..3).map(|_| server.connect()).collect();
    for client in &mut inside {
        assert_eq!(client.ask(get("/")).unwrap().text(), "done");
    }
    let mut outside = server.connect();
    assert_eq!(outside.read_reply().unwrap().status, 503);
    drop(inside);
    server.wait_until("room", |statistics| statistics.open == 0);
    assert_eq!(server.connect().ask(get("/")).unwrap().text(), "done");
}

#[test]
fn an_address_has_a_connection_limit_and_gets_its_slots_back() {
    let clients = ConnectionLimits { total: 100, by_address: Some(2) };
    let set = move |server: Server| server.with_connection_limits(clients);
    let server = Running::start(set, |_: &mut Request| "done");
    for _ in 0..3 {
        let mut inside = [server.connect(), server.connect()];
        for client in &mut inside {
            assert_eq!(client.ask(get("/")).unwrap().text(), "done");
        }
        assert_eq!(server.connect().read_reply().unwrap().status, 503);
        drop(inside);
        server.wait_until("room", |statistics| statistics.open == 0);
    }
}

#[test]
fn a_thousand_pipelined_requests_get_responses_in_order() {
    let server =
        Running::start(|server| server, |request: &mut Request| request.path().to_string());
    let mut client = server.connect();
    let all: Vec<u8> = (0..1_000).flat_map(|number| get(&format!("/{number}"))).collect();
    client.send(all).unwrap();
    for number in 0..1_000 {
        assert_eq!(client.read_reply().unwrap().text(), format!("/{number}"));
        if number == 998 {
            break; // the last one is the thousandth, after which the connection ends
        }
    }
}

#[test]
fn a_client_that_sends_without_end_does_not_starve_the_others() {
    let server = Running::start(with_threads(2), |_: &mut Request| "done");
    let address = server.addr();
    let busy = thread::Builder::new()
        .name("busy".to_string())
        .spawn(move || {
            let many = get("/").repeat(900);
            for _ in 0..20 {
                let mut client = Client::connect(address).unwrap().with_patience(LONG);
                client.send(&many).unwrap();
                for _ in 0..900 {
                    client.read_reply().unwrap();
                }
            }
        })
        .unwrap();
    for _ in 0..50 {
        assert_eq!(server.connect().ask(get("/")).unwrap().text(), "done");
    }
    busy.join().unwrap();
    assert_eq!(server.stop(), 0);
}

#[test]
fn clients_that_connect_and_disconnect_leave_nothing_behind() {
    let server = Running::start(|server| server, |_: &mut Request| "done");
    for round in 0..2_000 {
        let mut client = server.connect();
        match round % 4 {
            0 => assert_eq!(client.ask(get("/")).unwrap().text(), "done"),
            1 => client.send("GET / HT").unwrap(),
            2 => client.send(get("/")).unwrap(), // and closes before the response, which is a reset
            _ => {}
        }
    }
    server.wait_until("all to be gone", |statistics| statistics.open == 0);
    assert_eq!(server.connect().ask(get("/")).unwrap().text(), "done");
}

#[test]
fn a_client_that_has_sent_fin_still_gets_its_response() {
    let server = Running::start(|server| server, |_: &mut Request| "done");
    let mut client = server.connect();
    client.send(get("/").repeat(2)).unwrap();
    client.half_close().unwrap();
    for _ in 0..2 {
        assert_eq!(client.read_reply().unwrap().text(), "done");
    }
    client.expect_closed().unwrap();
}

#[test]
fn a_stream_is_sent_before_its_source_yields_more() {
    struct InTwoParts(&'static [u8], Receiver<()>);
    impl std::io::Read for InTwoParts {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            if self.0.is_empty() {
                let _ = self.1.recv_timeout(LONG);
                return Ok(0);
            }
            self.0.read(buffer)
        }
    }
    let (sender, go_on) = channel();
    let go_on = Mutex::new(Some(go_on));
    let server = Running::start(
        |server| server,
        move |_: &mut Request| {
            let go_on = go_on.lock().unwrap().take().unwrap();
            Response::stream(HeaderValue::from_static("text/plain"), InTwoParts(b"now", go_on))
        },
    );
    let mut client = server.connect();
    client.send(get("/")).unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"3\r\nnow\r\n") {
        seen.extend(client.read_exact(1).unwrap());
    }
    sender.send(()).unwrap();
    assert_eq!(client.read_exact(5).unwrap(), b"0\r\n\r\n");
}

#[test]
fn a_stop_finishes_requests_in_progress_and_closes_the_others() {
    let (gate, handler) = gate();
    let server = Running::start(with_threads(16), handler);
    let address = server.addr();
    let mut idle = server.connect();
    assert_eq!(idle.ask(get("/")).unwrap().text(), "done");
    let mut busy: Vec<Client> = (0..4).map(|_| server.connect()).collect();
    for client in &mut busy {
        client.send(get("/wait")).unwrap();
        gate.entered.recv_timeout(LONG).unwrap();
    }
    let mut half = server.connect();
    half.send("GET /half HTTP/1.1\r\n").unwrap();
    // A test cannot see that these bytes have been read, but a later client's response comes after that.
    assert_eq!(server.connect().ask(get("/")).unwrap().text(), "done");

    server.shutdown();
    idle.expect_closed().unwrap();
    half.send("Host: a\r\n\r\n").unwrap();
    let reply = half.read_reply().unwrap();
    assert!(reply.text() == "done" && reply.lists("Connection", "close"), "{reply:?}");
    drop(half);
    for _ in 0..4 {
        gate.go_on.send(()).unwrap();
    }
    for client in &mut busy {
        let reply = client.read_reply().unwrap();
        assert!(reply.text() == "done" && reply.lists("Connection", "close"), "{reply:?}");
    }
    drop(busy);
    let ended = Server::bind(address);
    // The listening socket is closed, so the next server can bind the port at once.
    assert!(ended.is_ok(), "{ended:?}");
}

#[test]
fn no_request_that_was_sent_before_the_stop_is_lost() {
    for _ in 0..20 {
        let server = Running::start(with_threads(4), |_: &mut Request| "done");
        let mut clients: Vec<Client> = (0..32).map(|_| server.connect()).collect();
        for client in &mut clients {
            client.send(get("/")).unwrap();
        }
        server.shutdown();
        for client in &mut clients {
            assert_eq!(client.read_reply().unwrap().text(), "done");
        }
    }
}

/// All threads are in handlers, so the bytes that have arrived are unread.
#[test]
fn a_request_that_has_begun_before_the_stop_can_be_finished_after_it() {
    let (gate, handler) = gate();
    let set = |server: Server| {
        server.with_workers(PoolConfig { permits: 1, threads: 1, stall_timeout: 2 * LONG })
    };
    let server = Running::start(set, handler);
    let mut begun = server.connect();
    assert_eq!(begun.ask(get("/")).unwrap().text(), "done");
    let mut busy = server.connect();
    busy.send(get("/wait")).unwrap();
    gate.entered.recv_timeout(LONG).unwrap();
    let whole = request("POST", "/", &[], b"two halves");
    let (first, second) = whole.split_at(whole.len() - 6);
    begun.send(first).unwrap();
    server.shutdown();
    gate.go_on.send(()).unwrap();
    assert!(busy.read_reply().unwrap().lists("Connection", "close"));
    begun.send(second).unwrap();
    let reply = begun.read_reply().unwrap();
    assert!(reply.text() == "done" && reply.lists("Connection", "close"), "{reply:?}");
    drop((busy, begun));
    assert_eq!(server.end(), 0);
}

/// The client may have connected a moment ago, so its request may still arrive.
#[test]
fn a_new_client_has_time_for_its_first_request_during_a_stop() {
    for _ in 0..20 {
        let server = Running::start(with_threads(4), |_: &mut Request| "done");
        let mut used = server.connect();
        assert_eq!(used.ask(get("/")).unwrap().text(), "done");
        let mut new = server.connect();
        server.shutdown();
        // Idle connections are closed now, which shows the progress of the stop.
        used.expect_closed().unwrap();
        let reply = new.ask(get("/")).unwrap();
        assert!(reply.text() == "done" && reply.lists("Connection", "close"), "{reply:?}");
        drop((used, new));
        assert_eq!(server.end(), 0);
    }
}

/// Regression test: connections without a request were counted too.
#[test]
fn only_connections_with_a_request_in_progress_count_as_aborted() {
    let (gate, handler) = gate();
    let set = |server: Server| {
        let size = PoolConfig { permits: 1, threads: 1, stall_timeout: 2 * LONG };
        server.with_workers(size).with_drain(Duration::ZERO)
    };
    let server = Running::start(set, handler);
    let mut clients: Vec<Client> = (0..3).map(|_| server.connect()).collect();
    for client in &mut clients {
        assert_eq!(client.ask(get("/")).unwrap().text(), "done");
    }
    let [silent, unread, busy] = &mut clients[..] else { unreachable!("there are three") };
    busy.send(get("/wait")).unwrap();
    gate.entered.recv_timeout(LONG).unwrap();
    unread.send("GET / HT").unwrap();
    server.shutdown();
    silent.expect_closed().unwrap();
    unread.expect_closed().unwrap();
    assert_eq!(server.end(), 2, "one in its handler, and one of which something has arrived");
}

#[test]
fn requests_that_do_not_end_are_aborted_after_the_drain_time() {
    let set = |server: Server| server.with_drain(Duration::from_millis(100));
    let server = Running::start(set, |_: &mut Request| "done");
    let mut half = server.connect();
    half.send("GET / HTTP/1.1\r\n").unwrap();
    assert_eq!(server.connect().ask(get("/")).unwrap().text(), "done");
    assert_eq!(server.stop(), 1);
}

/// A second request to stop means that the operator does not want to wait.
#[test]
fn a_second_stop_aborts_requests_in_progress() {
    let set = |server: Server| server.with_drain(100 * LONG);
    let server = Running::start(set, |_: &mut Request| "done");
    let mut half = server.connect();
    half.send("GET / HTTP/1.1\r\n").unwrap();
    assert_eq!(server.connect().ask(get("/")).unwrap().text(), "done");
    server.wait_until("the other one to be gone", |now| now.open == 1);
    server.shutdown();
    assert_eq!(server.stop(), 1);
}

/// The clock cannot represent such a time, and adding it would panic.
#[test]
fn times_without_end_are_no_more_than_long() {
    let time = Duration::MAX;
    let limits = Limits {
        idle_time: time,
        head_time: time,
        body_time: time,
        write_time: time,
        linger: time,
        ..Limits::default()
    };
    let set = move |server: Server| server.with_limits(limits).with_drain(time);
    let server = Running::start(set, |_: &mut Request| "done");
    let mut client = server.connect();
    // A panic after the first response ends the connection before the second.
    for _ in 0..2 {
        assert_eq!(client.ask(get("/")).unwrap().text(), "done");
    }
    assert_eq!(server.stop(), 0);
}

#[test]
fn a_stop_with_a_delay_accepts_new_clients_until_the_second_stop() {
    // A delay longer than any clock can represent, so only the second shutdown request ends it.
    let set = |server: Server| server.with_stop_delay(Duration::MAX);
    let server = Running::start(set, |_: &mut Request| "done");
    let mut before = server.connect();
    assert!(!before.ask(get("/")).unwrap().lists("Connection", "close"));
    server.shutdown();
    // Each response tells a proxy with persistent connections not to reuse this connection.
    for mut client in [before, server.connect(), server.connect()] {
        let reply = client.ask(get("/")).unwrap();
        assert!(reply.text() == "done" && reply.lists("Connection", "close"), "{reply:?}");
        client.expect_closed().unwrap();
    }
    server.wait_until("all to be gone", |now| now.open == 0);
    assert_eq!(server.stop(), 0);
}

#[test]
fn a_stop_with_a_delay_closes_idle_connections_after_the_delay() {
    let set = |server: Server| server.with_stop_delay(Duration::from_millis(50));
    let server = Running::start(set, |_: &mut Request| "done");
    let mut idle = server.connect();
    assert_eq!(idle.ask(get("/")).unwrap().text(), "done");
    assert_eq!(server.stop(), 0);
    idle.expect_closed().unwrap();
}

#[test]
fn a_panic_costs_one_response() {
    let server = Running::start(
        |server| server,
        |request: &mut Request| {
            assert!(request.path() != "/panic", "this panic is expected");
            "done"
        },
    );
    let mut client = server.connect();
    for _ in 0..5 {
        assert_eq!(client.ask(get("/panic")).unwrap().status, 500);
        assert_eq!(client.ask(get("/")).unwrap().text(), "done");
    }
}

#[test]
fn a_response_of_the_maximum_of_a_step_ends_its_connection_at_once() {
    let limits = Limits { linger: 10 * LONG, ..Limits::default() };
    let body = "x".repeat(1024 * 1024);
    let server = Running::start(
        move |server| server.with_limits(limits),
        move |_: &mut Request| body.clone(),
    );
    let mut client = server.connect();
    client.send("GET / HTTP/1.0\r\n\r\n").unwrap();
    assert!(client.read_to_end().unwrap().ends_with(b"xxxx"));
    drop(client);
    server.stop();
}
