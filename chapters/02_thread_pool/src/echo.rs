//! What is done with the bytes: they go back to where they came from.

use std::io;
use std::time::Duration;

use crate::core::{Connection, Deadline, Fill, Registration};

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
pub fn serve(
    mut connection: Connection,
    limits: &Limits,
    registration: &Registration,
) -> io::Result<(u64, EchoEnd)> {
    let mut echoed = 0;
    let mut deadline = Deadline::after(limits.silence);
    // From its first byte on a client has a transfer that a shutdown must not cut. That byte is still in the
    // kernel when we say so: a shutdown on another thread sees the byte or the busy connection.
    if let Fill::Bytes(_) = connection.wait(deadline)? {
        registration.busy();
    }
    let end = loop {
        match connection.fill(deadline)? {
            Fill::Bytes(_) | Fill::Full => {
                let bytes = connection.buffered().to_vec();
                connection.consume(bytes.len());
                connection.write_all(&bytes, Deadline::after(limits.write))?;
                echoed += bytes.len() as u64;
                deadline = Deadline::after(limits.silence);
            }
            // The client may still be reading. Everything it sent has been answered by now.
            Fill::Eof => break EchoEnd::ClientDone,
            Fill::TimedOut => break EchoEnd::ClientSilent,
        }
    };
    registration.closing();
    connection.close(limits.linger);
    Ok((echoed, end))
}

/// Tells a client that there is no room for it, and closes.
///
/// # Errors
/// What the socket reports. There is nothing more to be done for this client then.
pub fn refuse(mut connection: Connection, limits: &Limits) -> io::Result<()> {
    connection.write_all(b"busy, try again later\n", Deadline::after(limits.linger))?;
    connection.close(limits.linger);
    Ok(())
}
