//! Tests Content-Length against Transfer-Encoding. Wherever two parsers could find different ends
//! of a body, one of them parses a request that the other has never seen.

use super::requests::post;
use super::{Row, Table};

/// A complete chunked body of "hello".
const HELLO: &str = "5\r\nhello\r\n0\r\n\r\n";

/// The bytes that the attack makes a server parse as a separate request.
const SMUGGLED: &str = "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

/// The table.
pub fn rows() -> Vec<Row> {
    let mut table = Table::new("Framing of requests");
    both(&mut table);
    lengths(&mut table);
    malformed_lengths(&mut table);
    codings(&mut table);
    unsupported_codings(&mut table);
    disguises(&mut table);
    similar_names(&mut table);
    table.rows()
}

fn both(table: &mut Table) {
    table.rule("RFC 9112 section 6.1", "Content-Length with Transfer-Encoding is rejected");
    for (name, fields) in [
        ("length first", "Content-Length: 6\r\nTransfer-Encoding: chunked"),
        ("coding first", "Transfer-Encoding: chunked\r\nContent-Length: 6"),
        ("a length of zero", "Content-Length: 0\r\nTransfer-Encoding: chunked"),
        (
            "between two lengths",
            "Content-Length: 6\r\nTransfer-Encoding: chunked\r\nContent-Length: 6",
        ),
        ("other case", "content-length: 6\r\nTRANSFER-ENCODING: CHUNKED"),
        ("the coding identity", "Content-Length: 6\r\nTransfer-Encoding: identity"),
        ("an empty coding", "Content-Length: 6\r\nTransfer-Encoding:"),
        ("a body that fits both", "Content-Length: 15\r\nTransfer-Encoding: chunked"),
    ] {
        table.refused(400, name, post(fields, SMUGGLED));
    }
}

fn lengths(table: &mut Table) {
    table.rule("RFC 9112 section 6.3", "Different Content-Lengths are rejected");
    for (name, fields) in [
        ("two lines", "Content-Length: 5\r\nContent-Length: 6"),
        ("the larger first", "Content-Length: 6\r\nContent-Length: 5"),
        ("a list", "Content-Length: 5, 6"),
        ("a line and a list", "Content-Length: 5\r\nContent-Length: 5, 6"),
        ("zero and more", "Content-Length: 0\r\nContent-Length: 5"),
    ] {
        table.refused(400, name, post(fields, "hello"));
    }

    table.rule("RFC 9110 section 8.6", "Equal Content-Lengths count as one");
    for (name, fields) in [
        ("two lines", "Content-Length: 5\r\nContent-Length: 5"),
        ("a list", "Content-Length: 5, 5"),
        ("a list without spaces", "Content-Length: 5,5,5"),
        ("leading zeros", "Content-Length: 0005"),
        ("space around it", "Content-Length: \t 5 \t"),
    ] {
        table.answered(200, name, post(fields, "hello")).body(b"hello");
    }
    table.answered(200, "zero", post("Content-Length: 0", "")).body(b"");
}

fn malformed_lengths(table: &mut Table) {
    table.rule("RFC 9110 section 8.6", "A Content-Length is digits only");
    for (name, fields) in [
        ("a plus sign", "Content-Length: +5"),
        ("a minus sign", "Content-Length: -5"),
        ("hexadecimal", "Content-Length: 0x5"),
        ("a hexadecimal digit", "Content-Length: a"),
        ("an underscore", "Content-Length: 1_0"),
        ("a space inside", "Content-Length: 5 5"),
        ("a fraction", "Content-Length: 5.0"),
        ("an exponent", "Content-Length: 5e0"),
        ("quoted", "Content-Length: \"5\""),
        ("empty", "Content-Length:"),
        ("only space", "Content-Length: \t "),
        ("an empty element after", "Content-Length: 5,"),
        ("an empty element before", "Content-Length: ,5"),
        ("digits of another script", "Content-Length: \u{0665}"),
        ("one good line and one bad", "Content-Length: 5\r\nContent-Length: +5"),
    ] {
        table.refused(400, name, post(fields, "hello"));
    }

    table.rule("RFC 9110 section 8.6", "A Content-Length that overflows is too large");
    for (name, fields) in [
        ("2^64", "Content-Length: 18446744073709551616"),
        ("2^64 + 5", "Content-Length: 18446744073709551621"),
        ("2^64 - 1", "Content-Length: 18446744073709551615"),
        ("2^63", "Content-Length: 9223372036854775808"),
        ("2^32 + 5", "Content-Length: 4294967301"),
        ("forty nines", "Content-Length: 9999999999999999999999999999999999999999"),
    ] {
        table.refused(413, name, post(fields, "hello"));
    }
}

fn codings(table: &mut Table) {
    table.rule("RFC 9112 section 6.1", "chunked frames a body");
    for (name, fields) in [
        ("as it is", "Transfer-Encoding: chunked"),
        ("in any case", "transfer-encoding: cHuNkEd"),
        ("an empty element before", "Transfer-Encoding: , chunked"),
        ("an empty line and another", "Transfer-Encoding:\r\nTransfer-Encoding: chunked"),
    ] {
        table.answered(200, name, post(fields, HELLO)).body(b"hello");
    }

    table.rule("RFC 9112 section 6.3", "A last coding other than chunked is rejected");
    for (name, fields) in [
        ("identity", "Transfer-Encoding: identity"),
        ("xchunked", "Transfer-Encoding: xchunked"),
        ("chunkedx", "Transfer-Encoding: chunkedx"),
        ("gzip", "Transfer-Encoding: gzip"),
        ("empty", "Transfer-Encoding:"),
        ("only a comma", "Transfer-Encoding: ,"),
        ("chunked, identity", "Transfer-Encoding: chunked, identity"),
        ("chunked, gzip", "Transfer-Encoding: chunked, gzip"),
        ("with a parameter", "Transfer-Encoding: chunked;q=1"),
        ("with another word", "Transfer-Encoding: chunked foo"),
        ("quoted", "Transfer-Encoding: \"chunked\""),
    ] {
        table.refused(400, name, post(fields, HELLO));
    }
}

fn unsupported_codings(table: &mut Table) {
    table.rule("RFC 9112 section 6.1", "chunked twice is rejected");
    for (name, fields) in [
        ("in a list", "Transfer-Encoding: chunked, chunked"),
        ("on two lines", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
        ("around another", "Transfer-Encoding: chunked, gzip, chunked"),
    ] {
        table.refused(400, name, post(fields, HELLO));
    }

    table.rule("RFC 9112 section 6.1", "A coding before chunked is not implemented");
    for (name, fields) in [
        ("gzip", "Transfer-Encoding: gzip, chunked"),
        ("identity", "Transfer-Encoding: identity, chunked"),
        ("gzip on its own line", "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked"),
    ] {
        table.refused(501, name, post(fields, HELLO));
    }

    table.rule("RFC 9112 section 6.1", "HTTP/1.0 has no Transfer-Encoding");
    for (name, bytes) in [
        (
            "chunked",
            "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        ),
        (
            "chunked and keep-alive",
            "POST /echo HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        ("identity", "POST /echo HTTP/1.0\r\nTransfer-Encoding: identity\r\n\r\n"),
    ] {
        table.refused(400, name, bytes.as_bytes());
    }
}

fn disguises(table: &mut Table) {
    table.rule("RFC 9110 section 5.5", "Outer white space is not part of a coding");
    for (name, fields) in [
        ("a tab before it", "Transfer-Encoding:\tchunked"),
        ("a space after it", "Transfer-Encoding: chunked "),
        ("nothing before it", "Transfer-Encoding:chunked"),
        ("both, and more", "Transfer-Encoding: \t chunked\t \t"),
    ] {
        table.answered(200, name, post(fields, HELLO)).body(b"hello");
    }

    table.rule("RFC 9110 section 5.5", "A disguised Transfer-Encoding is rejected");
    for (name, fields) in [
        ("a vertical tab", "Transfer-Encoding: \x0bchunked"),
        ("a form feed", "Transfer-Encoding: \x0cchunked"),
        ("a NUL", "Transfer-Encoding: chunked\0"),
        ("a no-break space", "Transfer-Encoding: \u{a0}chunked"),
        ("a CR after it", "Transfer-Encoding: chunked\r"),
        ("an LF before", "Transfer-Encoding: \nchunked"),
        ("a folded line", "Transfer-Encoding:\r\n chunked"),
        ("a space before the colon", "Transfer-Encoding : chunked"),
        ("a tab before the colon", "Transfer-Encoding\t: chunked"),
        ("a space before the name", " Transfer-Encoding: chunked"),
        ("an LF before the name", "X: y\nTransfer-Encoding: chunked"),
        ("a CR before the name", "X: y\rTransfer-Encoding: chunked"),
        ("chunked and another line", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"),
        ("chunked and a false line", "Transfer-Encoding: chunked\r\nTransfer-Encoding: x"),
    ] {
        table.refused(400, name, post(fields, HELLO));
    }
    table.rule("RFC 9110 section 8.6", "A disguised Content-Length is rejected");
    for (name, fields) in [
        ("a space before the colon", "Content-Length : 5"),
        ("a folded line", "Content-Length:\r\n 5"),
        ("a vertical tab", "Content-Length: \x0b5"),
        ("a NUL", "Content-Length: 5\0"),
        ("a bare LF after it", "Content-Length: 5\nX: y"),
    ] {
        table.refused(400, name, post(fields, "hello"));
    }
}

fn similar_names(table: &mut Table) {
    table.rule("RFC 9110 section 5.1", "A field with a similar name does not frame");
    for (name, fields) in [
        ("an underscore", "Content_Length: 5"),
        ("a prefix", "X-Content-Length: 5"),
        ("Transfer_Encoding", "Transfer_Encoding: chunked"),
    ] {
        table.answered(200, name, post(fields, "")).body(b"");
    }
}
