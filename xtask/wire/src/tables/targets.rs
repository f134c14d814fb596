//! The request target: its four forms, and its path, which is decoded once (RFC 9112 section 3.2,
//! RFC 3986).

use serde_json::Value;

use super::requests::plain;
use super::{Row, Table};

fn get(target: &str) -> Vec<u8> {
    plain(&format!("GET {target}"))
}

/// The table.
pub fn rows() -> Vec<Row> {
    let mut table = Table::new("Request targets");
    absolute_forms(&mut table);
    malformed_targets(&mut table);
    equivalent_targets(&mut table);

    table.rule("RFC 9112 section 3.2.4", "OPTIONS * is about the server itself");
    table
        .answered(204, "asterisk-form", plain("OPTIONS *"))
        .lists("Allow", "GET")
        .no_field("Content-Length");
    table.rows()
}

fn absolute_forms(table: &mut Table) {
    table.rule("RFC 9112 section 3.2.2", "The authority of an absolute-form wins over Host");
    for (name, target, host) in [
        ("another host", "http://b/inspect", "b"),
        ("a port", "http://b:8080/inspect", "b:8080"),
        ("an IPv6 address", "http://[::1]:80/inspect", "[::1]:80"),
        ("scheme in capitals", "HTTP://b/inspect", "b"),
        ("https", "https://b/inspect", "b"),
    ] {
        table.answered(200, name, get(target)).json("/host", host).json("/path", "/inspect");
    }
    table.answered(200, "no path", get("http://b"));
    table.answered(200, "only a query", get("http://b?x"));
}

fn malformed_targets(table: &mut Table) {
    table.rule("RFC 9112 section 3.2", "A malformed target is rejected");
    for (name, target) in [
        ("no leading slash", "inspect"),
        ("a fragment", "/inspect#top"),
        ("an unclosed bracket", "http://[bad/"),
        ("no host", "http:///inspect"),
        ("a user", "http://user@b/inspect"),
        ("another scheme", "ftp://b/inspect"),
        ("only a scheme", "http:"),
        ("an authority", "a:80"),
        ("an asterisk for GET", "*"),
        ("an asterisk with more", "*/inspect"),
        ("only a query", "?x"),
    ] {
        table.refused(400, name, get(target));
    }

    table.rule("RFC 3986 section 2.1", "A percent sign is followed by two hexadecimal digits");
    for (name, target) in [
        ("other letters", "/inspect/%zz"),
        ("one digit", "/inspect/%4"),
        ("none", "/inspect/%"),
        ("a sign", "/inspect/%+1"),
        ("not UTF-8 once decoded", "/inspect/%ff"),
        ("half a character", "/inspect/%c3"),
    ] {
        table.refused(400, name, get(target));
    }
}

fn equivalent_targets(table: &mut Table) {
    table.rule("RFC 3986 section 6.2.2", "Equivalent spellings of a path are one path");
    table.answered(200, "an escaped letter", get("/%69nspect")).json("/path", "/inspect");
    table.answered(404, "an escaped slash is not a separator", get("/inspect%2F"));
    table.answered(404, "an empty segment stays", get("//inspect"));
    table.answered(404, "decoded once, not twice", get("/%2569nspect"));
    table
        .answered(200, "a query is not decoded", get("/inspect?a=%2F&b=+"))
        .json("/query", "a=%2F&b=+")
        .json("/path", "/inspect");
    table.answered(200, "an empty query", get("/inspect?")).json("/query", "");
    table.answered(200, "no query", get("/inspect")).json("/query", Value::Null);
    table.answered(200, "a question mark in the query", get("/inspect?a?b")).json("/query", "a?b");
}
