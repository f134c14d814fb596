//! What many clients at once may cost: only the ladder runs these, because a server that gives every
//! connection a worker fails them, and the first chapters say so.

use std::net::SocketAddr;
use std::time::Duration;

use super::Row;
use super::Table;
use crate::Client;
use crate::WireError;
use crate::request;

/// More connections than any chapter has workers.
const MANY: usize = 16;

/// Shorter than any deadline that would free a worker.
const SOON: Duration = Duration::from_secs(2);

/// The table.
pub fn rows() -> Vec<Row> {
    let mut table = Table::new("Many clients");
    table.rule("RFC 9112 section 9.5", "Idle connections keep nobody out");
    table.scenario("16 that never send", |address| among(address, b""));
    table.scenario("16 that have been answered", used_and_idle);
    table.rule("RFC 9110 section 15.5.9", "Unfinished requests keep nobody out");
    table.scenario("16 half heads", |address| among(address, b"GET / HTTP/1.1\r\nHost: a\r\n"));
    table.scenario("16 half bodies", |address| {
        among(address, b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell")
    });
    table.rows()
}

/// Whether a client is served while many others have sent `bytes` and then nothing.
fn among(address: SocketAddr, bytes: &[u8]) -> Result<(), WireError> {
    let mut others = Vec::new();
    for _ in 0..MANY {
        let mut client = Client::connect(address)?;
        client.send(bytes)?;
        others.push(client);
    }
    ask(&mut Client::connect(address)?)
}

fn used_and_idle(address: SocketAddr) -> Result<(), WireError> {
    let mut others = Vec::new();
    for _ in 0..MANY {
        let mut client = Client::connect(address)?;
        ask(&mut client)?;
        others.push(client);
    }
    Ok(())
}

fn ask(client: &mut Client) -> Result<(), WireError> {
    client.set_patience(SOON);
    client.ask(request("GET", "/", &[], b"")).map(|_| ())
}
