//! Runs `cargo xtask scale` as a process: it leaves no process when it is ended, and no file beside its configurations.

#![cfg(target_os = "linux")]

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use scale::Front;
use wire::environment;

/// The command builds the server first.
const LIMIT: Duration = Duration::from_secs(300);

/// The interval at which a wait checks its condition.
const TICK: Duration = Duration::from_millis(5);

/// Kills the command when the test ends.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn wait_until(what: &str, mut is_done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_done() {
        assert!(start.elapsed() < LIMIT, "waited {LIMIT:?} for {what}");
        thread::sleep(TICK);
    }
}

/// Regression test: the replicas and the load balancer kept running. On Ctrl-C they must end even if they do not get
/// the signal themselves.
#[test]
fn an_ended_command_leaves_no_process_and_no_temporary_file() {
    let Some(front) = Front::ALL.into_iter().find(|front| front.find().is_some()) else {
        println!("skipped: neither haproxy nor nginx is installed");
        return;
    };
    if environment::command("setpriv").arg("--version").output().is_err() {
        println!("skipped: setpriv is not installed");
        return;
    }
    let target = Path::new(env!("CARGO_BIN_EXE_xtask")).ancestors().nth(2).unwrap();
    let configuration = target.join(format!("scale/rolling-right/{}.conf", front.program()));
    for signal in [Signal::INT, Signal::KILL] {
        // An earlier run has left it.
        let _ = fs::remove_file(&configuration);
        let temporary = tempfile::tempdir().unwrap();
        let mut command = environment::interruptible(env!("CARGO_BIN_EXE_xtask"));
        command
            .args(["scale", "--only", "rolling", "--front", front.program()])
            .env("TMPDIR", temporary.path())
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let mut command = Killed(command.spawn().unwrap());
        let mut listening = Vec::new();
        wait_until("the load balancer", || {
            listening = addresses(&fs::read_to_string(&configuration).unwrap_or_default());
            // It starts last.
            !listening.is_empty() && listening.iter().all(is_listening)
        });
        assert_eq!(listening.len(), 4);

        let pid = Pid::from_raw(command.0.id().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
        assert!(!command.0.wait().unwrap().success());
        wait_until("the end of the processes", || !listening.iter().any(is_listening));
        let left: Vec<_> = fs::read_dir(temporary.path()).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

fn is_listening(address: &SocketAddr) -> bool {
    TcpStream::connect(address).is_ok()
}

/// The addresses in a configuration: of the load balancer and of the replicas.
fn addresses(configuration: &str) -> Vec<SocketAddr> {
    let words = configuration.split_whitespace().map(|word| word.trim_end_matches(';'));
    words.filter_map(|word| word.parse().ok()).collect()
}
