//! Standard error on a full disk. Only the messages are lost, and the server continues.
#![cfg(target_os = "linux")]

use std::io::Read;
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use wire::{Program, Signal};

/// Far longer than anything here takes.
const LONG: Duration = Duration::from_secs(20);

/// Few descriptors, and a standard error on which every write fails.
const SHORT: &str = r#"ulimit -n 40 && exec "$@" 2>/dev/full"#;

/// Regression test: logging a shortage panicked, and a client that had just been accepted kept its slot forever.
#[test]
fn a_shortage_that_cannot_be_reported_leaves_nothing_behind() {
    let mut command = Command::new("sh");
    command.args(["-c", SHORT, "sh", env!("CARGO_BIN_EXE_httpserver"), "--addr", "127.0.0.1:0"]);
    // A stop would wait for a leaked connection, far longer than this does.
    command.args(["--log", "off", "--max-connections", "60", "--drain-timeout", "1h"]);
    let program = Program::start_command(command).unwrap();
    for _ in 0..5 {
        let clients: Vec<_> =
            (0..60).map(|_| TcpStream::connect(program.addr()).unwrap()).collect();
        drop(clients);
        let end = Instant::now() + LONG;
        while !wire::get(program.addr(), "/empty").is_ok_and(|reply| reply.status == 204) {
            assert!(Instant::now() < end, "waited for the end of the shortage");
        }
    }
    program.signal(Signal::Terminate).unwrap();
    assert!(program.wait(LONG).unwrap().success());
}

/// The spare descriptor is kept for that.
#[test]
fn a_client_gets_503_when_descriptors_run_out() {
    let mut command = Command::new("sh");
    command.args(["-c", SHORT, "sh", env!("CARGO_BIN_EXE_httpserver"), "--addr", "127.0.0.1:0"]);
    command.args(["--log", "off", "--max-connections", "60"]);
    let program = Program::start_command(command).unwrap();
    let mut clients: Vec<_> = (0..60)
        .map(|_| {
            let client = TcpStream::connect(program.addr()).unwrap();
            client.set_nonblocking(true).unwrap();
            client
        })
        .collect();
    let mut reply = [0; 13];
    let end = Instant::now() + LONG;
    while !clients.iter_mut().any(|client| client.read(&mut reply).is_ok_and(|count| count > 0)) {
        assert!(Instant::now() < end, "waited for a client that is told");
        std::thread::yield_now();
    }
    assert_eq!(&reply, b"HTTP/1.1 503 ");
    drop(clients);
    program.signal(Signal::Terminate).unwrap();
    assert!(program.wait(LONG).unwrap().success());
}
