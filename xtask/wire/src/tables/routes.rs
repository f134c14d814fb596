//! How a router handles methods and paths (RFC 9110 sections 9 and 15), on the demonstration's routes.

use super::{Row, Table};

/// A request with a body of this media type.
fn send(method: &str, target: &str, media_type: &str, body: &str) -> Vec<u8> {
    crate::request(method, target, &[("Content-Type", media_type)], body.as_bytes())
}

fn ask(method: &str, target: &str) -> Vec<u8> {
    crate::request(method, target, &[], b"")
}

/// The table. Chapters that have no router do not have these routes.
pub fn rows() -> Vec<Row> {
    let mut table = Table::new("Routes");
    table.needs("/users");
    methods(&mut table);
    contents(&mut table);
    parameters(&mut table);
    table.rows()
}

fn methods(table: &mut Table) {
    table.rule("RFC 9110 section 9.3.2", "Every GET route responds to HEAD");
    table.answered(200, "a text", ask("HEAD", "/hello/you")).body(b"");
    table.answered(404, "a user that does not exist", ask("HEAD", "/users/999999"));

    table.rule("RFC 9110 section 9.3.7", "Every route responds to OPTIONS");
    table
        .answered(204, "a collection", ask("OPTIONS", "/users"))
        .allows(["GET", "HEAD", "POST", "OPTIONS"]);
    table.answered(204, "an item", ask("OPTIONS", "/users/1")).allows(["PUT", "DELETE"]);

    table.rule("RFC 9110 section 15.5.6", "405 lists the methods of its route");
    table
        .answered(405, "a collection", ask("DELETE", "/users"))
        .lists("Allow", "POST")
        .json("/error", "method_not_allowed");
    table.answered(405, "in a wildcard", ask("DELETE", "/files/a/b")).lists("Allow", "GET");
}

fn contents(table: &mut Table) {
    table.rule("RFC 9110 section 15.3.5", "204 has no content");
    table
        .answered(204, "GET", ask("GET", "/empty"))
        .no_field("Content-Length")
        .no_field("Transfer-Encoding");
    table.answered(204, "HEAD", ask("HEAD", "/empty")).no_field("Content-Length");

    table.rule("RFC 9110 section 15.5.16", "Another media type is 415");
    table.answered(415, "text", send("POST", "/users", "text/plain", "{}"));
    table.answered(415, "none", crate::request("POST", "/users", &[], b"{}"));
    table.rule("RFC 9110 section 15.5.1", "Malformed content is 400");
    table
        .answered(400, "half an object", send("POST", "/users", "application/json", "{\"name\""))
        .json("/error", "bad_json");
    table.rule("RFC 9110 section 15.5.21", "Content of the wrong shape is 422");
    table.answered(422, "a list", send("POST", "/users", "application/json", "[]"));
}

fn parameters(table: &mut Table) {
    table.rule("RFC 3986 section 2.2", "A parameter is decoded once, and %2F is not a separator");
    for (name, target, body) in [
        ("a space", "/hello/a%20b", b"Hello, a b!\n"),
        ("a slash", "/hello/a%2Fb", b"Hello, a/b!\n"),
        ("a percent sign", "/hello/%2541", b"Hello, %41!\n"),
    ] {
        table.answered(200, name, ask("GET", target)).body(body);
    }
    table.answered(404, "a real slash", ask("GET", "/hello/a/b"));
    table.answered(200, "a wildcard", ask("GET", "/files/a/b%20c.txt")).json("/path", "a/b c.txt");
}
