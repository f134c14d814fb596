//! The messages on standard error about broken connections: only if an operator can act on them.
#![cfg(unix)]

use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use socket2::SockRef;
use wire::{Program, Signal};

/// Far longer than anything here takes.
const LONG: Duration = Duration::from_secs(20);

/// More than the kernel buffers while the client does not read.
const LENGTH: u64 = 64 * 1024 * 1024;

/// A client that has received the beginning of a large file, and its address.
fn begun(address: SocketAddr, name: &str) -> (TcpStream, SocketAddr) {
    let mut client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(LONG)).unwrap();
    client.write_all(&wire::request("GET", &format!("/static/{name}"), &[], b"")).unwrap();
    client.read_exact(&mut [0; 1000]).unwrap();
    let own = client.local_addr().unwrap();
    (client, own)
}

#[test]
fn an_incomplete_response_is_logged_and_a_client_that_disconnected_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let [_stays, shrinks] = ["stays", "shrinks"].map(|name| {
        let file = File::create(folder.path().join(name)).unwrap();
        file.set_len(LENGTH).unwrap();
        file
    });
    let mut command = Command::new("sh");
    command.args(["-c", r#"exec "$@" 2>&1"#, "sh", env!("CARGO_BIN_EXE_httpserver")]);
    command.args(["--addr", "127.0.0.1:0", "--log", "off", "--root"]).arg(folder.path());
    let program = Program::start_command(command).unwrap();

    let (client, went_away) = begun(program.addr(), "stays");
    SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
    drop(client); // which is a reset
    let half = TcpStream::connect(program.addr()).unwrap();
    let left_half = half.local_addr().unwrap();
    (&half).write_all(b"GET / HTTP/1.1\r\nHost:").unwrap();
    // This client has received a response, so the server has read the half request, or will
    // read it before it disconnects.
    assert_eq!(wire::get(program.addr(), "/empty").unwrap().status, 204);
    SockRef::from(&half).set_linger(Some(Duration::ZERO)).unwrap();
    drop(half);

    let (mut client, was_cut_off) = begun(program.addr(), "shrinks");
    shrinks.set_len(0).unwrap();
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).unwrap();
    assert!((rest.len() as u64) < LENGTH - 1000, "the end says that it is not all");

    program.signal(Signal::Terminate).unwrap();
    assert!(program.wait(LONG).unwrap().success());
    let said = program.wait_for_stdout("the end", LONG, |text| text.contains("stopped:")).unwrap();
    assert!(said.contains(&format!("{was_cut_off}: ")), "{said}");
    for address in [went_away, left_half] {
        assert!(!said.contains(&format!("{address}: ")), "{said}");
    }
}
