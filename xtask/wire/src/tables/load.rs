//! Many clients at once. Only the ladder runs these rows: a server with one worker per connection fails them, as the
//! first chapters state.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::{Row, Table};
use crate::{Client, WireError, request};

/// Four times as many connections as any chapter has workers.
const MANY: usize = 16;

/// How long each row may take. A worker waits at least this long for one idle client, so that a server that gives
/// every connection a worker needs four times as long.
const SOON: Duration = Duration::from_secs(5);

/// The table.
pub fn rows() -> Vec<Row> {
    let mut table = Table::new("Many clients");
    table.alone();
    table.rule("RFC 9112 section 9.5", "Idle connections do not lock out other clients");
    table.scenario("16 that never send", |address| among(address, b""));
    table.scenario("16 that have had their response", used_and_idle);
    table.rule("RFC 9110 section 15.5.9", "Unfinished requests do not lock out other clients");
    table.scenario("16 unfinished header sections", |address| {
        among(address, b"GET / HTTP/1.1\r\nHost: a\r\n")
    });
    table.scenario("16 unfinished bodies", |address| {
        among(address, b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell")
    });
    table.rows()
}

/// Tests that a client is served while many others have sent `bytes` and are then idle.
fn among(address: SocketAddr, bytes: &[u8]) -> Result<(), WireError> {
    let deadline = Instant::now() + SOON;
    let others = many(address, bytes)?;
    ask(&mut Client::connect(address)?, deadline)?;
    drop(others);
    Ok(())
}

fn used_and_idle(address: SocketAddr) -> Result<(), WireError> {
    let deadline = Instant::now() + SOON;
    let mut others = many(address, &request("GET", "/", &[], b""))?;
    for client in &mut others {
        read(client, deadline)?;
    }
    ask(&mut Client::connect(address)?, deadline)
}

/// Opens many connections, and sends these bytes on each.
fn many(address: SocketAddr, bytes: &[u8]) -> Result<Vec<Client>, WireError> {
    let connect = |_| {
        let mut client = Client::connect(address)?;
        client.send(bytes).map(|()| client)
    };
    (0..MANY).map(connect).collect()
}

fn ask(client: &mut Client, deadline: Instant) -> Result<(), WireError> {
    client.send(request("GET", "/", &[], b""))?;
    read(client, deadline)
}

fn read(client: &mut Client, deadline: Instant) -> Result<(), WireError> {
    client.set_patience(deadline.saturating_duration_since(Instant::now()));
    client.read_reply().map(drop)
}
