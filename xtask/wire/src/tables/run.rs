//! Sends the rows of a table to a server, each in several ways, and compares.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use super::{Row, Test};
use crate::Client;
use crate::Kind;
use crate::WireError;
use crate::escape;

/// The request behind a row. Its answer proves that the server is where it must be in the stream of
/// bytes; without an answer it proves that nothing more was read from it.
const PROBE: &[u8] = b"GET /inspect?the-probe HTTP/1.1\r\nHost: probe\r\n\r\n";

/// Longer rows are not sent byte by byte.
const BYTE_BY_BYTE: usize = 2000;

/// What came of one row.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The row.
    pub row: Row,
    /// What was wrong, with all the bytes; `None` if the server did as it must.
    pub problem: Option<String>,
}

/// How the bytes of a row reach the server. The answer must not depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// The row and the probe behind it in one write.
    WithProbe,
    /// The row alone: the server must not wait for more. The probe comes after the answer.
    Alone,
    /// One byte a write, then the probe.
    ByteByByte,
}

/// Runs all rows, one after the other, against the server at `address`.
pub fn run(address: SocketAddr, rows: &[Row]) -> Vec<Outcome> {
    rows.iter().map(|row| run_one(address, row)).collect()
}

/// Runs one row.
pub fn run_one(address: SocketAddr, row: &Row) -> Outcome {
    Outcome { row: row.clone(), problem: problem_of(address, &row.test) }
}

/// Runs all rows and returns how many there were.
///
/// # Errors
/// The outcomes of the rows on which the server failed.
pub fn check(address: SocketAddr, rows: &[Row]) -> Result<usize, Failures> {
    let failed: Vec<_> =
        run(address, rows).into_iter().filter(|outcome| outcome.problem.is_some()).collect();
    if failed.is_empty() { Ok(rows.len()) } else { Err(Failures { failed, of: rows.len() }) }
}

/// The rows on which a server failed. `Debug` is made to be read, because a test meets it in `unwrap`.
pub struct Failures {
    /// Their outcomes.
    pub failed: Vec<Outcome>,
    /// How many rows there were.
    pub of: usize,
}

impl fmt::Display for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Outcome { row, problem } in &self.failed {
            writeln!(f, "\n[{}] {} ({}): {}", row.group, row.rule, row.rfc, row.name)?;
            writeln!(f, "{}", problem.as_deref().unwrap_or_default())?;
        }
        write!(f, "{} of {} rows failed", self.failed.len(), self.of)
    }
}

impl fmt::Debug for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Failures {}

fn problem_of(address: SocketAddr, test: &Test) -> Option<String> {
    let Test::Exchange { bytes, .. } = test else {
        let Test::Scenario(steps) = test else { return None };
        return steps(address).err().map(|error| error.to_string());
    };
    let mut ways = vec![Way::WithProbe, Way::Alone];
    if bytes.len() <= BYTE_BY_BYTE {
        ways.push(Way::ByteByByte);
    }
    ways.into_iter().find_map(|way| {
        let mut client = match Client::connect(address) {
            Ok(client) => client,
            Err(error) => return Some(error.to_string()),
        };
        let error = exchange(&mut client, test, way).err()?;
        Some(format!(
            "sent {}: {}\nthe whole conversation:\n{}",
            match way {
                Way::WithProbe => "together with another request",
                Way::Alone => "alone",
                Way::ByteByByte => "byte by byte",
            },
            error.message(),
            client.transcript().trim_end()
        ))
    })
}

fn exchange(client: &mut Client, test: &Test, way: Way) -> Result<(), WireError> {
    let Test::Exchange { bytes, statuses, closes, checks } = test else { return Ok(()) };
    match way {
        Way::WithProbe => send(client, &[&bytes[..], PROBE].concat())?,
        Way::Alone => send(client, bytes)?,
        Way::ByteByByte => {
            for byte in bytes.chunks(1) {
                send(client, byte)?;
            }
            send(client, PROBE)?;
        }
    }
    let mut last = None;
    for (place, expected) in statuses.iter().enumerate() {
        let method =
            if statuses.len() == 1 && bytes.starts_with(b"HEAD ") { "HEAD" } else { "GET" };
        let reply = client.read_reply_to(method)?;
        if reply.status != *expected {
            let got = reply.status;
            return Err(unexpected(format!("reply {} must be {expected}, is {got}", place + 1)));
        }
        last = Some(reply);
    }
    for check in checks {
        if let Some(problem) = last.as_ref().and_then(|reply| check.problem(reply)) {
            return Err(unexpected(problem));
        }
    }
    if *closes {
        return client.expect_closed();
    }
    if way == Way::Alone {
        client.send(PROBE)?;
    }
    let reply = client.read_reply()?;
    let query = reply.json().ok().map(|json| json["query"].clone());
    if reply.status != 200 || query.as_ref().and_then(|query| query.as_str()) != Some("the-probe") {
        return Err(unexpected("the request behind it must get its own answer".to_string()));
    }
    // A second answer to the probe, or anything else, would have come by now or comes soon.
    client.expect_silence(Duration::from_millis(1))
}

/// Sends, and does not mind a server that has closed: its reply is what counts.
fn send(client: &mut Client, bytes: &[u8]) -> Result<(), WireError> {
    match client.send(bytes) {
        Err(error) if error.kind() != Kind::Reset => Err(error),
        _ => Ok(()),
    }
}

fn unexpected(message: String) -> WireError {
    WireError::new(Kind::Unexpected, message)
}

/// The bytes of a row, as people read them.
impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.name)?;
        match &self.test {
            Test::Exchange { bytes, .. } => write!(f, "\n{}", escape::lines('>', bytes)),
            Test::Scenario(_) => Ok(()),
        }
    }
}
