//! macOS and Windows: only calls from the standard library and mio, which exist on all systems.
//! Some operations need an extra call.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, IoSlice, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, SystemTime};

use mio::event::Source;
use socket2::SockRef;

use crate::core::files::read_at;
use crate::core::poller::portable::Socket;

/// The number of bytes of a file that are read at a time in order to send them.
const COPY_CHUNK: u64 = 64 * 1024;

/// The maximum time that bytes may take from one end of a pair to the other.
const TRANSIT_TIME: Duration = Duration::from_millis(10);

/// The socket of a connection. It is non-blocking.
///
/// The poller needs the `RefCell`. Reads and writes go through mio's socket, because on Windows mio
/// has to notice `WouldBlock`.
#[derive(Debug)]
pub struct Stream(RefCell<mio::net::TcpStream>);

/// A listening socket. It is non-blocking.
#[derive(Debug)]
pub struct ListenSocket(RefCell<mio::net::TcpListener>);

impl Socket for Stream {
    fn source(&self) -> &RefCell<dyn Source> {
        &self.0
    }
}

impl Socket for ListenSocket {
    fn source(&self) -> &RefCell<dyn Source> {
        &self.0
    }
}

/// Wraps a socket, which must already be non-blocking.
impl From<TcpStream> for Stream {
    fn from(socket: TcpStream) -> Stream {
        Stream(RefCell::new(mio::net::TcpStream::from_std(socket)))
    }
}

impl Stream {
    /// Receives bytes with recv(2) and `MSG_PEEK`, so they stay in the receive buffer.
    ///
    /// # Errors
    /// Returns the error from the socket.
    pub fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.borrow().peek(buffer)
    }

    /// Shuts down one or both directions of the connection with shutdown(2).
    ///
    /// # Errors
    /// Returns an error when the peer has already closed the connection.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.borrow().shutdown(how)
    }
}

/// Converts a listening socket, which must already be non-blocking, to the type that the poller
/// accepts.
pub fn listen_socket(socket: TcpListener) -> ListenSocket {
    ListenSocket(RefCell::new(mio::net::TcpListener::from_std(socket)))
}

/// Accepts a pending connection with accept(2), and returns its socket and the client's address.
/// mio makes the socket non-blocking with further calls.
///
/// # Errors
/// Returns the error from the kernel.
pub fn accept(socket: &ListenSocket) -> io::Result<(Stream, SocketAddr)> {
    let (socket, peer) = socket.0.borrow().accept()?;
    // Not every system inherits the option from the listening socket. The call fails if the client
    // has disconnected, and then a read fails too.
    let _ = socket.set_nodelay(true);
    Ok((Stream(RefCell::new(socket)), peer))
}

/// Chooses what close(2) sends: FIN, or a reset, which discards unsent bytes.
///
/// # Errors
/// Returns the error from the socket.
pub fn reset_on_close(stream: &Stream, reset: bool) -> io::Result<()> {
    SockRef::from(&*stream.0.borrow()).set_linger(reset.then_some(Duration::ZERO))
}

/// Appends bytes to `buffer` with recv(2), up to its capacity. Returns the number of bytes; 0 is
/// the end of the stream.
///
/// # Errors
/// Returns the error from the socket.
pub fn receive(stream: &Stream, buffer: &mut Vec<u8>) -> io::Result<usize> {
    let length = buffer.len();
    // The standard library can only read into initialized bytes.
    buffer.resize(buffer.capacity(), 0);
    let received = (&*stream.0.borrow()).read(&mut buffer[length..]);
    buffer.truncate(length + received.as_ref().map_or(0, |count| *count));
    received
}

/// Returns another handle of the same socket, made with dup(2) or the equivalent call on Windows.
/// Both handles share the non-blocking flag.
///
/// # Errors
/// Returns an error when the process has no file descriptor left.
pub fn duplicate(stream: &Stream) -> io::Result<TcpStream> {
    Ok(SockRef::from(&*stream.0.borrow()).try_clone()?.into())
}

/// Sends bytes with send(2). Returns the number of bytes that the kernel has accepted.
///
/// # Errors
/// Returns the error from the socket.
pub fn send(stream: &Stream, bytes: &[u8]) -> io::Result<usize> {
    (&*stream.0.borrow()).write(bytes)
}

/// Sends bytes with send(2). `MSG_MORE` exists only on Linux; here the bytes may be sent in a
/// separate segment.
///
/// # Errors
/// Returns the error from the socket.
pub fn send_ahead(stream: &Stream, bytes: &[u8]) -> io::Result<usize> {
    send(stream, bytes)
}

/// Sends two slices with one writev(2), or the equivalent call on Windows, without copying them
/// into one buffer.
///
/// # Errors
/// Returns the error from the socket.
pub fn send_both(stream: &Stream, first: &[u8], second: &[u8]) -> io::Result<usize> {
    (&*stream.0.borrow()).write_vectored(&[IoSlice::new(first), IoSlice::new(second)])
}

/// Sends at most `most` bytes of a file. Advances `at` by the number of bytes sent, and returns
/// that number; 0 is the end of the file.
///
/// macOS and Windows each have a special system call for this. This function reads and then sends;
/// bytes that the socket does not accept are read again later, from the page cache.
///
/// # Errors
/// Returns the error from the socket or the file.
pub fn send_file(stream: &Stream, file: &File, at: &mut u64, most: u64) -> io::Result<usize> {
    let mut piece = vec![0; usize::try_from(most.min(COPY_CHUNK)).unwrap_or_default()];
    let count = read_at(file, &mut piece, *at)?;
    if count == 0 {
        return Ok(0);
    }
    let sent = send(stream, &piece[..count])?;
    *at += sent as u64;
    Ok(sent)
}

/// Returns the time of day.
#[allow(clippy::disallowed_methods, reason = "only http/date.rs uses it")]
pub fn noted_time() -> SystemTime {
    SystemTime::now()
}

/// Returns a client and the server's end of its connection. Windows has no socketpair(2), so they
/// are connected through the loopback interface. Sent bytes arrive a moment later, so a read on the
/// client's socket waits for up to 10 ms.
///
/// # Errors
/// Returns an error when the system has no file descriptors or ports left.
pub fn pair() -> io::Result<(TcpStream, Stream)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    client.set_read_timeout(Some(TRANSIT_TIME))?;
    let address = client.local_addr()?;
    loop {
        // Another process may have connected to the port, so the address of the peer is compared.
        let (server, peer) = listener.accept()?;
        if peer == address {
            server.set_nonblocking(true)?;
            server.set_nodelay(true)?;
            return Ok((client, server.into()));
        }
    }
}
