//! One client's connection, on a non-blocking socket.

use std::io;
use std::net::{Shutdown, SocketAddr};

use super::system::{self, Stream, receive};

/// The result of a read. None of these results is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fill {
    /// The number of new bytes in the buffer.
    Bytes(usize),
    /// The peer has sent its FIN: it sends no more, but it may still read (half-close).
    Eof,
    /// No bytes have arrived yet.
    Nothing,
}

/// A connection to one client, with a receive buffer.
#[derive(Debug)]
pub struct Connection {
    stream: Stream,
    peer: SocketAddr,
    /// Whether closing the socket sends a reset.
    resets: bool,
}

impl Connection {
    /// Wraps a non-blocking socket.
    pub fn new(stream: impl Into<Stream>, peer: SocketAddr) -> Connection {
        Connection { stream: stream.into(), peer, resets: false }
    }

    /// Returns the client's address.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Returns the socket.
    pub fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Appends the bytes that have arrived to `buffer` with recv(2), up to its spare capacity.
    ///
    /// # Errors
    /// Returns the error from the socket, for example when the peer has reset the connection.
    pub fn fill(&self, buffer: &mut Vec<u8>) -> io::Result<Fill> {
        loop {
            match receive(&self.stream, buffer) {
                Ok(0) => return Ok(Fill::Eof),
                Ok(count) => return Ok(Fill::Bytes(count)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Fill::Nothing);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Selects how the connection ends when it is closed: with FIN, or with a reset that discards
    /// unsent bytes (`SO_LINGER` with a time of zero). This also applies to a close by a panic or
    /// by the end of the process.
    pub fn reset_on_close(&mut self, reset: bool) -> io::Result<()> {
        if self.resets != reset {
            system::reset_on_close(&self.stream, reset)?;
            self.resets = reset;
        }
        Ok(())
    }

    /// Shuts down the server's direction of the connection with shutdown(2): the kernel sends FIN
    /// after the last byte.
    ///
    /// # Errors
    /// Returns an error when the peer has already closed the connection.
    pub fn finish_writing(&self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};
    use std::time::{Duration, Instant};

    use socket2::SockRef;

    use super::*;

    /// If a reset were taken for an idle peer, the connection would stay open until its deadline.
    #[test]
    fn a_reset_is_an_error_and_not_idleness() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, peer) = listener.accept().unwrap();
        server.set_nonblocking(true).unwrap();
        let connection = Connection::new(server, peer);
        let mut buffer = Vec::with_capacity(8);
        assert_eq!(connection.fill(&mut buffer).unwrap(), Fill::Nothing);
        client.write_all(b"x").unwrap();
        SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
        drop(client);
        let end = Instant::now() + Duration::from_secs(20);
        let error = loop {
            match connection.fill(&mut buffer) {
                Ok(filled) => assert_ne!(filled, Fill::Eof),
                Err(error) => break error,
            }
            assert!(Instant::now() < end, "it waits for who is gone");
        };
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }
}
