//! One client: a socket, a bounded buffer, a state, and a deadline for every wait.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::SockRef;

use super::{Deadline, State};

/// How many bytes [`Connection::close`] throws away at most before it stops being polite.
pub const DRAIN_LIMIT: usize = 16 * 1024 * 1024;

/// What came of waiting for bytes. None of these is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fill {
    /// This many bytes more are in the buffer.
    Bytes(usize),
    /// The peer has sent its FIN: it will send no more, but it may still listen (half-close).
    Eof,
    /// Nothing came before the deadline.
    TimedOut,
    /// The buffer holds as much as it may. Consume something first.
    Full,
}

/// One client's connection.
///
/// TCP hands over a stream of bytes, not messages: one send at the client may arrive in pieces, and
/// several sends may arrive in one piece. So bytes wait in a buffer until somebody who knows what they
/// mean consumes them.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    peer: SocketAddr,
    state: State,
    /// Allocated once; `buffer[start..end]` has been received and not consumed.
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    peer_is_done: bool,
}

impl Connection {
    /// Wraps an accepted socket. At most `capacity` bytes are buffered.
    ///
    /// Turns Nagle's algorithm off (`TCP_NODELAY`): we hand over whole answers, and waiting for more
    /// to send would only delay their last segment.
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

    /// The client's address.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// The socket itself, for what concerns the socket as a whole.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// What the connection is busy with.
    pub fn state(&self) -> State {
        self.state
    }

    /// Goes on to `next`.
    ///
    /// # Errors
    /// When the table of [`State::may_become`] does not have this step.
    pub fn enter(&mut self, next: State) -> io::Result<()> {
        if !self.state.may_become(next) {
            return Err(super::state::IllegalTransition { from: self.state, to: next }.into());
        }
        self.state = next;
        Ok(())
    }

    /// The bytes that have been received and not consumed.
    pub fn buffered(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Marks the first `count` buffered bytes as done with.
    ///
    /// # Panics
    /// When fewer are buffered.
    pub fn consume(&mut self, count: usize) {
        assert!(count <= self.buffered().len(), "only buffered bytes can be consumed");
        self.start += count;
    }

    /// Waits as [`Connection::fill`] does, and leaves what has arrived in the kernel (`MSG_PEEK`).
    ///
    /// # Errors
    /// Those of [`Connection::fill`].
    pub fn wait(&mut self, deadline: Deadline) -> io::Result<Fill> {
        if self.peer_is_done {
            return Ok(Fill::Eof);
        }
        let waited = receive(&self.stream, deadline, || self.stream.peek(&mut [0]))?;
        self.peer_is_done = waited == Fill::Eof;
        Ok(waited)
    }

    /// recv(2): waits until more bytes have come, or something else is certain.
    ///
    /// May return as little as one byte; it never waits for a number of bytes, because the peer may be
    /// waiting for us.
    ///
    /// # Errors
    /// What the socket reports, above all that the peer has reset the connection.
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

    /// send(2), as often as it takes: the kernel may accept only a part of `bytes`, because its send
    /// buffer is full until the peer has read.
    ///
    /// # Errors
    /// [`io::ErrorKind::TimedOut`] when the peer has not taken everything by the deadline; otherwise
    /// what the socket reports. How much has arrived is then unknown, so the connection is of no more use.
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

    /// Chooses how the connection ends from now on when it is closed, also by a panic or the end of the process: with FIN,
    /// or with a reset, which throws away what has not been sent (`SO_LINGER` with a time of zero).
    ///
    /// # Errors
    /// What the socket reports.
    pub fn reset_on_close(&self, reset: bool) -> io::Result<()> {
        SockRef::from(&self.stream).set_linger(reset.then_some(Duration::ZERO))
    }

    /// shutdown(2) of our direction: sends FIN behind the last byte. The peer sees the end of our
    /// stream and can still send.
    pub fn finish_writing(&mut self) -> io::Result<()> {
        self.enter(State::Closing)?;
        self.stream.shutdown(Shutdown::Write)
    }

    /// Ends the connection so that the peer can read our last bytes.
    ///
    /// close(2) on a socket with unread bytes makes the kernel send RST, and an RST may make the peer's
    /// kernel throw away what it has received from us but its program has not yet read (RFC 9112
    /// section 9.6). So we send FIN first, then read what still comes and throw it away, until the
    /// peer's FIN, for at most `patience` and at most [`DRAIN_LIMIT`] bytes.
    pub fn close(mut self, patience: Duration) {
        let deadline = Deadline::after(patience);
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
        // close(2) happens here, when `self.stream` is dropped.
    }
}

/// Repeats one kind of recv(2) until it says something about the peer, or the deadline has passed.
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

/// Unix says `WouldBlock` when a socket's timeout passes, Windows says `TimedOut`.
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
    fn waiting_takes_nothing_out_of_the_kernel() {
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
    fn silence_ends_at_the_deadline_and_leaves_the_connection_idle() {
        let (_client, mut connection) = pair(4);
        assert_eq!(connection.fill(Deadline::after(SOON)).unwrap(), Fill::TimedOut);
        assert_eq!(connection.state(), State::Idle);
    }

    #[test]
    fn a_half_closed_peer_can_still_be_answered() {
        let (mut client, mut connection) = pair(64);
        client.write_all(b"ping").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        while connection.fill(Deadline::after(LONG)).unwrap() != Fill::Eof {}
        connection.write_all(b"pong", Deadline::after(LONG)).unwrap();
        connection.close(LONG);
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "pong");
    }

    #[test]
    fn a_peer_that_does_not_read_is_given_up_at_the_deadline() {
        let (_client, mut connection) = pair(4);
        let more_than_the_kernel_buffers = vec![0; 64 * 1024 * 1024];
        let error = connection
            .write_all(&more_than_the_kernel_buffers, Deadline::after(Duration::from_millis(100)))
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn the_last_words_arrive_although_the_peer_was_still_sending() {
        let (mut client, mut connection) = pair(64);
        client.write_all(&vec![b'x'; 256 * 1024]).unwrap();
        connection.fill(Deadline::after(LONG)).unwrap();
        connection.write_all(b"enough", Deadline::after(LONG)).unwrap();
        let closing = std::thread::Builder::new()
            .name("closing".to_string())
            .spawn(move || connection.close(LONG))
            .unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "enough");
        drop(client);
        closing.join().unwrap();
    }

    #[test]
    fn a_step_that_makes_no_sense_is_an_error() {
        let (_client, mut connection) = pair(4);
        let error = connection.enter(State::Processing).unwrap_err();
        assert_eq!(error.to_string(), "a connection cannot go from Idle to Processing");
    }
}
