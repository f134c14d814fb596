//! Bodies with a Content-Length, and chunked bodies.

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

fn chunked(body: &str) -> Vec<u8> {
    format!("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}")
        .into_bytes()
}

pub(super) fn chunks(server: &Server) -> Checked {
    for (body, content) in [
        ("5\r\nhello\r\n0\r\n\r\n", "hello"),
        ("5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n", "hello, world"),
        ("0\r\n\r\n", ""),
        ("a\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
        ("A\r\n0123456789\r\n000\r\n\r\n", "0123456789"),
    ] {
        server.send(&chunked(body))?.status(200)?.body(content.as_bytes())?;
    }
    Ok(())
}

pub(super) fn chunks_in_pieces(server: &Server) -> Checked {
    let bytes = chunked("5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n");
    in_pieces(server, &bytes, 1..bytes.len())?.status(200)?.body(b"hello, world").map(drop)
}

pub(super) fn trailers(server: &Server) -> Checked {
    let mut connection = server.connect()?;
    let first = connection.send(&chunked("5;name=value\r\nhello\r\n0\r\nChecksum: abc\r\n\r\n"))?;
    first.status(200)?.body(b"hello")?;
    connection.ask("POST", "/echo", &[], b"next")?.status(200)?.body(b"next").map(drop)
}

pub(super) fn bad_chunks(server: &Server) -> Checked {
    for body in [
        "x\r\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "\r\nhello\r\n0\r\n\r\n",
        "5\r\nhelloX\r\n0\r\n\r\n",
        "fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    ] {
        rejected(server, &chunked(body), &[400, 413])?;
    }
    Ok(())
}
