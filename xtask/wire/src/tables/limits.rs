//! A request that exceeds a limit is rejected with the status for that limit. The limits are the defaults of every
//! chapter: 8 KiB for the target, 16 KiB for the header section, 100 fields, 8 MiB for the body, 1,000 requests.

use std::net::SocketAddr;

use super::requests::{expect, get, plain, post};
use super::{Row, Table, refusal};
use crate::{Client, WireError};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// The table.
pub fn rows() -> Vec<Row> {
    let mut table = Table::new("Limits");

    table.rule("RFC 9110 section 15.5.15", "A target over 8 KiB is 414");
    table.answered(404, "8 KiB exactly", with_target(8 * KIB));
    table.refused(414, "one byte more", with_target(8 * KIB + 1));
    table.refused(414, "12 KiB", with_target(12 * KIB));
    table.refused(414, "10 KiB and no end", format!("GET /{}", "x".repeat(10 * KIB)).into_bytes());

    table.rule("RFC 6585 section 5", "A header section over 16 KiB is 431");
    table.answered(200, "16 KiB exactly", with_head(16 * KIB));
    table.refused(431, "one byte more", with_head(16 * KIB + 1));
    table.refused(431, "17 KiB in one field", get(&format!("X: {}", "y".repeat(17 * KIB))));
    table.refused(
        431,
        "17 KiB without an end",
        format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "y".repeat(17 * KIB)).into_bytes(),
    );
    let fields = |count: usize| vec!["X: y"; count].join("\r\n");
    table.rule("RFC 6585 section 5", "More than 100 fields are 431");
    table.answered(200, "100 with Host", get(&fields(99)));
    table.refused(431, "101 with Host", get(&fields(100)));

    table.rule("RFC 9110 section 15.5.14", "A body over 8 MiB is 413");
    table.refused(413, "announced", post(&format!("Content-Length: {}", 8 * MIB + 1), ""));
    table.refused(
        413,
        "announced, and partly sent",
        post("Content-Length: 10000000", &"x".repeat(KIB)),
    );
    table.refused(413, "announced by a chunk", post("Transfer-Encoding: chunked", "800001\r\n"));
    table.scenario("8 MiB exactly", a_large_body_is_taken);
    table.scenario("in chunks, all sent", chunks_that_are_too_much);

    table.rule("RFC 9112 section 9.3", "A connection carries 1,000 requests at most");
    table.scenario("the last says close", the_thousandth_says_close);
    table.rows()
}

/// A request with this total number of bytes in its request line, field lines and empty line.
fn with_head(bytes: usize) -> Vec<u8> {
    let without = get("X: ").len();
    get(&format!("X: {}", "y".repeat(bytes - without)))
}

fn with_target(length: usize) -> Vec<u8> {
    plain(&format!("GET /{}", "x".repeat(length - 1)))
}

fn a_large_body_is_taken(address: SocketAddr) -> Result<(), WireError> {
    let mut client = Client::connect(address)?;
    let body = vec![b'x'; 8 * MIB];
    let reply = client.ask(crate::request("POST", "/inspect", &[], &body))?;
    let is_taken = reply.status == 200 && reply.json()?["body_length"] == 8 * MIB;
    expect(is_taken, "8 MiB must be accepted", &reply)
}

/// The client sends everything before it reads, and must still receive the response.
fn chunks_that_are_too_much(address: SocketAddr) -> Result<(), WireError> {
    let mut client = Client::connect(address)?;
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(64 * KIB));
    let body = chunk.repeat(8 * 16 + 1);
    client.send_until_reset(post("Transfer-Encoding: chunked", &body))?;
    let reply = client.read_reply()?;
    expect(reply.status == 413, "more than 8 MiB must be 413", &reply)?;
    expect(refusal::problem(&reply).is_none(), "a 413 must say why, and close", &reply)?;
    client.expect_closed()
}

fn the_thousandth_says_close(address: SocketAddr) -> Result<(), WireError> {
    let mut client = Client::connect(address)?;
    let request = crate::request("GET", "/", &[], b"");
    for number in 1..=1000 {
        let reply = client.ask(&request)?;
        expect(reply.status == 200, "each request must get a 200", &reply)?;
        let is_right = reply.lists("Connection", "close") == (number == 1000);
        expect(is_right, "the thousandth response, and no other, says close", &reply)?;
    }
    client.expect_closed()
}
