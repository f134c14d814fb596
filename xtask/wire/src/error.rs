//! The errors of this library. Their text is enough to understand a failed test.

use std::{fmt, io};

use crate::escape;

/// The cause of a [`WireError`], for tests that expect one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The deadline passed.
    TimedOut,
    /// The peer ended the connection with FIN before the awaited bytes had arrived.
    Closed,
    /// The peer ended the connection with RST.
    Reset,
    /// The bytes that arrived are not HTTP, or not the expected ones.
    Unexpected,
    /// The program under test did not start, or has ended.
    Program,
    /// Any other error from the OS.
    Io,
}

/// A failure, with the awaited event and the bytes that had arrived.
///
/// `Debug` prints the same text as `Display`, because a test that calls `unwrap` shows it.
pub struct WireError {
    kind: Kind,
    message: String,
    arrived: Option<Vec<u8>>,
}

impl WireError {
    /// An error without bytes to show.
    pub fn new(kind: Kind, message: impl Into<String>) -> WireError {
        WireError { kind, message: message.into(), arrived: None }
    }

    /// An error from the OS while `doing` something.
    pub fn io(doing: &str, error: &io::Error) -> WireError {
        let kind = match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Kind::TimedOut,
            io::ErrorKind::UnexpectedEof => Kind::Closed,
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => Kind::Reset,
            _ => Kind::Io,
        };
        WireError::new(kind, format!("{doing}: {error}"))
    }

    /// Adds the bytes that had arrived, to be shown below the message.
    pub fn with_arrived(mut self, arrived: &[u8]) -> WireError {
        self.arrived = Some(arrived.to_vec());
        self
    }

    /// The cause.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The first line, which describes the failure.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The bytes that had arrived before the failure.
    pub fn arrived(&self) -> &[u8] {
        self.arrived.as_deref().unwrap_or_default()
    }
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match self.arrived.as_deref() {
            None => Ok(()),
            Some([]) => f.write_str("\nnothing had arrived"),
            Some(bytes) => {
                write!(f, "\nthis had arrived:\n{}", escape::lines('<', bytes).trim_end())
            }
        }
    }
}

impl fmt::Debug for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for WireError {}
