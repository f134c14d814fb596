//! A request in pieces, and malformed ones.

use super::super::tools::{Checked, in_pieces, rejected};
use crate::clients::{self, Ran};
use crate::exercise::{Answer, Failure, Server};
use crate::request;

const KIB: usize = 1024;

pub(super) fn get_root(server: &Server) -> Checked {
    is_page(&server.connect()?.ask("GET", "/", &[], b"")?)
}

fn is_page(answer: &Answer) -> Checked {
    answer.status(200)?;
    answer.require(!answer.reply.body.is_empty(), "a body", "an empty body")?;
    answer.has("Content-Type")?;
    answer.require(
        answer.reply.framing != crate::Framing::Close,
        "Content-Length, or Transfer-Encoding: chunked",
        "neither, so only the end of the connection ends the body",
    )
}

pub(super) fn browser_request(server: &Server) -> Checked {
    // It is longer than 512 bytes, the buffer size of many first servers.
    let cookie = format!("session={}", "x".repeat(1500));
    let fields = [&clients::FIELDS[..], &[("Cookie", cookie.as_str())]].concat();
    let bytes = request("GET", "/", &fields, b"");
    is_page(&server.connect()?.send(&bytes)?)
}

pub(super) fn curl(server: &Server) -> Checked {
    match clients::curl_get(server.address(), "/") {
        Ok(Ran::Passed | Ran::Skipped(_)) => Ok(()),
        Err(error) => Err(Failure::new("`curl -fsS` succeeds", error.message())),
    }
}

pub(super) fn rude_clients(server: &Server) -> Checked {
    for bytes in [&b""[..], b"GET", b"GET / HTTP/1.1\r\nHost: a\r\n"] {
        server.connect()?.write(bytes)?;
    }
    get_root(server)
}

pub(super) fn byte_by_byte(server: &Server) -> Checked {
    let bytes = request("GET", "/", &[("X-Pieces", "one")], b"");
    for step in [1, 2, 7] {
        let expected = "the server reads until the empty line has arrived, and then responds";
        let answer = in_pieces(server, &bytes, (step..bytes.len()).step_by(step));
        is_page(&answer.map_err(|failure| failure.expecting(expected))?)?;
    }
    Ok(())
}

pub(super) fn bad_requests(server: &Server) -> Checked {
    const LINE: &str = "RFC 9112 section 3 (Request Line)";
    const FIELD: &str = "RFC 9112 section 5 (Field Syntax)";
    const VALUE: &str = "RFC 9110 section 5.5 (Field Values)";
    const FOLDED: &str = "RFC 9112 section 5.2 (Obsolete Line Folding)";
    let rows: &[(&[u8], &str, &str)] = &[
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", "the first bytes of TLS", LINE),
        (b"GET /\r\n\r\n", "no version", LINE),
        (b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "two spaces after the method", LINE),
        (b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", "a space after the version", LINE),
        (b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", "a space in the target", LINE),
        (b"GET  HTTP/1.1\r\nHost: a\r\n\r\n", "an empty target", LINE),
        (b"GET /a\nb HTTP/1.1\r\nHost: a\r\n\r\n", "an LF in the target", LINE),
        (b"GET / http/1.1\r\nHost: a\r\n\r\n", "`http` in lower case", LINE),
        (b"GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", "a field line without a colon", FIELD),
        (b"GET / HTTP/1.1\r\nHost: a\r\nName : value\r\n\r\n", "a space before the colon", FIELD),
        (b"GET / HTTP/1.1\r\nHost: a\r\n: no name\r\n\r\n", "a field without a name", FIELD),
        (b"GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n folded\r\n\r\n", "a folded field line", FOLDED),
        (b"GET / HTTP/1.1\r\nHost: a\r\nA: b\0c\r\n\r\n", "a NUL in a value", VALUE),
        (b"GET / HTTP/1.1\r\nHost: a\r\nA: b\rc\r\n\r\n", "a CR without LF in a value", VALUE),
        (b"G@T / HTTP/1.1\r\nHost: a\r\n\r\n", "`@` in a method", LINE),
    ];
    for (bytes, reason, rule) in rows {
        rejected(server, bytes, &[400]).map_err(|failure| {
            let expected = format!("{} ({reason})", failure.expected);
            failure.expecting(expected).with_rule(*rule)
        })?;
    }
    Ok(())
}

pub(super) fn hosts(server: &Server) -> Checked {
    rejected(server, b"GET / HTTP/1.1\r\n\r\n", &[400])?;
    rejected(server, b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", &[400])?;
    rejected(server, b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", &[400])?;
    server.send(b"GET / HTTP/1.0\r\n\r\n")?.status(200).map(drop)
}

pub(super) fn long_target(server: &Server) -> Checked {
    let target = format!("/?{}", "x".repeat(7998));
    server.ask("GET", &target, &[], b"")?.status(200)?;
    let bytes = request("GET", &format!("/?{}", "x".repeat(100_000)), &[], b"");
    rejected(server, &bytes, &[414])
}

pub(super) fn large_header_section(server: &Server) -> Checked {
    let line = format!("X-Padding: {}\r\n", "x".repeat(1011));
    let bytes = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", line.repeat(KIB));
    rejected(server, bytes.as_bytes(), &[431])?;
    // A field line that never ends must not be buffered forever, either.
    let bytes = format!("GET / HTTP/1.1\r\nHost: a\r\nX-Padding: {}", "x".repeat(KIB * KIB));
    rejected(server, bytes.as_bytes(), &[431])
}

pub(super) fn version(server: &Server) -> Checked {
    rejected(server, b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", &[505])?;
    rejected(server, b"GET / HTTP/9.9\r\nHost: a\r\n\r\n", &[505])
}
