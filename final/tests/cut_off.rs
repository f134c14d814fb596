//! A stop that does not wait reports how many connections it has aborted: all of them, in whatever state they were.

mod support;

use std::sync::Mutex;
use std::sync::mpsc::channel;

use httpserver::Server;
use httpserver::core::worker_pool::PoolConfig;
use httpserver::http::{Request, Response};
use support::{LONG, Running};
use wire::request;

/// Regression test: the count included only the connections that were parked when the stop was requested, or only
/// those in a handler at its end, whichever were more. And a connection whose handler returned in between was not
/// closed.
#[test]
fn a_connection_in_its_handler_counts_as_aborted_too() {
    let (enter, entered) = channel();
    let (go_on, wait) = channel::<()>();
    let (enter, wait) = (Mutex::new(enter), Mutex::new(wait));
    let handler = move |request: &mut Request| {
        if request.path() != "/wait" {
            return Response::text("done");
        }
        enter.lock().unwrap().send(()).unwrap();
        let _ = wait.lock().unwrap().recv_timeout(LONG);
        // More than the kernel buffers while the client does not read.
        Response::text("x".repeat(50_000_000))
    };
    let size = PoolConfig { permits: 2, threads: 8, stall_timeout: LONG };
    let server = Running::start(|server: Server| server.with_workers(size), handler);
    let mut busy = [server.connect(), server.connect()];
    for client in &mut busy {
        client.send(request("GET", "/wait", &[], b"")).unwrap();
        entered.recv_timeout(LONG).unwrap();
    }
    let mut half = server.connect();
    let whole = request("POST", "/", &[("Expect", "100-continue")], b"?");
    half.send(&whole[..whole.len() - 1]).unwrap();
    assert_eq!(half.read_reply().unwrap().status, 100);

    server.wait_until("all three", |now| now.open == 3);
    server.shutdown();
    server.shutdown();
    // This connection was parked. After it has been aborted, the handlers of the other two return.
    half.expect_closed().unwrap();
    for _ in &busy {
        go_on.send(()).unwrap();
    }
    assert_eq!(server.stop(), 3);
}
