//! A connection to one client: a socket, a bounded buffer, a state, and a deadline for every wait.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::SockRef;

use super::{Deadline, State};

/// The maximum number of bytes that [`Connection::close`] discards before it closes the socket
/// anyway.
pub const DRAIN_LIMIT: usize = 16 * 1024 * 1024;

/// The result of a wait for bytes. None of the variants is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fill {
    /// The number of new bytes in the buffer.
    Bytes(usize),
    /// The peer has sent its FIN: it sends no more, but it may still read (half-close).
    Eof,
    /// No byte arrived before the deadline.
    TimedOut,
    /// The buffer is full, so bytes must be consumed before the next read.
    Full,
}

/// A connection to one client, with a receive buffer.
///
/// TCP delivers a stream of bytes, not messages: one send by the client may arrive in several
/// reads, and several sends may arrive in one. So the connection buffers the bytes until a parser
/// finds the end of a message and consumes them.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    peer: SocketAddr,
    state: State,
    /// The receive buffer, allocated once. `buffer[start..end]` has been received but not consumed.
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    peer_is_done: bool,
}

impl Connection {
    /// Wraps an accepted socket, and allocates a buffer of `capacity` bytes.
    ///
    /// Disables Nagle's algorithm (`TCP_NODELAY`): the server writes whole responses, so waiting
    /// for more data would only delay the last segment.
    pub fn new(stream: TcpStream, peer: SocketAddr, capacity: usize) -> io::Result<Connection> {
        stream.set_nodelay(true)?;
        Ok(Connection {
            stream,
            peer,
            state: State::Idle,
            buffer: vec![0; capacity].into_boxed_slice(),
            start: 0,
            end: 0,
            peer_is_done: false,
        })
    }

    /// Returns the client's address.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Returns the underlying socket.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Returns the current state.
    pub fn state(&self) -> State {
        self.state
    }

    /// Moves to the state `next`.
    ///
    /// # Errors
    /// Returns an error when [`State::may_become`] does not allow this transition.
    pub fn enter(&mut self, next: State) -> io::Result<()> {
        if !self.state.may_become(next) {
            return Err(super::state::IllegalTransition { from: self.state, to: next }.into());
        }
        self.state = next;
        Ok(())
    }

    /// Returns the bytes that have been received but not consumed.
    pub fn buffered(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Removes the first `count` bytes from the buffer.
    ///
    /// # Panics
    /// Panics when fewer bytes are buffered.
    pub fn consume(&mut self, count: usize) {
        assert!(count <= self.buffered().len(), "only buffered bytes can be consumed");
        self.start += count;
    }

    /// Waits like [`Connection::fill`], but leaves the bytes in the kernel's receive buffer
    /// (`MSG_PEEK`). The count in [`Fill::Bytes`] is always 1.
    ///
    /// # Errors
    /// Returns the same errors as [`Connection::fill`].
    pub fn wait(&mut self, deadline: Deadline) -> io::Result<Fill> {
        if self.peer_is_done {
            return Ok(Fill::Eof);
        }
        let waited = receive(&self.stream, deadline, || self.stream.peek(&mut [0]))?;
        self.peer_is_done = waited == Fill::Eof;
        Ok(waited)
    }

    /// Receives bytes with recv(2): waits until at least one arrives, the peer closes its side, or
    /// the deadline passes.
    ///
    /// It may return after a single byte. It never waits for a given number of bytes, because the
    /// peer may be waiting for a response.
    ///
    /// # Errors
    /// Returns the error from the socket, usually because the peer has reset the connection.
    pub fn fill(&mut self, deadline: Deadline) -> io::Result<Fill> {
        if self.peer_is_done {
            return Ok(Fill::Eof);
        }
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            return Ok(Fill::Full);
        }
        let room = &mut self.buffer[self.end..];
        let filled = receive(&self.stream, deadline, || (&self.stream).read(room))?;
        match filled {
            Fill::Eof => self.peer_is_done = true,
            Fill::Bytes(count) => {
                self.end += count;
                if self.state != State::Closing {
                    self.enter(State::Reading)?;
                }
            }
            Fill::TimedOut | Fill::Full => {}
        }
        Ok(filled)
    }

    /// Sends all of `bytes` with repeated calls to send(2): the kernel accepts only a part when its
    /// send buffer is full because the peer is not reading.
    ///
    /// # Errors
    /// Returns [`io::ErrorKind::TimedOut`] when the kernel has not accepted everything by the
    /// deadline, and otherwise the error from the socket. The connection is then unusable, because
    /// the number of bytes that the peer has received is unknown.
    pub fn write_all(&mut self, bytes: &[u8], deadline: Deadline) -> io::Result<()> {
        self.enter(State::Writing)?;
        let mut rest = bytes;
        while !rest.is_empty() {
            let remaining = deadline.remaining().ok_or(io::ErrorKind::TimedOut)?;
            self.stream.set_write_timeout(Some(remaining))?;
            match self.stream.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => rest = &rest[count..],
                Err(error) if is_timeout(&error) => return Err(io::ErrorKind::TimedOut.into()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Selects how the connection ends when it is closed: with FIN, or with a reset that discards
    /// unsent bytes (`SO_LINGER` with a time of zero). This also applies to a close by a panic or
    /// by the end of the process.
    ///
    /// # Errors
    /// Returns an error when setsockopt(2) fails.
    pub fn reset_on_close(&self, reset: bool) -> io::Result<()> {
        SockRef::from(&self.stream).set_linger(reset.then_some(Duration::ZERO))
    }

    /// Shuts down the sending direction with shutdown(2), which sends FIN after the last byte. The
    /// peer reads the end of the stream but can still send.
    pub fn finish_writing(&mut self) -> io::Result<()> {
        self.enter(State::Closing)?;
        self.stream.shutdown(Shutdown::Write)
    }

    /// Closes the connection so that the peer can still read the last bytes (a lingering close).
    ///
    /// close(2) on a socket with unread bytes makes the kernel send RST, and an RST may make the
    /// peer's kernel discard bytes that its program has not read yet (RFC 9112 section 9.6). So
    /// this function sends FIN first, then reads and discards input until the peer's FIN, for at
    /// most `timeout` and at most [`DRAIN_LIMIT`] bytes.
    pub fn close(mut self, timeout: Duration) {
        let deadline = Deadline::after(timeout);
        let mut drained = 0;
        if self.finish_writing().is_ok() {
            self.consume(self.buffered().len());
            while drained < DRAIN_LIMIT
                && let Ok(Fill::Bytes(count)) = self.fill(deadline)
            {
                self.consume(count);
                drained += count;
            }
        }
        self.state = State::Closed;
        // Dropping `self.stream` here calls close(2).
    }
}

/// Calls `recv` until it returns bytes or the end of the stream, fails, or the deadline passes.
fn receive(
    stream: &TcpStream,
    deadline: Deadline,
    mut recv: impl FnMut() -> io::Result<usize>,
) -> io::Result<Fill> {
    loop {
        let Some(remaining) = deadline.remaining() else {
            return Ok(Fill::TimedOut);
        };
        stream.set_read_timeout(Some(remaining))?;
        match recv() {
            Ok(0) => return Ok(Fill::Eof),
            Ok(count) => return Ok(Fill::Bytes(count)),
            Err(error) if is_timeout(&error) => return Ok(Fill::TimedOut),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Returns whether a socket operation has timed out: Unix reports `WouldBlock`, and Windows
/// `TimedOut`.
fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::Listener;

    const SOON: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_secs(10);

    fn pair(capacity: usize) -> (TcpStream, Connection) {
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let client = TcpStream::connect(listener.local_addr()).unwrap();
        let (stream, peer) = listener.accept().unwrap();
        (client, Connection::new(stream, peer, capacity).unwrap())
    }

    #[test]
    fn bytes_stay_buffered_until_they_are_consumed() {
        let (mut client, mut connection) = pair(8);
        client.write_all(b"abc").unwrap();
        while connection.buffered().len() < 3 {
            assert!(matches!(connection.fill(Deadline::after(LONG)).unwrap(), Fill::Bytes(_)));
        }
        connection.consume(1);
        assert_eq!(connection.buffered(), b"bc");
        client.write_all(b"def").unwrap();
        while connection.buffered().len() < 5 {
            connection.fill(Deadline::after(LONG)).unwrap();
        }
        assert_eq!(connection.buffered(), b"bcdef");
    }

    #[test]
    fn waiting_leaves_the_bytes_in_the_kernel() {
        let (mut client, mut connection) = pair(8);
        assert_eq!(connection.wait(Deadline::after(SOON)).unwrap(), Fill::TimedOut);
        client.write_all(b"a").unwrap();
        for _ in 0..2 {
            assert_eq!(connection.wait(Deadline::after(LONG)).unwrap(), Fill::Bytes(1));
        }
        assert_eq!(connection.buffered(), b"");
        assert_eq!(connection.fill(Deadline::after(LONG)).unwrap(), Fill::Bytes(1));
        drop(client);
        assert_eq!(connection.wait(Deadline::after(LONG)).unwrap(), Fill::Eof);
    }

    #[test]
    fn the_buffer_never_holds_more_than_its_capacity() {
        let (mut client, mut connection) = pair(4);
        client.write_all(b"abcdefgh").unwrap();
        while connection.fill(Deadline::after(LONG)).unwrap() != Fill::Full {}
        assert_eq!(connection.buffered(), b"abcd");
        connection.consume(2);
        connection.fill(Deadline::after(LONG)).unwrap();
        assert!(connection.buffered().starts_with(b"cde"));
    }

    #[test]
    fn an_idle_client_times_out_and_leaves_the_connection_idle() {
        let (_client, mut connection) = pair(4);
        assert_eq!(connection.fill(Deadline::after(SOON)).unwrap(), Fill::TimedOut);
        assert_eq!(connection.state(), State::Idle);
    }

    #[test]
    fn a_half_closed_peer_still_gets_a_response() {
        let (mut client, mut connection) = pair(64);
        client.write_all(b"ping").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        while connection.fill(Deadline::after(LONG)).unwrap() != Fill::Eof {}
        connection.write_all(b"pong", Deadline::after(LONG)).unwrap();
        connection.close(LONG);
        let mut response = String::new();
        client.read_to_string(&mut response).unwrap();
        assert_eq!(response, "pong");
    }

    #[test]
    fn writing_to_a_peer_that_does_not_read_times_out() {
        let (_client, mut connection) = pair(4);
        let more_than_the_kernel_buffers = vec![0; 64 * 1024 * 1024];
        let error = connection
            .write_all(&more_than_the_kernel_buffers, Deadline::after(Duration::from_millis(100)))
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn the_last_bytes_arrive_although_the_peer_is_still_sending() {
        let (mut client, mut connection) = pair(64);
        client.write_all(&vec![b'x'; 256 * 1024]).unwrap();
        connection.fill(Deadline::after(LONG)).unwrap();
        connection.write_all(b"enough", Deadline::after(LONG)).unwrap();
        let closing = std::thread::Builder::new()
            .name("closing".to_string())
            .spawn(move || connection.close(LONG))
            .unwrap();
        let mut response = String::new();
        client.read_to_string(&mut response).unwrap();
        assert_eq!(response, "enough");
        drop(client);
        closing.join().unwrap();
    }

    #[test]
    fn an_illegal_transition_is_an_error() {
        let (_client, mut connection) = pair(4);
        let error = connection.enter(State::Processing).unwrap_err();
        assert_eq!(error.to_string(), "a connection cannot go from Idle to Processing");
    }
}
