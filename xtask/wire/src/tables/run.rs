//! Sends the rows of a table to a server, each in several ways, and compares the replies.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use super::way::Way;
use super::{Row, Test};
use crate::{Client, Kind, WireError, escape, side_by_side};

/// The number of rows that run at the same time. Most of the time of a row is spent waiting for the
/// other side.
pub const SIDE_BY_SIDE: usize = 4;

/// Runs all rows against the server at `address`, several at the same time.
///
/// # Errors
/// Returns the rows on which the server failed, each with the problem and all the bytes.
pub fn check(address: SocketAddr, rows: &[Row]) -> Result<(), WireError> {
    let problems = side_by_side(SIDE_BY_SIDE, rows, |row| problem(address, row));
    let failed = |(row, problem): (&Row, Option<String>)| {
        let Row { group, rule, rfc, name, .. } = row;
        problem.map(|problem| format!("\n[{group}] {rule} ({rfc}): {name}\n{problem}\n"))
    };
    let failed: Vec<String> = rows.iter().zip(problems).filter_map(failed).collect();
    if failed.is_empty() {
        return Ok(());
    }
    let (count, of) = (failed.len(), rows.len());
    Err(unexpected(format!("{}{count} of {of} rows failed", failed.concat())))
}

/// Runs one row. Returns the problem, with all the bytes, or `None` if the server passed.
pub fn problem(address: SocketAddr, row: &Row) -> Option<String> {
    let bytes = match &row.test {
        Test::Exchange { bytes, .. } => bytes,
        Test::Scenario(steps) => return steps(address).err().map(|error| error.to_string()),
    };
    Way::all(bytes).into_iter().find_map(|way| {
        let mut client = match Client::connect(address) {
            Ok(client) => client,
            Err(error) => return Some(error.to_string()),
        };
        let error = exchange(&mut client, &row.test, way).err()?;
        let (words, transcript) = (way.words(), client.transcript());
        let (message, transcript) = (error.message(), transcript.trim_end());
        Some(format!("sent {words}: {message}\nthe whole conversation:\n{transcript}"))
    })
}

fn exchange(client: &mut Client, test: &Test, way: Way) -> Result<(), WireError> {
    let Test::Exchange { bytes, statuses, closes, checks } = test else { return Ok(()) };
    let is_head = statuses.len() == 1 && bytes.starts_with(b"HEAD ");
    way.send(client, bytes)?;
    let mut last = None;
    for (number, expected) in (1..).zip(statuses) {
        let reply = client.read_reply_to(if is_head { "HEAD" } else { "GET" })?;
        if reply.status != *expected {
            let got = reply.status;
            return Err(unexpected(format!("reply {number} must be {expected}, is {got}")));
        }
        last = Some(reply);
    }
    if let Some(problem) = last.and_then(|reply| checks.iter().find_map(|it| it(&reply))) {
        return Err(unexpected(problem));
    }
    if *closes {
        return client.expect_closed();
    }
    way.expect_probe(client)?;
    // A second response to the probe, or anything else, would have arrived by now, or arrives soon.
    client.expect_silence(Duration::from_millis(1))
}

fn unexpected(message: String) -> WireError {
    WireError::new(Kind::Unexpected, message)
}

/// The bytes of a row, as readable text.
impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.name)?;
        match &self.test {
            Test::Exchange { bytes, .. } => write!(f, "\n{}", escape::lines('>', bytes)),
            Test::Scenario(_) => Ok(()),
        }
    }
}
