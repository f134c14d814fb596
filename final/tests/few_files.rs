//! When the process runs out of descriptors, it closes kept files that no response is sending.
#![cfg(unix)]

use std::fs;

use wire::{Client, Program, request};

const PROGRAM: &str = env!("CARGO_BIN_EXE_httpserver");

/// Regression test: three files of five got a 500, while the cache kept its files open.
#[test]
fn every_file_is_served_when_clients_use_all_descriptors() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..40 {
        let file = fs::File::create(folder.path().join(number.to_string())).unwrap();
        file.set_len(20_000).unwrap();
    }
    let files = folder.path().to_str().unwrap();
    let limited = ["-c", "ulimit -n 80 && exec \"$0\" \"$@\"", PROGRAM];
    let arguments = ["--addr", "127.0.0.1:0", "--files-only", "--root", files];
    let program = Program::start("/bin/sh", &[&limited[..], &arguments].concat()).unwrap();
    let mut client = Client::connect(program.addr()).unwrap();
    let mut status_of =
        |name: usize| client.ask(request("GET", &format!("/{name}"), &[], b"")).unwrap().status;
    // Files are kept open from two seconds after their last change.
    std::thread::sleep(std::time::Duration::from_millis(2_100));
    for name in 0..20 {
        assert_eq!(status_of(name), 200, "{name}");
    }
    let mut others = Vec::new();
    for _ in 0..80 {
        let mut other = Client::connect(program.addr()).unwrap();
        match other.ask(request("GET", "/0", &[], b"")) {
            Ok(reply) if reply.status == 200 => others.push(other),
            _ => break,
        }
    }
    assert!(others.len() < 79, "there is a limit");
    for name in 20..40 {
        assert_eq!(status_of(name), 200, "{name}, with {} other clients", others.len());
    }
}
