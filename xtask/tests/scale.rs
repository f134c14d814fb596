//! Runs `cargo xtask scale` as a process: Ctrl-C leaves no process and no file.

#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use scale::Front;
use wire::environment;

/// The command builds the server first.
const LIMIT: Duration = Duration::from_secs(300);

/// Kills the command when the test ends.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn ctrl_c_ends_all_processes_and_deletes_all_files() {
    let Some(front) = Front::ALL.into_iter().find(|front| front.find().is_some()) else {
        println!("skipped: neither haproxy nor nginx is installed");
        return;
    };
    let (kept, temporary) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    // Also receives the output of cargo during the build.
    let errors = kept.path().join("standard_error");
    let mut command = environment::interruptible(env!("CARGO_BIN_EXE_xtask"));
    command
        .args(["scale", "--only", "rolling", "--rounds", "100", "--front", front.program()])
        .arg("--keep")
        .arg(kept.path())
        .env("TMPDIR", temporary.path())
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(File::create(&errors).unwrap());
    let mut child = Killed(command.spawn().unwrap());
    let mut output = BufReader::new(child.0.stdout.take().unwrap());
    let (sender, receiver) = mpsc::channel();
    let configuration = kept.path().join(format!("rolling-right/{}.conf", front.program()));
    let pid = child.0.id();
    let interrupt = move || {
        // The title of the topic.
        let mut line = String::new();
        while !line.starts_with("A rolling restart") {
            line.clear();
            assert!(output.read_line(&mut line).unwrap() > 0, "no more output");
        }
        let addresses = loop {
            let text = fs::read_to_string(&configuration).unwrap_or_default();
            match addresses(&text) {
                // The load balancer starts last.
                addresses if addresses.first().is_some_and(|it| TcpStream::connect(it).is_ok()) => {
                    break addresses;
                }
                _ => thread::sleep(Duration::from_millis(5)),
            }
        };
        let pid = rustix::process::Pid::from_raw(pid.try_into().unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        let mut rest = String::new();
        output.read_to_string(&mut rest).unwrap();
        let _ = sender.send((addresses, rest));
    };
    thread::Builder::new().name("interrupt".to_string()).spawn(interrupt).unwrap();
    let (addresses, rest) = receiver.recv_timeout(LIMIT).expect("the end, in time");
    assert!(rest.ends_with('\n') && !rest.contains("interrupted"), "{rest}");
    let errors = fs::read_to_string(errors).unwrap();
    assert!(errors.ends_with("\ninterrupted: all processes have ended\n"), "{errors}");
    assert_eq!(child.0.wait().unwrap().code(), Some(130));
    assert_eq!(addresses.len(), 4);
    for address in addresses {
        assert!(TcpStream::connect(address).is_err(), "{address} still listens");
    }
    let left: Vec<_> = fs::read_dir(temporary.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
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
