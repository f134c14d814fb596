//! A TCP connection whose other end is the page.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// The path of the connection in the module's file system. Opening it accepts the connection.
const PATH: &str = "/dev/tcp";

/// A connection. A read returns one piece of the client's input, and a write is shown in the page.
#[derive(Debug)]
pub struct TcpStream {
    // WASI can read, write, shut down and close a socket that it gets from its host. The other methods are simulated
    // here.
    socket: Arc<std::net::TcpStream>,
    options: Arc<Mutex<Options>>,
}

/// Socket options that the kernel would store.
#[derive(Debug, Default)]
pub(crate) struct Options {
    pub(crate) linger: Option<Duration>,
    read_timeout: Option<Duration>,
    is_nonblocking: bool,
    /// Bytes that `peek` has received and `read` has not returned yet.
    peeked: Vec<u8>,
}

impl TcpStream {
    /// Accepts the connection that the page has prepared.
    ///
    /// # Errors
    /// Returns an error when there is none.
    pub fn accept() -> io::Result<TcpStream> {
        let file = OpenOptions::new().read(true).write(true).open(PATH)?;
        let socket = std::net::TcpStream::from(OwnedFd::from(file));
        Ok(TcpStream { socket: Arc::new(socket), options: Arc::default() })
    }

    /// Fails: a page cannot connect to a server.
    pub fn connect_timeout(_: &SocketAddr, _: Duration) -> io::Result<TcpStream> {
        Err(ErrorKind::Unsupported.into())
    }

    /// Fails: a connection in a page has no addresses.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Err(ErrorKind::Unsupported.into())
    }

    /// Returns another handle to the same connection.
    pub fn try_clone(&self) -> io::Result<TcpStream> {
        let (socket, options) = (Arc::clone(&self.socket), Arc::clone(&self.options));
        Ok(TcpStream { socket, options })
    }

    /// Receives bytes that the next read returns again.
    ///
    /// # Errors
    /// Returns the same errors as a read.
    pub fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.options().peeked.is_empty() {
            let mut piece = vec![0; 64 * 1024];
            let count = self.receive(&mut piece)?;
            piece.truncate(count);
            self.options().peeked = piece;
        }
        let options = self.options();
        (&options.peeked[..]).read(buffer)
    }

    /// Bounds the time that a read waits.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.options().read_timeout = timeout;
        Ok(())
    }

    /// Does nothing: a write to the page never waits.
    pub fn set_write_timeout(&self, _: Option<Duration>) -> io::Result<()> {
        Ok(())
    }

    /// Does nothing: there are no segments that could wait for each other.
    pub fn set_nodelay(&self, _: bool) -> io::Result<()> {
        Ok(())
    }

    /// Selects whether a read returns at once when nothing has arrived.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.options().is_nonblocking = nonblocking;
        Ok(())
    }

    /// Ends one direction of the connection, or both.
    ///
    /// # Errors
    /// Returns the error from the page.
    pub fn shutdown(&self, direction: Shutdown) -> io::Result<()> {
        self.socket.shutdown(direction)
    }

    pub(crate) fn options(&self) -> MutexGuard<'_, Options> {
        self.options.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Receives a piece. If the page has none, it reports that at once: a timeout passes only on the page's clock.
    fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let received = (&*self.socket).read(buffer);
        let options = self.options();
        if let (Err(error), Some(timeout)) = (&received, options.read_timeout)
            && error.kind() == ErrorKind::WouldBlock
            && !options.is_nonblocking
        {
            thread::sleep(timeout);
        }
        received
    }
}

impl Read for &TcpStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut options = self.options();
        if options.peeked.is_empty() {
            drop(options);
            return self.receive(buffer);
        }
        let count = (&options.peeked[..]).read(buffer)?;
        options.peeked.drain(..count);
        Ok(count)
    }
}

impl Write for TcpStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self.socket).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
