//! gzip on the wire.

use std::io::Read;

use flate2::read::GzDecoder;
use wire::{Client, Program, Reply, request};

const PROGRAM: &str = env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME")));

fn start() -> (Program, Client) {
    let program = Program::start(PROGRAM, &["127.0.0.1:0"]).unwrap();
    let client = Client::connect(program.addr()).unwrap();
    (program, client)
}

fn get(client: &mut Client, target: &str, accept: &str) -> Reply {
    client.ask(request("GET", target, &[("Accept-Encoding", accept)], b"")).unwrap()
}

fn decompress(reply: &Reply) -> Vec<u8> {
    let mut plain = Vec::new();
    GzDecoder::new(&reply.body[..]).read_to_end(&mut plain).unwrap();
    plain
}

#[test]
fn a_client_gets_gzip_if_and_only_if_it_prefers_it() {
    let (_program, mut client) = start();
    let plain = client.ask(request("GET", "/large?kb=64", &[], b"")).unwrap();
    assert_eq!((plain.body.len(), plain.field("Content-Encoding")), (64 * 1024, None));
    assert_eq!(plain.field("Content-Length"), Some("65536"));
    let table = [
        ("gzip", true),
        ("gzip, deflate, br, zstd", true),
        ("br;q=1.0, gzip;q=0.8, *;q=0.1", true),
        ("*", true),
        ("gzip;q=0", false),
        ("gzip;q=0, *", false),
        ("identity;q=1, gzip;q=0.5", false),
        ("deflate", false),
        ("", false),
        ("gzip;q=nonsense", false),
    ];
    for (accept, compressed) in table {
        let reply = get(&mut client, "/large?kb=64", accept);
        assert!(reply.lists("Vary", "Accept-Encoding"), "{accept}");
        assert_eq!(reply.field("Content-Encoding"), compressed.then_some("gzip"), "{accept}");
        let body = if compressed { decompress(&reply) } else { reply.body.clone() };
        assert_eq!(body, plain.body, "{accept}");
        assert!(!compressed || reply.body.len() < 4096, "{accept}: {} bytes", reply.body.len());
    }
}

#[test]
fn head_has_the_fields_of_get() {
    let (_program, mut client) = start();
    for target in ["/large?kb=64", "/large?kb=0", "/", "/empty"] {
        let fields = [("Accept-Encoding", "gzip")];
        let of_get = client.ask(request("GET", target, &fields, b"")).unwrap();
        client.send(request("HEAD", target, &fields, b"")).unwrap();
        let of_head = client.read_reply_to("HEAD").unwrap();
        for field in ["Content-Encoding", "Content-Length", "Transfer-Encoding", "Vary"] {
            assert_eq!(of_head.field(field), of_get.field(field), "{target}: {field}");
        }
        assert!(of_head.body.is_empty());
    }
}

#[test]
fn a_small_body_is_sent_as_it_is_and_does_not_vary() {
    let (_program, mut client) = start();
    let reply = get(&mut client, "/hello/you", "gzip");
    assert_eq!(reply.text(), "Hello, you!\n");
    assert_eq!(reply.field("Content-Encoding"), None);
    assert!(!reply.lists("Vary", "Accept-Encoding"), "{reply:?}");
}

#[test]
fn an_old_client_gets_a_compressed_stream_up_to_the_end_of_the_connection() {
    let (_program, mut client) = start();
    client.send("GET /large?kb=64 HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n").unwrap();
    let reply = client.read_reply().unwrap();
    assert_eq!(reply.field("Transfer-Encoding"), None);
    assert_eq!(decompress(&reply).len(), 64 * 1024);
}

#[test]
fn a_compressed_request_body_is_not_decompressed() {
    // A small body could decompress to a very large one, so the server does not decompress it.
    // Rejecting it is the handler's task.
    let (_program, mut client) = start();
    let bomb = b"\x1f\x8b\x08\x00\x00\x00\x00\x00";
    let reply =
        client.ask(request("POST", "/echo", &[("Content-Encoding", "gzip")], bomb)).unwrap();
    assert_eq!(reply.body, bomb);
}
