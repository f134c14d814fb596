//! The echo server, as a client sees it on the wire.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread::Builder;
use std::time::Duration;

use socket2::SockRef;
use wire::{Client, Program};

fn start() -> Program {
    let path = env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME")));
    Program::start(path, &["127.0.0.1:0"]).unwrap()
}

#[test]
fn every_byte_is_echoed() {
    let program = start();
    let mut client = Client::connect(program.addr()).unwrap();
    for text in ["hello", "again", "\r\n\0\u{ff}"] {
        client.send(text).unwrap();
        assert_eq!(client.read_exact(text.len()).unwrap(), text.as_bytes());
    }
}

#[test]
fn a_client_that_has_no_more_to_say_still_gets_everything_back() {
    let program = start();
    let mut client = Client::connect(program.addr()).unwrap();
    let text: Vec<u8> = (0..=255).cycle().take(64 * 1024).collect();
    client.send(&text).unwrap();
    client.half_close().unwrap();
    assert!(client.read_to_end().unwrap() == text);
}

#[test]
fn a_client_that_sends_nothing_and_leaves_gets_the_end_of_the_stream() {
    let program = start();
    let mut client = Client::connect(program.addr()).unwrap();
    client.half_close().unwrap();
    assert_eq!(client.read_to_end().unwrap(), b"");
}

#[test]
fn bytes_that_arrive_one_by_one_come_back_all_the_same() {
    let program = start();
    let mut client = Client::connect(program.addr()).unwrap();
    let text = b"slowly, byte by byte";
    client.send_slowly(text, 1..text.len()).unwrap();
    assert_eq!(client.read_exact(text.len()).unwrap(), text);
}

/// The transfer is larger than all buffers on the path, so sends are partial, and the server has to
/// wait for the reader.
#[test]
fn a_transfer_larger_than_the_kernels_buffers_is_echoed_completely() {
    let program = start();
    let mut client = TcpStream::connect(program.addr()).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let text: Vec<u8> = (0..=250).cycle().take(16 * 1024 * 1024).collect();
    let writer = {
        let (mut client, text) = (client.try_clone().unwrap(), text.clone());
        let write = move || {
            client.write_all(&text).unwrap();
            client.shutdown(Shutdown::Write).unwrap();
        };
        Builder::new().name("writer".to_string()).spawn(write).unwrap()
    };
    let mut echo = Vec::new();
    client.read_to_end(&mut echo).unwrap();
    writer.join().unwrap();
    assert!(echo == text);
}

#[test]
fn a_client_that_resets_its_connection_does_no_harm_to_the_next() {
    let program = start();
    for _ in 0..3 {
        let mut rude = TcpStream::connect(program.addr()).unwrap();
        rude.write_all(b"in the middle of").unwrap();
        // close(2) with a linger time of zero sends RST and not FIN.
        SockRef::from(&rude).set_linger(Some(Duration::ZERO)).unwrap();
        drop(rude);
        let mut polite = Client::connect(program.addr()).unwrap();
        polite.send("still there?").unwrap();
        assert_eq!(polite.read_exact(12).unwrap(), b"still there?");
    }
}
