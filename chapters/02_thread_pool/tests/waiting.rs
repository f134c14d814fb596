//! Which clients have to wait, and which are rejected.

use std::time::Duration;

use wire::{Client, Program};

/// Clients that the program serves at the same time.
const WORKERS: usize = 4;

/// Clients that may wait.
const QUEUE: usize = 64;

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
fn a_second_client_does_not_wait_for_the_first() {
    let program = start();
    let _silent = Client::connect(program.addr()).unwrap();
    let mut first = served(&program);
    served(&program);
    first.send("me too").unwrap();
    assert_eq!(first.read_exact(6).unwrap(), b"me too");
}

#[test]
fn one_client_more_than_there_are_workers_waits_until_one_has_left() {
    let program = start();
    let mut clients: Vec<Client> = (0..WORKERS).map(|_| served(&program)).collect();
    let mut waiting = Client::connect(program.addr()).unwrap();
    waiting.send("and me?").unwrap();
    waiting.expect_silence(Duration::from_millis(300)).unwrap();
    clients.pop();
    assert_eq!(waiting.read_exact(7).unwrap(), b"and me?");
}

#[test]
fn a_client_is_rejected_when_the_queue_is_full_and_the_others_stay_queued() {
    let program = start();
    let mut clients: Vec<Client> = (0..WORKERS).map(|_| served(&program)).collect();
    let mut waiting: Vec<Client> =
        (0..QUEUE).map(|_| Client::connect(program.addr()).unwrap()).collect();
    let mut surplus = Client::connect(program.addr()).unwrap();
    assert_eq!(surplus.read_to_end().unwrap(), b"busy, try again later\n");
    clients.clear();
    for client in &mut waiting[..WORKERS] {
        client.send("my turn").unwrap();
        assert_eq!(client.read_exact(7).unwrap(), b"my turn");
    }
}
