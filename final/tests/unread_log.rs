//! Standard output or standard error is a pipe that nothing reads: lines are dropped, and every request is served.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use wire::{Client, environment, request};

/// Far longer than anything here takes.
const LONG: Duration = Duration::from_secs(20);

/// Lines of 8 KiB, together far more than a pipe and the server's buffer hold.
const REQUESTS: usize = 1000;

struct Server {
    child: Child,
    stdout: BufReader<ChildStdout>,
    address: SocketAddr,
}

/// Starts the program, and reads only the first line of its output.
fn start() -> Server {
    start_with(Stdio::piped())
}

fn start_with(stderr: Stdio) -> Server {
    let mut command = environment::command(env!("CARGO_BIN_EXE_httpserver"));
    command.args(["--addr", "127.0.0.1:0", "--max-requests", "100000"]).stdin(Stdio::null());
    let mut child = command.stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
    // The buffer is small, so that hardly any output after the line is read.
    let mut stdout = BufReader::with_capacity(64, child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let address = line.trim_end().strip_prefix("listening on http://").unwrap().parse().unwrap();
    Server { child, stdout, address }
}

impl Server {
    /// Fills the pipe and the buffer with requests from several clients, one after the other.
    fn fill_log(&self) {
        let target = format!("/empty?{}", "x".repeat(8000));
        let mut clients = [(); 8].map(|()| Client::connect(self.address).unwrap());
        for number in 0..REQUESTS {
            let client = &mut clients[number % 8];
            assert_eq!(client.ask(request("GET", &target, &[], b"")).unwrap().status, 204);
        }
    }

    fn dropped(&self) -> u64 {
        let page = wire::get(self.address, "/metrics").unwrap().text();
        let line = page.lines().find(|line| line.starts_with("http_log_lines_dropped_total "));
        line.unwrap().rsplit_once(' ').unwrap().1.parse().unwrap()
    }

    /// Asks the server to stop, and waits until it has ended.
    fn stop(&mut self) -> Option<i32> {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        let end = Instant::now() + LONG;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < end, "waited for the end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Regression test: eventually every thread waited for the pipe, even for a health check.
#[test]
fn an_unread_log_delays_neither_requests_nor_probes_nor_the_shutdown() {
    let mut server = start();
    server.fill_log();
    for path in ["/health/ready", "/health/live"] {
        assert_eq!(wire::get(server.address, path).unwrap().status, 200, "{path}");
    }
    assert!(server.dropped() > 0);
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn dropped_lines_are_reported_when_the_log_is_read_again() {
    let mut server = start();
    server.fill_log();
    assert!(server.dropped() > 0);
    let pid = Pid::from_raw(server.child.id().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    let logged = (&mut server.stdout).lines().count();
    let mut said = String::new();
    server.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    let (_, rest) = said.split_once("access log: writing lines again; ").unwrap();
    let dropped: usize = rest.split(' ').next().unwrap().parse().unwrap();
    assert_eq!(logged + dropped, REQUESTS + 1, "each request, and the one for the metrics");
}

/// Any client can cause lines there, with requests that are rejected. Regression test: a stop waited for the
/// pipe as well.
#[test]
#[cfg(target_os = "linux")]
fn an_unread_standard_error_delays_neither_requests_nor_the_shutdown() {
    use std::io::Write;

    let (_reader, mut writer) = std::io::pipe().unwrap();
    // As much as a pipe holds (pipe(7)).
    writer.write_all(&vec![b'x'; 65_536]).unwrap();
    let mut server = start_with(writer.into());
    for _ in 0..50 {
        let mut client = Client::connect(server.address).unwrap();
        assert_eq!(client.ask("GET  / HTTP/1.1\r\n\r\n").unwrap().status, 400);
        // A handler's mistake is reported there, too.
        let reply = wire::get(server.address, "/counter?status=103").unwrap();
        assert_eq!(reply.status, 500);
    }
    let pid = Pid::from_raw(server.child.id().try_into().unwrap()).unwrap();
    for signal in [Signal::HUP, Signal::USR1] {
        kill_process(pid, signal).unwrap();
    }
    assert_eq!(wire::get(server.address, "/health/ready").unwrap().status, 200);
    assert_eq!(server.stop(), Some(0));
}
