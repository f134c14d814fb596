//! A handler that has blocked once is expected to block again.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use httpserver::Server;
use httpserver::core::release_permit;
use httpserver::core::worker_pool::PoolConfig;
use httpserver::http::{Request, Router, Routes};
use httpserver::server::predict_blocking;
use support::{LONG, Running};
use wire::{Client, request};

#[allow(dead_code, reason = "this test needs a part of it")]
mod support;

/// One permit, so that a request that completes during a blocking handler was handled by another thread.
fn one_permit(server: Server) -> Server {
    server.with_workers(PoolConfig { permits: 1, threads: 8, stall_timeout: LONG })
}

/// `/first` blocks when it runs for the first time. Later, and always for `/other`, the response states whether
/// the handler had a permit to hand off.
///
/// The blocking handler may panic at its end.
fn routes(entered: Sender<()>, go_on: Receiver<()>, panics: bool) -> Routes {
    let had_permit = |_: &mut Request| release_permit().to_string();
    let once = Mutex::new(Some((entered, go_on)));
    let first = move |request: &mut Request| {
        let gate = once.lock().unwrap().take();
        let Some((entered, go_on)) = gate else { return had_permit(request) };
        entered.send(()).unwrap();
        let _ = go_on.recv_timeout(LONG);
        assert!(!panics, "it was to panic");
        "blocked".to_string()
    };
    let mut router = Router::new();
    router.get("/first", first);
    router.get("/other", had_permit);
    router.get("/:any", had_permit);
    router.build().unwrap().wrap_each(predict_blocking)
}

fn ask(client: &mut Client, path: &str) -> String {
    client.ask(request("GET", path, &[], b"")).unwrap().text()
}

/// Whether `/first` had a permit after it has blocked, and `/other` and `/:any` right after that.
fn permits_after_a_block(panics: bool) -> [String; 3] {
    let ((enter, entered), (go_on, wait)) = (channel(), channel());
    let server = Running::start(one_permit, routes(enter, wait, panics));
    let (mut client, mut other) = (server.connect(), server.connect());
    client.send(request("GET", "/first", &[], b"")).unwrap();
    entered.recv_timeout(LONG).unwrap();
    // This request gets a response, so the watchdog has moved the permit.
    ask(&mut other, "/other");
    go_on.send(()).unwrap();
    let status = client.read_reply().unwrap().status;
    assert_eq!(status, if panics { 500 } else { 200 });
    let had_permit =
        [ask(&mut client, "/first"), ask(&mut other, "/other"), ask(&mut other, "/parameter")];

    // By now the handler returns at once. Even if each of these calls were slow on a busy machine, the
    // prediction would end.
    let is_trusted = (0..40).any(|_| ask(&mut client, "/first") == "true");
    assert!(is_trusted, "a route that no longer blocks keeps its permit again");
    assert_eq!(server.stop(), 0);
    had_permit
}

#[test]
fn a_route_that_has_blocked_has_no_permit_the_next_time_and_other_routes_have() {
    // A thread that the OS preempts for some milliseconds looks stalled, and loses its permit too. So the test is
    // repeated a few times. If the other routes were predicted to block as well, no attempt would succeed.
    for panics in [false, true] {
        let had_permit: Vec<_> = (0..10).map(|_| permits_after_a_block(panics)).collect();
        assert!(had_permit.iter().all(|[first, ..]| first == "false"), "{had_permit:?}");
        let expected = ["false", "true", "true"].map(String::from);
        assert!(had_permit.contains(&expected), "{had_permit:?}");
    }
}

#[test]
fn a_handler_that_hands_off_its_permit_is_not_expected_to_block() {
    let ((enter, _entered), (_go_on, wait)) = (channel(), channel());
    let server = Running::start(one_permit, routes(enter, wait, false));
    let mut client = server.connect();
    let had_permit: Vec<String> = (0..40).map(|_| ask(&mut client, "/other")).collect();
    let twice = ["true", "true"].map(String::from);
    assert!(had_permit.windows(2).any(|pair| *pair == twice), "{had_permit:?}");
    assert_eq!(server.stop(), 0);
}
