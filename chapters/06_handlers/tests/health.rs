//! The health probes, over a socket.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, OnceLock};

use ch06_handlers::core::thread_pool::PoolConfig;
use ch06_handlers::handlers::Health;
use ch06_handlers::http::{Request, Router};
use ch06_handlers::{Server, ServerHandle};
use support::Running;
use wire::{Client, Program, Reply, request};

mod support;

const PROGRAM: &str = env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME")));

fn get(program: &Program, target: &str) -> Reply {
    wire::get(program.addr(), target).unwrap()
}

#[test]
fn a_server_that_serves_is_alive_ready_and_started() {
    let program = Program::start(PROGRAM, &["127.0.0.1:0"]).unwrap();
    for target in ["/health", "/health/live", "/health/ready", "/health/startup"] {
        let reply = get(&program, target);
        assert_eq!(reply.status, 200, "{target}\n{reply:?}");
        assert_eq!(reply.json().unwrap()["status"], "ok", "{target}\n{reply:?}");
        assert_eq!(reply.field("Cache-Control"), Some("no-store"), "{target}\n{reply:?}");
    }
    let checks = &get(&program, "/health/ready").json().unwrap()["checks"];
    for name in ["started", "accepting", "files"] {
        assert_eq!(checks[name], "ok", "{checks}");
    }
}

#[test]
fn a_probe_may_use_head_and_no_other_method() {
    let program = Program::start(PROGRAM, &["127.0.0.1:0"]).unwrap();
    let length = get(&program, "/health/ready").body.len().to_string();
    let mut client = Client::connect(program.addr()).unwrap();
    client.send(request("HEAD", "/health/ready", &[], b"")).unwrap();
    let reply = client.read_reply_to("HEAD").unwrap();
    assert_eq!((reply.status, reply.field("Content-Length")), (200, Some(length.as_str())));
    assert_eq!(reply.field("Cache-Control"), Some("no-store"), "{reply:?}");
    let reply = client.ask(request("POST", "/health/ready", &[], b"")).unwrap();
    assert_eq!((reply.status, reply.field("Allow")), (405, Some("GET, HEAD, OPTIONS")));
}

#[test]
fn a_server_without_its_files_is_live_but_not_ready() {
    let folder = tempfile::tempdir().unwrap();
    let files = folder.path().join("files");
    std::fs::create_dir(&files).unwrap();
    let program = Program::start(PROGRAM, &["127.0.0.1:0", files.to_str().unwrap()]).unwrap();
    assert_eq!(get(&program, "/health/ready").status, 200);

    std::fs::remove_dir(&files).unwrap();
    let reply = get(&program, "/health/ready");
    assert_eq!((reply.status, &reply.json().unwrap()["checks"]["files"]), (503, &"failed".into()));
    assert!(!reply.text().contains(files.to_str().unwrap()), "{reply:?}");
    assert_eq!(get(&program, "/health/live").status, 200);
    assert_eq!(get(&program, "/health").status, 503);

    std::fs::create_dir(&files).unwrap();
    assert_eq!(get(&program, "/health/ready").status, 200);
}

#[cfg(unix)]
#[test]
fn a_draining_server_is_live_but_not_ready() {
    let program = Program::start(PROGRAM, &["127.0.0.1:0"]).unwrap();
    let mut idle = Client::connect(program.addr()).unwrap();
    assert_eq!(idle.ask(request("GET", "/", &[], b"")).unwrap().status, 200);
    // Two requests are in progress when the server is stopped: it sends `100 Continue` once it has their header
    // sections.
    let begin = |target: &str| {
        let mut client = Client::connect(program.addr()).unwrap();
        let whole = request("GET", target, &[("Expect", "100-continue")], b"?");
        client.send(&whole[..whole.len() - 1]).unwrap();
        assert_eq!(client.read_reply().unwrap().status, 100);
        client
    };
    let (mut ready, mut live) = (begin("/health/ready"), begin("/health/live"));

    program.interrupt().unwrap();
    // Idle connections end first, so by now the server has acted on the signal.
    idle.expect_closed().unwrap();
    ready.send(b"?").unwrap();
    let reply = ready.read_reply().unwrap();
    assert_eq!(reply.status, 503, "{reply:?}");
    assert_eq!(reply.json().unwrap()["checks"]["accepting"], "failed", "{reply:?}");
    assert!(reply.lists("Connection", "close"), "{reply:?}");
    live.send(b"?").unwrap();
    assert_eq!(live.read_reply().unwrap().status, 200);
}

#[test]
fn a_probe_queued_after_a_slow_request_sees_that_the_server_drains() {
    let handle: Arc<OnceLock<ServerHandle>> = Arc::default();
    let known = Arc::clone(&handle);
    let mut router = Router::new();
    Health::new(move || known.get().is_some_and(ServerHandle::is_stopping)).routes(&mut router);
    let (go_on, wait) = channel();
    let wait = Mutex::new(wait);
    router.get("/slow", move |_: &mut Request| {
        wait.lock().unwrap().recv().unwrap();
        "done"
    });
    let one_worker = |server: Server| {
        handle.set(server.handle()).unwrap();
        server.with_workers(PoolConfig { workers: 1, queue: 8 })
    };
    let server = Running::start(one_worker, router.build().unwrap());

    let mut slow = server.connect();
    slow.send(request("GET", "/slow", &[], b"")).unwrap();
    server.wait_until("the slow request", |pool| pool.busy == 1);
    let mut probe = server.connect();
    probe.send(request("GET", "/health/ready", &[], b"")).unwrap();
    server.wait_until("the probe in the queue", |pool| pool.queued == 1);

    server.shutdown();
    go_on.send(()).unwrap();
    assert_eq!(slow.read_reply().unwrap().text(), "done");
    drop(slow);
    let reply = probe.read_reply().unwrap();
    assert_eq!(reply.status, 503, "{reply:?}");
    assert_eq!(reply.json().unwrap()["checks"]["accepting"], "failed", "{reply:?}");
    drop(probe);
    // A second shutdown request, while the worker is still closing the connection, would abort it.
    server.wait_until("the worker has done", |pool| pool.busy == 0);
    assert_eq!(server.stop(), 0);
}
