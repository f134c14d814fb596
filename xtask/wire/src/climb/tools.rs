//! Helpers for several stages: raw sockets, byte patterns, and requests that must be rejected.

use std::fmt::Display;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::exercise::{Answer, Connection, Failure, Server};
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
    open().map_err(|error| Failure::new("a connection", error.to_string()))
}

/// Requires that the server sends back exactly `bytes`.
pub(super) fn echoed(connection: &mut Connection<'_>, bytes: &[u8]) -> Checked {
    let back = connection.exchange(bytes, bytes.len())?;
    if back == bytes {
        return Ok(());
    }
    let wrong = back.iter().zip(bytes).take_while(|(a, b)| a == b).count();
    Err(Failure::new("the same bytes", "other bytes").with_bytes(bytes, &back).with_wrong_at(wrong))
}

/// Requires that a new client is still served.
pub(super) fn still_echoes(server: &Server, after: &str) -> Checked {
    let mut connection = server.connect()?;
    echoed(&mut connection, b"still here\n").map_err(|failure| Failure {
        expected: format!("the next client is served after {after}").into(),
        ..failure
    })
}

/// Waits until the server closes, for at most `patience`. Returns all bytes that arrived before.
pub(super) fn until_closed(
    stream: &mut TcpStream,
    patience: Duration,
) -> Result<Vec<u8>, Option<Vec<u8>>> {
    let deadline = Instant::now() + patience;
    let (mut all, mut buffer) = (Vec::new(), [0; 16 * 1024]);
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Some(all));
        }
        let read = stream.set_read_timeout(Some(left)).and_then(|()| stream.read(&mut buffer));
        match read {
            Ok(0) => return Ok(all),
            // A server that never stops sending does not close either.
            Ok(_) if all.len() > 64 * 1024 * 1024 => return Err(Some(all)),
            Ok(count) => all.extend_from_slice(&buffer[..count]),
            Err(error) if is_timeout(&error) => {}
            // A reset also ends the stream.
            Err(_) => return Ok(all),
        }
    }
}

pub(super) fn is_timeout(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

/// Sends `bytes` from a separate thread, half-closes, and reads until the server closes.
pub(super) fn stream_through(address: SocketAddr, bytes: &[u8]) -> Result<Vec<u8>, String> {
    let doing = |what: &str| {
        let what = what.to_string();
        move |error: std::io::Error| format!("{what}: {error}")
    };
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
        match (got, sent) {
            (Ok(all), Ok(())) => Ok(all),
            (Ok(all), Err(error)) => Err(format!(
                "{} of {} bytes, and then sending failed: {error}",
                all.len(),
                bytes.len()
            )),
            (Err(all), _) => Err(format!(
                "{} of {} bytes, and no end of the stream",
                all.unwrap_or_default().len(),
                bytes.len()
            )),
        }
    })
}

/// Bytes without repetition, so that a lost, duplicated or reordered piece is detected.
pub(super) fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at.wrapping_mul(31) ^ (at >> 8)).to_le_bytes()[0]).collect()
}

/// Requires that the response has one of these statuses.
pub(super) fn status_in<'a>(answer: &'a Answer, statuses: &[u16]) -> Result<&'a Answer, Failure> {
    if statuses.contains(&answer.reply.status) {
        return Ok(answer);
    }
    let words: Vec<String> = statuses.iter().map(u16::to_string).collect();
    Err(answer
        .failure(
            format!("status {}", words.join(" or ")),
            format!("status {}", answer.reply.status),
        )
        .with_wrong_at(9))
}

/// Requires that these bytes are rejected with one of these statuses, and that the server closes the connection: the
/// bytes that follow must not be parsed as a request.
pub(super) fn rejected(server: &Server, bytes: &[u8], statuses: &[u16]) -> Checked {
    let mut connection = server.connect()?;
    // A server may reject early and reset the connection while the client is still sending.
    match connection.client().send(bytes) {
        Err(error) if error.kind() != Kind::Reset => {
            return Err(connection.failure(&error, bytes));
        }
        _ => {}
    }
    let reply =
        connection.client().read_reply().map_err(|error| connection.failure(&error, bytes))?;
    let answer = connection.answer(bytes, reply);
    status_in(&answer, statuses)?;
    connection.client().expect_closed().map_err(|error| {
        let failure = answer.failure(
            "the server closes the connection after it has rejected this",
            error.message(),
        );
        if error.kind() == Kind::TimedOut { failure.with_timeout() } else { failure }
    })
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
