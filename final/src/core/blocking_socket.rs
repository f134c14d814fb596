//! A second handle of a connection's socket, with blocking calls for a handler that reads a large
//! body.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::blocking;
use super::system::{Stream, duplicate};

/// The source of the remainder of a body: a [`BlockingSocket`], or a script in a test.
pub trait BodySource: fmt::Debug + Send {
    /// Waits for bytes from the client, at most for `time`, which must not be zero. Returns their
    /// number; zero is the client's FIN.
    ///
    /// # Errors
    /// Returns [`TimedOut`](io::ErrorKind::TimedOut) or [`WouldBlock`](io::ErrorKind::WouldBlock),
    /// depending on the system, when the time is over, and otherwise the error of the connection.
    fn receive(&mut self, buffer: &mut [u8], time: Duration) -> io::Result<usize>;

    /// Sends all bytes. Each time there is no room for them, the call waits for at most `time`.
    ///
    /// # Errors
    /// Returns the same errors as [`BodySource::receive`].
    fn send(&mut self, bytes: &[u8], time: Duration) -> io::Result<()>;
}

/// A handle whose calls receive and send as on a blocking socket, up to a time limit. During a
/// call, another thread serves the other connections.
///
/// Both handles belong to the same socket and share its `O_NONBLOCK` flag, which is clear only
/// during a call. A response may be generated from the body and sent between two calls. If that
/// send blocked, a client that does not read would hold the thread forever.
#[derive(Debug)]
pub struct BlockingSocket(TcpStream);

impl BlockingSocket {
    /// Creates a second handle of this socket.
    ///
    /// # Errors
    /// Returns an error when the process has no more file descriptors.
    pub fn of(stream: &Stream) -> io::Result<BlockingSocket> {
        Ok(BlockingSocket(duplicate(stream)?))
    }

    fn wait<T>(&self, call: impl FnOnce(&TcpStream) -> io::Result<T>) -> io::Result<T> {
        self.0.set_nonblocking(false)?;
        let result = blocking(|| call(&self.0));
        self.0.set_nonblocking(true)?;
        result
    }
}

impl BodySource for BlockingSocket {
    fn receive(&mut self, buffer: &mut [u8], time: Duration) -> io::Result<usize> {
        self.0.set_read_timeout(Some(time))?;
        self.wait(|mut stream| stream.read(buffer))
    }

    fn send(&mut self, bytes: &[u8], time: Duration) -> io::Result<()> {
        self.0.set_write_timeout(Some(time))?;
        self.wait(|mut stream| stream.write_all(bytes))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::net::TcpListener;
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    /// Returns a client and the server's end of its connection, which does not block.
    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        server.set_nonblocking(true).unwrap();
        (client, server)
    }

    /// Writes until the send buffer is full.
    fn fill(mut socket: &TcpStream) {
        let bytes = vec![0; 65_536];
        let full = |error: io::Error| error.kind() == io::ErrorKind::WouldBlock;
        while !socket.write(&bytes).is_err_and(full) {}
    }

    /// Regression test: a response generated from the request body is sent while the body still
    /// arrives. When the send buffer was full, that send blocked forever.
    #[test]
    fn between_two_calls_the_socket_does_not_block() {
        for sends in [false, true] {
            let (mut client, server) = pair();
            client.write_all(b"1234").unwrap();
            let response = server.try_clone().unwrap();
            let mut socket = BlockingSocket::of(&Stream::from(server)).unwrap();
            let (sender, receiver) = mpsc::channel();
            let step = thread::Builder::new().name("step".to_string());
            let spawned = step.spawn(move || {
                if sends {
                    socket.send(b"x", LONG).unwrap();
                }
                assert_eq!(socket.receive(&mut [0; 9], LONG).unwrap(), 4);
                fill(&response);
                let _ = sender.send(());
            });
            spawned.unwrap();
            let ended = receiver.recv_timeout(LONG);
            assert_eq!(ended, Ok(()), "it waits for room in the socket; sends: {sends}");
        }
    }

    #[test]
    fn a_wait_for_a_client_that_sends_or_reads_nothing_is_limited() {
        let (_client, server) = pair();
        // The peer's kernel continues to accept bytes for a moment, so the buffers are only full
        // when this has happened twice.
        for _ in 0..2 {
            fill(&server);
            thread::sleep(Duration::from_millis(50));
        }
        while (&server).write(b"x").is_ok() {}
        let mut socket = BlockingSocket::of(&Stream::from(server)).unwrap();
        let time = Duration::from_millis(100);
        for result in [socket.send(b"x", time), socket.receive(&mut [0], time).map(|_| ())] {
            let kind = result.unwrap_err().kind();
            assert!(matches!(kind, io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut), "{kind}");
        }
    }
}
