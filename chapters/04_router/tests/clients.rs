//! The server works with clients that people use. The exchanges are in `xtask/wire/src/clients`.

use std::net::SocketAddr;

use wire::clients::{self, Ran};
use wire::{Program, WireError};

const PROGRAM: &str = env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME")));

fn talk(client: fn(SocketAddr) -> Result<Ran, WireError>) {
    let program = Program::start(PROGRAM, &["127.0.0.1:0"]).unwrap();
    if let Ran::Skipped(why) = client(program.addr()).unwrap() {
        println!("skipped: {why}");
    }
}

#[test]
fn curl_is_served() {
    talk(clients::curl);
}

#[test]
fn python_is_served() {
    talk(clients::python);
}

#[test]
fn a_browser_like_client_is_served() {
    talk(clients::browser);
}
