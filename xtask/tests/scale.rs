//! Runs `cargo xtask scale` as a process: Ctrl-C leaves no process and no file, and SIGKILL no process.

#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use scale::Front;
use tempfile::TempDir;
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

/// A run of the command that has started its processes.
struct Run {
    command: Killed,
    kept: TempDir,
    temporary: TempDir,
    /// The addresses of the processes, the load balancer's first.
    addresses: Vec<SocketAddr>,
    output: BufReader<ChildStdout>,
}

impl Run {
    /// Starts the command, and waits until the load balancer listens. Returns `None` if there is none.
    fn start() -> Option<Run> {
        let Some(front) = Front::ALL.into_iter().find(|front| front.find().is_some()) else {
            println!("skipped: neither haproxy nor nginx is installed");
            return None;
        };
        let (kept, temporary) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut command = environment::interruptible(env!("CARGO_BIN_EXE_xtask"));
        command
            .args(["scale", "--only", "rolling", "--rounds", "100", "--front", front.program()])
            .arg("--keep")
            .arg(kept.path())
            .env("TMPDIR", temporary.path())
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            // Also receives the output of cargo during the build.
            .stderr(File::create(kept.path().join("standard_error")).unwrap());
        let mut command = Killed(command.spawn().unwrap());
        let mut output = BufReader::new(command.0.stdout.take().unwrap());
        let configuration = kept.path().join(format!("rolling-right/{}.conf", front.program()));
        let (output, addresses) = in_time(move || {
            // The title of the topic.
            let mut line = String::new();
            while !line.starts_with("A rolling restart") {
                line.clear();
                assert!(output.read_line(&mut line).unwrap() > 0, "no more output");
            }
            loop {
                let text = fs::read_to_string(&configuration).unwrap_or_default();
                match addresses(&text) {
                    // The load balancer starts last.
                    addresses
                        if addresses.first().is_some_and(|it| TcpStream::connect(it).is_ok()) =>
                    {
                        break (output, addresses);
                    }
                    _ => thread::sleep(TICK),
                }
            }
        });
        assert_eq!(addresses.len(), 4);
        Some(Run { command, kept, temporary, addresses, output })
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.command.0.id().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }
}

/// Returns the result of this function, or panics if it takes too long.
fn in_time<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new()
        .name("work".to_string())
        .spawn(move || {
            let _ = sender.send(work());
        })
        .unwrap();
    receiver.recv_timeout(LIMIT).expect("the end, in time")
}

#[test]
fn ctrl_c_ends_all_processes_and_deletes_all_files() {
    let Some(run) = Run::start() else { return };
    run.signal(Signal::INT);
    let Run { mut command, kept, temporary, addresses, mut output } = run;
    let rest = in_time(move || {
        let mut rest = String::new();
        output.read_to_string(&mut rest).unwrap();
        rest
    });
    assert!(rest.ends_with('\n') && !rest.contains("interrupted"), "{rest}");
    let errors = fs::read_to_string(kept.path().join("standard_error")).unwrap();
    assert!(errors.ends_with("\ninterrupted: all processes have ended\n"), "{errors}");
    assert_eq!(command.0.wait().unwrap().code(), Some(130));
    for address in addresses {
        assert!(TcpStream::connect(address).is_err(), "{address} still listens");
    }
    let left: Vec<_> = fs::read_dir(temporary.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Regression test: the replicas and the load balancer kept running.
#[test]
fn a_killed_command_leaves_no_process() {
    let has_setpriv = environment::command("setpriv").arg("--version").output().is_ok();
    if !has_setpriv {
        println!("skipped: setpriv is not installed");
        return;
    }
    let Some(run) = Run::start() else { return };
    run.signal(Signal::KILL);
    let addresses = run.addresses.clone();
    in_time(move || {
        while addresses.iter().any(|address| TcpStream::connect(address).is_ok()) {
            thread::sleep(TICK);
        }
    });
}

/// The addresses in a configuration, the load balancer's first.
fn addresses(configuration: &str) -> Vec<SocketAddr> {
    let words = configuration.split_whitespace().map(|word| word.trim_end_matches(';'));
    let mut addresses: Vec<(bool, SocketAddr)> = Vec::new();
    let mut before = "";
    for word in words {
        if let Ok(address) = word.parse() {
            addresses.push((before != "bind" && before != "listen", address));
        }
        before = word;
    }
    addresses.sort();
    addresses.into_iter().map(|(_, address)| address).collect()
}
