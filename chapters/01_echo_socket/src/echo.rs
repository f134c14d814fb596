//! What is done with the bytes: they go back to where they came from.

use std::io;
use std::time::Duration;

use crate::core::{Connection, Deadline, Fill};

/// How much of our memory and time one client may use.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes that are buffered for a client. More than this is never read ahead.
    pub buffer: usize,
    /// How long a client may be silent.
    pub silence: Duration,
    /// How long a client may take to accept one buffer's worth of echo.
    pub write: Duration,
    /// How long we wait for the client's FIN after ours.
    pub linger: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            buffer: 4096,
            silence: Duration::from_secs(60),
            write: Duration::from_secs(10),
            linger: Duration::from_secs(2),
        }
    }
}

/// Why a client's echo came to its end in good order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EchoEnd {
    /// The client sent its FIN.
    ClientDone,
    /// The client was silent for longer than [`Limits::silence`].
    ClientSilent,
}

/// Sends everything back that a client sends, until it has no more to say.
///
/// Returns the number of bytes sent back and why it ended.
///
/// # Errors
/// What the socket reports: the client reset the connection, or did not read its echo in time.
pub fn serve(mut connection: Connection, limits: &Limits) -> io::Result<(u64, EchoEnd)> {
    let mut echoed = 0;
    let end = loop {
        match connection.fill(Deadline::after(limits.silence))? {
            Fill::Bytes(_) | Fill::Full => {
                let bytes = connection.buffered().to_vec();
                connection.consume(bytes.len());
                connection.write_all(&bytes, Deadline::after(limits.write))?;
                echoed += bytes.len() as u64;
            }
            // The client may still be reading. Everything it sent has been answered by now.
            Fill::Eof => break EchoEnd::ClientDone,
            Fill::TimedOut => break EchoEnd::ClientSilent,
        }
    };
    connection.close(limits.linger);
    Ok((echoed, end))
}
