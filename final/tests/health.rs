//! The health probes, over a socket.

use wire::{Client, Program, Reply, request};

const PROGRAM: &str = env!("CARGO_BIN_EXE_httpserver");

fn get(program: &Program, target: &str) -> Reply {
    wire::get(program.addr(), target).unwrap()
}

#[test]
fn a_server_that_serves_is_alive_ready_and_started() {
    let program = Program::start(PROGRAM, &["--addr", "127.0.0.1:0"]).unwrap();
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
    let program = Program::start(PROGRAM, &["--addr", "127.0.0.1:0"]).unwrap();
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
    let program =
        Program::start(PROGRAM, &["--addr", "127.0.0.1:0", "--root", files.to_str().unwrap()])
            .unwrap();
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
    let program = Program::start(PROGRAM, &["--addr", "127.0.0.1:0"]).unwrap();
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

/// A server that serves only files needs probes and metrics as well, so their paths are reserved.
/// Regression test: both were 404.
#[test]
fn a_files_only_server_has_probes_and_metrics_and_warns_of_hidden_files() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["metrics", "page.txt", "healthy"] {
        std::fs::write(folder.path().join(name), "a file").unwrap();
    }
    let root = folder.path().to_str().unwrap();
    let arguments = ["--addr", "127.0.0.1:0", "--files-only", "--root", root];
    let program = Program::start(PROGRAM, &arguments).unwrap();
    for target in ["/health", "/health/live", "/health/ready", "/health/startup"] {
        assert_eq!(get(&program, target).json().unwrap()["status"], "ok", "{target}");
    }
    for target in ["/page.txt", "/healthy"] {
        assert_eq!(get(&program, target).text(), "a file", "{target}");
    }
    assert_eq!(get(&program, "/health/other").status, 404);
    let page = get(&program, "/metrics").text();
    assert!(
        page.contains(
            "http_requests_total{method=\"GET\",route=\"/health/live\",status=\"200\"} 1"
        ),
        "{page}"
    );
    assert!(page.contains("http_log_lines_dropped_total 0"), "{page}");
    let said = format!("{root}/metrics is not served: the server reserves its path\n");
    assert_eq!(program.stderr_so_far(), said);

    let mut command = wire::environment::command(PROGRAM);
    let printed = command.args(&arguments[2..]).arg("--print-routes").output().unwrap();
    let printed = String::from_utf8(printed.stdout).unwrap();
    for path in ["/health/live", "/metrics"] {
        assert!(printed.lines().any(|line| line == format!("GET     {path}")), "{printed}");
    }
}
