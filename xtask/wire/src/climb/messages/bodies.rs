//! Bodies with a Content-Length.

use super::super::tools::{Checked, in_pieces, pattern, rejected};
use crate::exercise::Server;
use crate::request;

const KIB: usize = 1024;

pub(super) fn echo_bodies(server: &Server) -> Checked {
    let all: Vec<u8> = (0..=255).collect();
    for body in [&b"hello"[..], b"", b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n", &all] {
        server.ask("POST", "/echo", &[], body)?.status(200)?.body(body)?;
    }
    Ok(())
}

pub(super) fn large_body(server: &Server) -> Checked {
    let body = pattern(KIB * KIB);
    server.ask("POST", "/echo", &[], &body)?.status(200)?.body(&body)?;
    // The header section alone, then the body in pieces of 16 KiB.
    let bytes = request("POST", "/echo", &[("Connection", "close")], &body);
    let start = bytes.len() - body.len();
    let answer = in_pieces(server, &bytes, (start..bytes.len()).step_by(16 * KIB))?;
    answer.status(200)?.body(&body).map(drop)
}

pub(super) fn head(server: &Server) -> Checked {
    let get = server.connect()?.ask("GET", "/", &[("Connection", "close")], b"")?;
    let mut connection = server.connect()?;
    let head = connection.ask("HEAD", "/", &[("Connection", "close")], b"")?;
    head.status(200)?;
    for name in ["Content-Length", "Content-Type"] {
        if let Some(value) = get.reply.field(name) {
            head.field(name, value)?;
        }
    }
    connection.ends_after(&head, "nothing after the header section")
}

pub(super) fn too_large(server: &Server) -> Checked {
    let bytes = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n";
    rejected(server, bytes, &[413])
}

pub(super) fn expect_continue(server: &Server) -> Checked {
    let head = b"POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    let mut connection = server.connect()?;
    connection.send(head)?.status(100)?;
    connection.send(b"hello")?.status(200)?.body(b"hello").map(drop)
}
