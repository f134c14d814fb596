//! Chunked bodies.

use super::super::tools::{Checked, in_pieces, rejected};
use crate::exercise::Server;

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
