//! The part of socket2 that the chapters use for an accepted connection.

use std::io;
use std::time::Duration;

use crate::tcp_stream::TcpStream;

/// A reference to a connection, for its socket options.
#[derive(Debug)]
pub struct SockRef<'a>(&'a TcpStream);

impl<'a> From<&'a TcpStream> for SockRef<'a> {
    fn from(stream: &'a TcpStream) -> SockRef<'a> {
        SockRef(stream)
    }
}

impl SockRef<'_> {
    /// Sets `SO_LINGER`. The page does not show it.
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        self.0.options().linger = linger;
        Ok(())
    }

    /// Returns `SO_LINGER`.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        Ok(self.0.options().linger)
    }
}
