//! The echo: every byte goes back to the client that sent it.

use std::io;
use std::time::Duration;

use crate::core::{Connection, Deadline, Fill};

/// How much memory and time one client may use.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The size of a client's buffer, in bytes. The server never reads further ahead than this.
    pub buffer: usize,
    /// How long a client may be idle.
    pub idle: Duration,
    /// How long a client may take to read one buffer's worth of echo.
    pub write: Duration,
    /// How long the server waits for the client's FIN after its own.
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

/// Why an echo ended without an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EchoEnd {
    /// The client sent its FIN.
    ClientDone,
    /// The client was idle for longer than [`Limits::idle`].
    ClientIdle,
}

/// Sends everything back that a client sends, until the client closes its side or is idle.
///
/// Returns the number of bytes sent back, and why the echo ended.
///
/// # Errors
/// Those of the socket: the client reset the connection, or did not read its echo in time.
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
            // The client may still be reading. Everything it sent has been echoed by now.
            Fill::Eof => break EchoEnd::ClientDone,
            Fill::TimedOut => break EchoEnd::ClientIdle,
        }
    };
    connection.close(limits.linger);
    Ok((echoed, end))
}
