//! The request line and the fields, byte by byte (RFC 9112 sections 2 to 5).

use serde_json::json;

use super::requests::{get, plain, post};
use super::{Row, Table};

/// The table.
pub fn rows() -> Vec<Row> {
    let mut table = Table::new("Request line and fields");
    lines(&mut table);
    request_line(&mut table);
    versions(&mut table);
    methods(&mut table);
    fields(&mut table);
    hosts(&mut table);
    table.rows()
}

fn lines(table: &mut Table) {
    table.rule("RFC 9112 section 2.2", "Lines end in CRLF, not in LF");
    for (name, bytes) in [
        ("the request line", &b"GET / HTTP/1.1\nHost: a\r\n\r\n"[..]),
        ("a field line", b"GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n"),
        ("the empty line", b"GET / HTTP/1.1\r\nHost: a\r\n\n"),
        ("all lines", b"GET / HTTP/1.1\nHost: a\n\n"),
        ("an LF before the request line", b"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ] {
        table.refused(400, name, bytes);
    }

    table.rule("RFC 9112 section 2.2", "A bare CR is rejected");
    for (name, bytes) in [
        ("in the target", &b"GET /\rx HTTP/1.1\r\nHost: a\r\n\r\n"[..]),
        ("for a space", b"GET\r/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("after the version", b"GET / HTTP/1.1\r\r\nHost: a\r\n\r\n"),
        ("in a value", b"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n"),
        ("for the empty line", b"GET / HTTP/1.1\r\nHost: a\r\n\rX"),
    ] {
        table.refused(400, name, bytes);
    }

    table.rule("RFC 9112 section 2.2", "One empty line before a request is skipped");
    table.answered(200, "one", b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let two = post("Content-Length: 2", "hi\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
    table.sequence(&[200, 200], "one after a body", two);
    table.refused(400, "two", b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");

    table.rule("RFC 9110 section 5.5", "Control characters are rejected at once");
    for (name, bytes) in [
        ("a NUL in the method", &b"GE\0"[..]),
        ("a NUL in the target", b"GET /\0"),
        ("a NUL in a name", b"GET / HTTP/1.1\r\nHo\0"),
        ("a NUL in a value", b"GET / HTTP/1.1\r\nHost: a\r\nX: a\0"),
        ("an escape in a value", b"GET / HTTP/1.1\r\nHost: a\r\nX: \x1b"),
        ("a DEL in a value", b"GET / HTTP/1.1\r\nHost: a\r\nX: \x7f"),
        ("a tab in the request line", b"GET\t"),
        ("a byte of TLS", b"\x16\x03\x01\x02\x00\x01\x00"),
    ] {
        table.refused(400, name, bytes);
    }
}

fn request_line(table: &mut Table) {
    table.rule("RFC 9112 section 3", "A request line is method, target and version");
    for (name, line) in [
        ("two spaces", "GET  / HTTP/1.1"),
        ("two spaces before the version", "GET /  HTTP/1.1"),
        ("a space before the method", " GET / HTTP/1.1"),
        ("a space after the version", "GET / HTTP/1.1 "),
        ("no target", "GET HTTP/1.1"),
        ("an empty target", "GET  HTTP/1.1"),
        ("no version (HTTP/0.9)", "GET /"),
        ("a space in the target", "GET /a b HTTP/1.1"),
        ("only a word", "hello"),
        ("a method that is not a token", "G@T / HTTP/1.1"),
        ("no method", " / HTTP/1.1"),
        ("a non-ASCII byte in the target", "GET /\u{e9} HTTP/1.1"),
        ("a non-ASCII byte in the method", "G\u{cb}T / HTTP/1.1"),
    ] {
        table.refused(400, name, format!("{line}\r\nHost: a\r\n\r\n").into_bytes());
    }
}

fn versions(table: &mut Table) {
    table.rule("RFC 9112 section 2.3", "A malformed version is rejected");
    for (name, version) in [
        ("HTTP/1", "HTTP/1"),
        ("HTTP/1.", "HTTP/1."),
        ("HTTP/1.10", "HTTP/1.10"),
        ("HTTP/01.1", "HTTP/01.1"),
        ("http/1.1", "http/1.1"),
        ("HTTP 1.1", "HTTP-1.1"),
        ("HTTPS/1.1", "HTTPS/1.1"),
        ("HTTP/x.1", "HTTP/x.1"),
        ("HTTP/+1.1", "HTTP/+1.1"),
        ("HTTP/1,1", "HTTP/1,1"),
    ] {
        table.refused(400, name, format!("GET / {version}\r\nHost: a\r\n\r\n").into_bytes());
    }

    table.rule("RFC 9110 section 15.6.6", "Another major version is not supported");
    for (name, version) in
        [("2.0", "HTTP/2.0"), ("0.9", "HTTP/0.9"), ("3.0", "HTTP/3.0"), ("9.9", "HTTP/9.9")]
    {
        table.refused(505, name, format!("GET / {version}\r\nHost: a\r\n\r\n").into_bytes());
    }
    table.refused(505, "HTTP/2 with prior knowledge", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

    table.rule("RFC 9110 section 6.2", "A later 1.x is treated as 1.1");
    for (name, version) in [("1.2", "HTTP/1.2"), ("1.9", "HTTP/1.9")] {
        let bytes = format!("GET /inspect {version}\r\nHost: a\r\n\r\n").into_bytes();
        table.answered(200, name, bytes);
    }
}

fn methods(table: &mut Table) {
    table.rule("RFC 9110 section 9.1", "An unknown method is not implemented");
    for (name, method) in [
        ("BREW", "BREW"),
        ("lower case", "get"),
        ("a long token", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
        ("M-SEARCH", "M-SEARCH"),
    ] {
        table.refused(501, name, plain(&format!("{method} /")));
    }
    table.refused(501, "CONNECT", b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n");
    // A malformed request gets 400, whatever its method.
    table.refused(400, "BREW without Host", b"BREW / HTTP/1.1\r\n\r\n");

    table.rule("RFC 9110 section 15.5.6", "A known method that is not allowed is 405 with Allow");
    table.answered(405, "DELETE /", plain("DELETE /")).allows(["GET", "HEAD"]);
    table.answered(405, "GET /echo", plain("GET /echo")).allows(["POST", "PUT"]);
    let post = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
    table.answered(405, "POST / with a body", post).json("/error", "method_not_allowed");
}

fn fields(table: &mut Table) {
    table.rule("RFC 9112 section 5.1", "No space between a name and its colon");
    table.refused(400, "a space", get("X : y"));
    table.refused(400, "a tab", get("X\t: y"));

    table.rule("RFC 9112 section 5", "A field line is name, colon, value");
    table.refused(400, "no colon", get("X"));
    table.refused(400, "an empty name", get(": y"));
    table.refused(400, "a name that is not a token", get("X(y): z"));
    table.refused(400, "a non-ASCII name", get("X\u{e9}: z"));
    table.refused(400, "a space in the name", get("X Y: z"));

    table.rule("RFC 9112 section 5.2", "A folded line is rejected");
    table.refused(400, "with a space", get("X: y\r\n z"));
    table.refused(400, "with a tab", get("X: y\r\n\tz"));
    table.refused(400, "only white space", get("X: y\r\n  "));
    table.refused(400, "after the request line", b"GET / HTTP/1.1\r\n Host: a\r\n\r\n");
    table.refused(400, "at once", b"GET / HTTP/1.1\r\nHost: a\r\n ");

    table.rule("RFC 9110 section 5.5", "A value is trimmed and otherwise kept");
    for (name, line, field) in [
        ("space around it", "X: \t y z \t", ["X", "y z"]),
        ("empty", "X:", ["X", ""]),
        ("a tab inside", "X: a\tb", ["X", "a\tb"]),
        ("non-ASCII bytes", "X: caf\u{e9}", ["X", "caf\u{e9}"]),
        ("colons in it", "X::a:b", ["X", ":a:b"]),
        ("all of tchar in a name", "!#$%&'*+-.^_`|~09azAZ: y", ["!#$%&'*+-.^_`|~09azAZ", "y"]),
    ] {
        table.answered(200, name, get(line)).json("/headers/1", json!(field));
    }

    table.rule("RFC 9110 section 5.3", "Fields with the same name keep their order");
    table
        .answered(200, "three", get("X: 1\r\nY: 2\r\nx: 3"))
        .json("/headers", json!([["Host", "a"], ["X", "1"], ["Y", "2"], ["x", "3"]]));
}

fn hosts(table: &mut Table) {
    table.rule("RFC 9112 section 3.2", "HTTP/1.1 has exactly one Host");
    table.refused(400, "none", b"GET / HTTP/1.1\r\n\r\n");
    table.refused(400, "none, absolute-form", b"GET http://a/ HTTP/1.1\r\n\r\n");
    table.refused(400, "two", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
    table.refused(400, "two that are equal", b"GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n");
    table.refused(400, "two in HTTP/1.0", b"GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n");
    table.last(200, "none in HTTP/1.0", b"GET / HTTP/1.0\r\n\r\n");

    table.rule("RFC 9112 section 3.2", "Host is a host and an optional port");
    for (name, host) in [
        ("a space inside", "a b"),
        ("a path", "a/b"),
        ("a user", "user@a"),
        ("a comma", "a, b"),
        ("a port that is not a number", "a:http"),
        ("a signed port", "a:+80"),
        ("an open bracket", "[::1"),
        ("no address in brackets", "[x]"),
        ("two ports", "a:1:2"),
        ("a scheme", "http://a"),
        ("a non-ASCII byte", "\u{e9}"),
        ("a bad escape", "%zz"),
    ] {
        table.refused(400, name, format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n").into_bytes());
    }
    for (name, host) in [
        ("a name", "example.com"),
        ("a name and a port", "example.com:8080"),
        ("an empty port", "example.com:"),
        ("an IPv4 address", "127.0.0.1:80"),
        ("an IPv6 address", "[::1]:80"),
        ("empty", ""),
    ] {
        let bytes = format!("GET /inspect HTTP/1.1\r\nHost: {host}\r\n\r\n").into_bytes();
        table.answered(200, name, bytes);
    }
}
