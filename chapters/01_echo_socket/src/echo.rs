//! The echo service: sends every received byte back to its client.

use std::io;
use std::time::Duration;

use crate::core::{Connection, Deadline, Fill};

/// The limits on the memory and the time of one client.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The size of a client's buffer in bytes: the most that the server reads before it sends the
    /// echo.
    pub buffer: usize,
    /// The maximum time that a client may send nothing.
    pub idle: Duration,
    /// The maximum time for sending the contents of one buffer back.
    pub write: Duration,
    /// The maximum time that the server waits for the client's FIN after it has sent its own.
    pub linger: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            buffer: 4096,
            idle: Duration::from_secs(60),
            write: Duration::from_secs(10),
            linger: Duration::from_secs(2),
        }
    }
}

/// The reason why an echo ended without an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EchoEnd {
    /// The client has sent its FIN.
    ClientDone,
    /// The client was idle for longer than [`Limits::idle`].
    ClientIdle,
}

/// Echoes everything that a client sends, until the client sends its FIN or is idle for too long.
///
/// Returns the number of echoed bytes and the reason for the end.
///
/// # Errors
/// Returns the error from the socket, for example when the client does not read its echo in time.
pub fn serve(mut connection: Connection, limits: &Limits) -> io::Result<(u64, EchoEnd)> {
    let mut echoed = 0;
    let end = loop {
        match connection.fill(Deadline::after(limits.idle))? {
            Fill::Bytes(_) | Fill::Full => {
                let bytes = connection.buffered().to_vec();
                connection.consume(bytes.len());
                connection.write_all(&bytes, Deadline::after(limits.write))?;
                echoed += bytes.len() as u64;
            }
            // The client may still be receiving. All of its bytes have been echoed.
            Fill::Eof => break EchoEnd::ClientDone,
            Fill::TimedOut => break EchoEnd::ClientIdle,
        }
    };
    connection.close(limits.linger);
    Ok((echoed, end))
}
