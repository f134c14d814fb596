//! Checks that each row of the wire tables gets the same response in a page as over a socket.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use wire::tables::{self, Test};
use wire::{Client, Program};

use super::pages::with_data;
use super::program::visit;
use super::site::Site;
use crate::built::Built;
use crate::modules::{self, CHAPTERS};
use crate::sources::Sources;

/// How long a server may take for one row.
const ROW_PATIENCE: Duration = Duration::from_secs(10);

/// The request before a row in the second run.
const FIRST: &[u8] = b"GET /inspect?the-first HTTP/1.1\r\nHost: first\r\n\r\n";

/// The request after a row. A server that has not rejected the row responds, and closes.
const PROBE: &[u8] = b"GET /inspect?the-probe HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n";

const FRAME: &str = include_str!("rows.html");

/// Compares the responses in a browser, if one is installed. Returns a line for the summary.
pub(crate) fn compare(sources: &Sources, problems: &mut Vec<String>) -> Result<String> {
    let modules = modules::refresh(sources)?;
    if !modules.has_target {
        return Ok(format!("rows in a page skipped: no wasm32-wasip1; {}", modules::REMEDY));
    }
    if !modules.warnings.is_empty() {
        problems.push(modules.warnings);
    }
    if !modules.errors.is_empty() {
        let said = modules.errors.into_iter().map(|(name, said)| format!("{name}: {said}"));
        problems.extend(said);
        return Ok("no rows in a page".to_string());
    }
    let rows = tables::all().into_iter().filter_map(|row| match row.test {
        Test::Exchange { bytes, .. } => {
            Some((format!("{}: {}", row.rule, row.name), [&bytes, PROBE].concat()))
        }
        // It is not a list of bytes.
        Test::Scenario(_) => None,
    });
    let rows: Vec<(String, Vec<u8>)> = rows.collect();
    let frame = with_data(FRAME, &cases(sources, &rows)?)?;
    let site = Site::serve(&sources.root().join("book/src"), frame, None, None)?;
    let did = |count| format!("{count} responses to {} rows in a browser", rows.len());
    visit("rows", sources, &site, 1, problems, did)
}

/// The rows, and the responses of each chapter over a socket: once for each row alone, and once with a request before
/// it.
fn cases(sources: &Sources, rows: &[(String, Vec<u8>)]) -> Result<Value> {
    let built = Built::everything(sources)?;
    let mut sockets = BTreeMap::new();
    for name in CHAPTERS {
        let program = built.program(&format!("ch{}", sources.chapter(name)?.name));
        let mut runs = Vec::new();
        for before in [&b""[..], FIRST] {
            let server = Program::start(&program, &["127.0.0.1:0"])?;
            let responses = rows.iter().map(|(row, bytes)| {
                let received = exchange(server.addr(), &[before, bytes].concat());
                Ok(STANDARD.encode(received.with_context(|| format!("{name}, {row}"))?))
            });
            runs.push(responses.collect::<Result<Vec<String>>>()?);
        }
        sockets.insert(name, runs);
    }
    let rows: Vec<Value> = rows
        .iter()
        .map(|(name, bytes)| json!({ "name": name, "bytes": STANDARD.encode(bytes) }))
        .collect();
    Ok(json!({ "rows": rows, "first": STANDARD.encode(FIRST), "sockets": sockets }))
}

/// Sends bytes and the end of the stream, and returns everything that the server sends back.
fn exchange(address: SocketAddr, bytes: &[u8]) -> Result<Vec<u8>> {
    let mut client = Client::connect(address)?.with_patience(ROW_PATIENCE);
    client.send(bytes)?;
    client.half_close()?;
    Ok(client.read_to_end()?)
}
