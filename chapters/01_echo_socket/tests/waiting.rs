//! Which clients have to wait for others.

use std::time::Duration;

use wire::{Client, Program};

fn start() -> Program {
    let path = env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME")));
    Program::start(path, &["127.0.0.1:0"]).unwrap()
}

/// A client that has had an echo, so the server is certainly serving it.
fn served(program: &Program) -> Client {
    let mut client = Client::connect(program.addr()).unwrap();
    client.send("mine").unwrap();
    assert_eq!(client.read_exact(4).unwrap(), b"mine");
    client
}

#[test]
fn a_second_client_is_connected_but_waits_until_the_first_has_left() {
    let program = start();
    let mut first = served(&program);
    let mut second = Client::connect(program.addr()).unwrap();
    second.send("and me?").unwrap();
    second.expect_silence(Duration::from_millis(300)).unwrap();
    first.send("not yet").unwrap();
    assert_eq!(first.read_exact(7).unwrap(), b"not yet");
    first.half_close().unwrap();
    assert_eq!(first.read_to_end().unwrap(), b"");
    drop(first);
    assert_eq!(second.read_exact(7).unwrap(), b"and me?");
}
