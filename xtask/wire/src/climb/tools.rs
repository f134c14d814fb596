//! Helpers for several stages: raw sockets, byte patterns, and requests that must be rejected.

use std::fmt::Display;
use std::thread;
use std::time::Duration;

use crate::PATIENCE;
use crate::exercise::{Answer, Connection, Failure, Server, first_difference};

/// The result of a check.
pub(super) type Checked = Result<(), Failure>;

/// Fails with `expected` and `got` unless `holds`.
pub(super) fn require(holds: bool, expected: impl Display, got: impl Display) -> Checked {
    if holds { Ok(()) } else { Err(Failure::new(expected.to_string(), got.to_string())) }
}

/// A client that reads nothing, and has sent until the server stopped reading.
pub(super) fn stuffed(server: &Server) -> Result<Connection<'_>, Failure> {
    let mut connection = server.connect()?;
    connection.client().set_patience(Duration::from_millis(500));
    let piece = pattern(64 * 1024);
    while connection.client().send(&piece).is_ok() {}
    Ok(connection)
}

/// Requires that the server sends back exactly `bytes`.
pub(super) fn echoed(connection: &mut Connection<'_>, bytes: &[u8]) -> Checked {
    let back = connection.exchange(bytes, bytes.len())?;
    if back == bytes {
        return Ok(());
    }
    let failure = Failure::new("the same bytes", "other bytes").with_bytes(bytes, &back);
    Err(failure.with_wrong_at(first_difference(&back, bytes)))
}

/// Requires that a new client is still served.
pub(super) fn still_echoes(server: &Server, after: &str) -> Checked {
    let mut connection = server.connect()?;
    echoed(&mut connection, b"still here\n")
        .map_err(|failure| failure.expecting(format!("the next client is served after {after}")))
}

/// Sends `bytes` from a separate thread, half-closes, and reads until the server closes.
pub(super) fn stream_through(server: &Server, bytes: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut connection = server.connect()?;
    connection.client().set_patience(4 * PATIENCE);
    let mut sender = connection.with_client(b"", |client| client.sender())?;
    let (sent, got) = thread::scope(|scope| {
        let sent = scope.spawn(move || sender.send(bytes).and_then(|()| sender.half_close()));
        let got = connection.client().read_to_any_end();
        // If the server did not read everything, the returned bytes show how much it read.
        (sent.join().unwrap_or(Ok(())), got)
    });
    let (all, why) = match (got, sent) {
        (Ok(all), Ok(())) => return Ok(all),
        (Ok(all), Err(error)) => (all.len(), format!("then {}", error.message())),
        (Err(error), _) => (error.arrived().len(), "no end of the stream".to_string()),
    };
    let got = format!("{all} of {} bytes, and {why}", bytes.len());
    Err(Failure::new("the stream comes back, and then its end", got))
}

/// Bytes without repetition, so that a lost, duplicated or reordered piece is detected.
pub(super) fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at.wrapping_mul(31) ^ (at >> 8)).to_le_bytes()[0]).collect()
}

/// Sends a request in pieces that end at `cuts`, on a new connection.
pub(super) fn in_pieces(
    server: &Server,
    bytes: &[u8],
    cuts: impl Iterator<Item = usize>,
) -> Result<Answer, Failure> {
    let mut connection = server.connect()?;
    connection.with_client(bytes, |client| client.send_slowly(bytes, cuts))?;
    connection.read(bytes)
}

/// Requires that a GET of each of these targets gets this status.
pub(super) fn each_gets(server: &Server, status: u16, targets: &[impl AsRef<str>]) -> Checked {
    targets.iter().try_for_each(|target| server.get(target.as_ref())?.status(status).map(drop))
}

/// Requires that these bytes are rejected with one of these statuses, and that the server closes the connection: the
/// bytes that follow must not be parsed as a request.
pub(super) fn rejected(server: &Server, bytes: &[u8], statuses: &[u16]) -> Checked {
    let mut connection = server.connect()?;
    connection.with_client(bytes, |client| client.send_until_reset(bytes))?;
    let answer = connection.read(bytes)?;
    answer.status_in(statuses)?;
    connection.ends_after(&answer, "the server closes the connection after it has rejected this")
}
