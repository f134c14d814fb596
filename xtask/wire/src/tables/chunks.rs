//! The chunked coding, byte by byte (RFC 9112 section 7.1).

use serde_json::json;

use super::requests::post;
use super::{Row, Table};

/// A chunked request to `/echo`.
fn chunked(body: &str) -> Vec<u8> {
    post("Transfer-Encoding: chunked", body)
}

/// A chunked request to `/inspect`, which shows the trailers.
fn inspected(body: &str) -> Vec<u8> {
    format!("POST /inspect HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}")
        .into_bytes()
}

/// The table.
pub fn rows() -> Vec<Row> {
    let mut table = Table::new("Chunked bodies");
    good(&mut table);
    sizes(&mut table);
    lines(&mut table);
    trailers(&mut table);
    trailer_limits(&mut table);
    table.rows()
}

fn good(table: &mut Table) {
    table.rule("RFC 9112 section 7.1", "Chunks are joined");
    for (name, body, content) in [
        ("one", "5\r\nhello\r\n0\r\n\r\n", &b"hello"[..]),
        ("two", "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", b"hello"),
        ("none", "0\r\n\r\n", b""),
        ("many zeros in the size", "0000000000000000000005\r\nhello\r\n00\r\n\r\n", b"hello"),
        ("upper-case hexadecimal", "A\r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
        ("lower-case hexadecimal", "a\r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
        (
            "data that looks like framing",
            "9\r\n\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n",
            b"\r\n0\r\n\r\n\r\n",
        ),
    ] {
        table.answered(200, name, chunked(body)).body(content);
    }

    table.rule("RFC 9112 section 7.1.1", "Chunk extensions are ignored");
    for (name, body) in [
        ("a name", "5;x\r\nhello\r\n0\r\n\r\n"),
        ("a name and a value", "5;x=y\r\nhello\r\n0;last\r\n\r\n"),
        ("a quoted value", "5;x=\"a b;c\"\r\nhello\r\n0\r\n\r\n"),
        ("white space around the semicolon", "5 \t; x\r\nhello\r\n0\r\n\r\n"),
    ] {
        table.answered(200, name, chunked(body)).body(b"hello");
    }
}

fn sizes(table: &mut Table) {
    table.rule("RFC 9112 section 7.1", "A chunk's size is hexadecimal digits only");
    for (name, body) in [
        ("empty", "\r\nhello\r\n0\r\n\r\n"),
        ("only an extension", ";x\r\nhello\r\n0\r\n\r\n"),
        ("negative", "-1\r\nhello\r\n0\r\n\r\n"),
        ("a plus sign", "+5\r\nhello\r\n0\r\n\r\n"),
        ("0x", "0x5\r\nhello\r\n0\r\n\r\n"),
        ("an underscore", "0_5\r\nhello\r\n0\r\n\r\n"),
        ("a space before it", " 5\r\nhello\r\n0\r\n\r\n"),
        ("a space after it", "5 \r\nhello\r\n0\r\n\r\n"),
        ("a tab after it", "5\t\r\nhello\r\n0\r\n\r\n"),
        ("a word", "five\r\nhello\r\n0\r\n\r\n"),
        ("a letter after it", "5g\r\nhello\r\n0\r\n\r\n"),
        ("two sizes", "5 5\r\nhello\r\n0\r\n\r\n"),
        ("a NUL", "5\0\r\nhello\r\n0\r\n\r\n"),
        ("a bad last chunk", "5\r\nhello\r\n0x0\r\n\r\n"),
    ] {
        table.refused(400, name, chunked(body));
    }

    table.rule("RFC 9112 section 7.1", "A chunk's size that overflows is too large");
    for (name, body) in [
        ("2^64", "10000000000000000\r\nhello\r\n0\r\n\r\n"),
        ("2^64 + 5", "10000000000000005\r\nhello\r\n0\r\n\r\n"),
        ("2^64 - 1", "ffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
        ("2^63", "8000000000000000\r\nhello\r\n0\r\n\r\n"),
        ("2^32 + 5", "100000005\r\nhello\r\n0\r\n\r\n"),
        ("a sum that overflows", "5\r\nhello\r\nfffffffffffffffb\r\nhello\r\n0\r\n\r\n"),
    ] {
        table.refused(413, name, chunked(body));
    }
}

fn lines(table: &mut Table) {
    table.rule("RFC 9112 section 7.1", "Chunks are framed by CRLF");
    for (name, body) in [
        ("LF after the size", "5\nhello\r\n0\r\n\r\n"),
        ("CR after the size", "5\rhello\r\n0\r\n\r\n"),
        ("CR CR LF after the size", "5\r\r\nhello\r\n0\r\n\r\n"),
        ("LF after an extension", "5;x\nhello\r\n0\r\n\r\n"),
        (
            "a hidden chunk in an extension",
            "5;\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
        ),
        ("a CR in an extension", "5;a\rb\r\nhello\r\n0\r\n\r\n"),
        ("a NUL in an extension", "5;\0\r\nhello\r\n0\r\n\r\n"),
        ("LF after the data", "5\r\nhello\n0\r\n\r\n"),
        ("nothing after the data", "5\r\nhello0\r\n\r\n"),
        ("more data than the size says", "4\r\nhello\r\n0\r\n\r\n"),
        ("a space after the data", "5\r\nhello \r\n0\r\n\r\n"),
        ("LF after the last size", "5\r\nhello\r\n0\n\r\n"),
        ("LF at the end", "5\r\nhello\r\n0\r\n\n"),
        ("an empty line between chunks", "5\r\nhello\r\n\r\n0\r\n\r\n"),
    ] {
        table.refused(400, name, chunked(body));
    }

    table.rule("RFC 9112 section 7.1.1", "Chunk framing is limited");
    let with_size_line = |bytes: usize| {
        let line = format!("5;{}\r\n", "x".repeat(bytes - 4));
        chunked(&format!("{line}hello\r\n0\r\n\r\n"))
    };
    table.refused(400, "a size line of 2 KiB", with_size_line(2048 + 4));
    table.answered(200, "a size line of 1 KiB", with_size_line(1024)).body(b"hello");
    table.refused(400, "one byte more", with_size_line(1025));
    table.refused(400, "zeros without end", chunked(&"0".repeat(4096)));
    let wasteful = format!("1;{}\r\nx\r\n", "y".repeat(200)).repeat(200);
    table.refused(
        400,
        "a lot of framing for little data",
        chunked(&format!("{wasteful}0\r\n\r\n")),
    );
    // A sender that writes byte by byte produces this, so it is no attack.
    let thousand = inspected(&format!("{}0\r\n\r\n", "1\r\nx\r\n".repeat(1000)));
    table.answered(200, "a thousand chunks of one byte", thousand).json("/body_length", 1000);
}

fn trailers(table: &mut Table) {
    table.rule("RFC 9112 section 7.1.2", "Trailers are kept apart from the header fields");
    table
        .answered(200, "one", inspected("5\r\nhello\r\n0\r\nX-Sum: 42\r\n\r\n"))
        .json("/trailers", json!([["X-Sum", "42"]]))
        .json("/body_length", 5)
        .json("/headers", json!([["Host", "a"], ["Transfer-Encoding", "chunked"]]));
    table
        .answered(200, "two of one name", inspected("0\r\nA: 1\r\na:\t2 \r\n\r\n"))
        .json("/trailers", json!([["A", "1"], ["a", "2"]]));

    table.rule("RFC 9110 section 6.5.1", "A trailer that frames or routes is rejected");
    for (name, body) in [
        ("Content-Length", "5\r\nhello\r\n0\r\nContent-Length: 5\r\n\r\n"),
        ("Transfer-Encoding", "5\r\nhello\r\n0\r\ntransfer-encoding: chunked\r\n\r\n"),
        ("Host", "5\r\nhello\r\n0\r\nHOST: b\r\n\r\n"),
        ("Trailer", "5\r\nhello\r\n0\r\nTrailer: X\r\n\r\n"),
        ("after a harmless one", "5\r\nhello\r\n0\r\nX: y\r\nContent-Length: 5\r\n\r\n"),
    ] {
        table.refused(400, name, chunked(body));
    }

    table.rule("RFC 9112 section 7.1.2", "Trailers are fields");
    for (name, body) in [
        ("no colon", "0\r\nX-Sum\r\n\r\n"),
        ("a space before the colon", "0\r\nX-Sum : 1\r\n\r\n"),
        ("an empty name", "0\r\n: 1\r\n\r\n"),
        ("folded", "0\r\nX: 1\r\n 2\r\n\r\n"),
        ("a bare LF", "0\r\nX: 1\nY: 2\r\n\r\n"),
        ("a NUL", "0\r\nX: \0\r\n\r\n"),
        ("a request line", "0\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"),
    ] {
        table.refused(400, name, chunked(body));
    }
}

fn trailer_limits(table: &mut Table) {
    table.rule("RFC 9110 section 5.4", "The trailer section is limited");
    // The empty line counts towards the limit.
    let section = |bytes: usize| inspected(&format!("0\r\nX: {}\r\n\r\n", "y".repeat(bytes - 7)));
    table.answered(200, "8 KiB exactly", section(8 * 1024)).json("/body_length", 0);
    table.refused(431, "one byte more", section(8 * 1024 + 1));
    let long = format!("0\r\nX: {}", "y".repeat(9 * 1024));
    table.refused(431, "9 KiB in one", chunked(&format!("{long}\r\n\r\n")));
    table.refused(431, "9 KiB without an end", chunked(&long));
    table.refused(431, "101 fields", chunked(&format!("0\r\n{}\r\n", "X: y\r\n".repeat(101))));
}
