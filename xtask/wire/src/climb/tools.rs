//! Helpers for several stages: raw sockets, byte patterns, and requests that must be rejected.

use std::fmt::Display;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::exercise::{Answer, Connection, Failure, Server, first_difference};
use crate::socket::is_timeout;
use crate::{Kind, PATIENCE};

/// The result of a check.
pub(super) type Checked = Result<(), Failure>;

/// Fails with `expected` and `got` unless `holds`.
pub(super) fn require(holds: bool, expected: impl Display, got: impl Display) -> Checked {
    if holds { Ok(()) } else { Err(Failure::new(expected.to_string(), got.to_string())) }
}

/// A raw socket, for operations that [`Connection`] does not offer. Each call times out after [`PATIENCE`].
pub(super) fn socket(server: &Server) -> Result<TcpStream, Failure> {
    let open = || {
        let stream = TcpStream::connect_timeout(&server.address(), PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok::<_, std::io::Error>(stream)
    };
    open().map_err(cannot("a connection"))
}

/// The failure when the system does not give a check a socket or a thread.
pub(super) fn cannot(expected: &'static str) -> impl Fn(std::io::Error) -> Failure {
    move |error| Failure::new(expected, error.to_string())
}

/// A client that reads nothing, and has sent until the server stopped reading.
pub(super) fn stuffed(server: &Server) -> Result<TcpStream, Failure> {
    let mut stream = socket(server)?;
    stream.set_write_timeout(Some(Duration::from_millis(500))).map_err(cannot("a stream"))?;
    let piece = pattern(64 * 1024);
    while stream.write(&piece).is_ok_and(|count| count > 0) {}
    Ok(stream)
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

/// Waits until the server closes, for at most `patience`. Returns the bytes that arrived before, also as the error.
pub(super) fn until_closed(stream: &mut TcpStream, patience: Duration) -> Result<Vec<u8>, Vec<u8>> {
    let deadline = Instant::now() + patience;
    let (mut all, mut buffer) = (Vec::new(), [0; 16 * 1024]);
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(all);
        }
        let read = stream.set_read_timeout(Some(left)).and_then(|()| stream.read(&mut buffer));
        match read {
            Ok(0) => return Ok(all),
            // A server that never stops sending does not close either.
            Ok(_) if all.len() > 64 * 1024 * 1024 => return Err(all),
            Ok(count) => all.extend_from_slice(&buffer[..count]),
            Err(error) if is_timeout(&error) => {}
            // A reset also ends the stream.
            Err(_) => return Ok(all),
        }
    }
}

/// Sends `bytes` from a separate thread, half-closes, and reads until the server closes.
pub(super) fn stream_through(address: SocketAddr, bytes: &[u8]) -> Result<Vec<u8>, String> {
    let doing = |what: &'static str| move |error: std::io::Error| format!("{what}: {error}");
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(doing("connecting"))?;
    let mut sending = stream.try_clone().map_err(doing("a second handle"))?;
    sending.set_write_timeout(Some(PATIENCE)).map_err(doing("a write timeout"))?;
    thread::scope(|scope| {
        let sent = scope.spawn(move || {
            sending.write_all(bytes)?;
            sending.shutdown(std::net::Shutdown::Write)
        });
        let got = until_closed(&mut stream, 4 * PATIENCE);
        // If the server did not read everything, the returned bytes show how much it read.
        let sent = sent.join().unwrap_or(Ok(()));
        let (all, why) = match (got, sent) {
            (Ok(all), Ok(())) => return Ok(all),
            (Ok(all), Err(error)) => (all, format!("then sending failed: {error}")),
            (Err(all), _) => (all, "no end of the stream".to_string()),
        };
        Err(format!("{} of {} bytes, and {why}", all.len(), bytes.len()))
    })
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
    let sent = connection.client().send_slowly(bytes, cuts);
    sent.map_err(|error| connection.failure(&error, bytes))?;
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
    let sent = connection.client().send_until_reset(bytes);
    sent.map_err(|error| connection.failure(&error, bytes))?;
    let answer = connection.read(bytes)?;
    answer.status_in(statuses)?;
    connection.ends_after(&answer, "the server closes the connection after it has rejected this")
}

/// The status of the response, or `None` if none arrives within `patience`.
pub(super) fn status_within(
    server: &Server,
    bytes: &[u8],
    patience: Duration,
) -> Result<Option<u16>, Failure> {
    let mut connection = server.connect()?;
    connection.client().set_patience(patience);
    match connection.client().ask(bytes) {
        Ok(reply) => Ok(Some(reply.status)),
        Err(error) if error.kind() == Kind::TimedOut => Ok(None),
        Err(error) => Err(connection.failure(&error, bytes)),
    }
}
