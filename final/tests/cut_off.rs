//! A stop that does not wait says how many connections it has cut off: all of them, wherever they were.

mod support;

use std::sync::Mutex;
use std::sync::mpsc::channel;

use httpserver::Server;
use httpserver::core::worker_pool::PoolConfig;
use httpserver::http::{Request, Response};
use support::{LONG, Running};
use wire::request;

/// Once only those were counted that were parked when the stop came, or those in a handler at its end if these were
/// more; and who came out of a handler in between was not ended either.
#[test]
fn who_is_in_a_handler_when_all_others_are_cut_off_is_counted_too() {
    let (enter, entered) = channel();
    let (go_on, wait) = channel::<()>();
    let (enter, wait) = (Mutex::new(enter), Mutex::new(wait));
    let handler = move |request: &mut Request| {
        if request.path() != "/wait" {
            return Response::text("done");
        }
        enter.lock().unwrap().send(()).unwrap();
        let _ = wait.lock().unwrap().recv_timeout(LONG);
        // More than the kernel takes as long as nobody reads.
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
    // This one was parked. Now that it has been cut off, the two others come out of their handler.
    half.expect_closed().unwrap();
    for _ in &busy {
        go_on.send(()).unwrap();
    }
    assert_eq!(server.stop(), 3);
}
