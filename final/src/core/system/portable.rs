//! macOS and Windows: what the standard library and mio have on all systems. It takes a call more here and there.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, IoSlice, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, SystemTime};

use mio::event::Source;
use socket2::SockRef;

use crate::core::files::read_at;
use crate::core::poller::portable::Socket;

/// Bytes of a file that are read to be sent.
const COPY_CHUNK: u64 = 64 * 1024;

/// How long bytes may be on their way from one end of a pair to the other.
const ON_THE_WAY: Duration = Duration::from_millis(10);

/// A client's socket. It does not block.
///
/// The cell is for the poller. All bytes go through mio's socket too, since on Windows mio has to see when there are
/// none.
#[derive(Debug)]
pub struct Stream(RefCell<mio::net::TcpStream>);

/// A listening socket. It does not block.
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

/// Of a socket that does not block.
impl From<TcpStream> for Stream {
    fn from(socket: TcpStream) -> Stream {
        Stream(RefCell::new(mio::net::TcpStream::from_std(socket)))
    }
}

impl Stream {
    /// recv(2) that leaves the bytes where they are.
    ///
    /// # Errors
    /// What the socket reports.
    pub fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.borrow().peek(buffer)
    }

    /// shutdown(2).
    ///
    /// # Errors
    /// When the peer is gone already.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.borrow().shutdown(how)
    }
}

/// Makes a door of a socket that listens and does not block.
pub fn listen_socket(socket: TcpListener) -> ListenSocket {
    ListenSocket(RefCell::new(mio::net::TcpListener::from_std(socket)))
}

/// accept(2): the socket of the next client who stands at the door, and its address. What accept4(2) does on Linux
/// in the same call, mio does in further ones.
///
/// # Errors
/// What the kernel reports.
pub fn accept(socket: &ListenSocket) -> io::Result<(Stream, SocketAddr)> {
    let (socket, peer) = socket.0.borrow().accept()?;
    // Not every system takes it over from the listening socket. Should the client be gone, reading will tell.
    let _ = socket.set_nodelay(true);
    Ok((Stream(RefCell::new(socket)), peer))
}

/// Chooses what close(2) sends: FIN, or a reset, which throws away what has not been sent.
///
/// # Errors
/// What the socket reports.
pub fn reset_on_close(stream: &Stream, reset: bool) -> io::Result<()> {
    SockRef::from(&*stream.0.borrow()).set_linger(reset.then_some(Duration::ZERO))
}

/// recv(2): puts what is there behind the end of `buffer`, at most as much as its spare capacity. 0 is the end.
///
/// # Errors
/// What the socket reports.
pub fn receive(stream: &Stream, buffer: &mut Vec<u8>) -> io::Result<usize> {
    let length = buffer.len();
    // The standard library reads only into bytes that have a value.
    buffer.resize(buffer.capacity(), 0);
    let received = (&*stream.0.borrow()).read(&mut buffer[length..]);
    buffer.truncate(length + received.as_ref().map_or(0, |count| *count));
    received
}

/// dup(2), or its like: another handle of the same socket. Whether the socket blocks is said by either of them for
/// both.
///
/// # Errors
/// When the process has no more files.
pub fn duplicate(stream: &Stream) -> io::Result<TcpStream> {
    Ok(SockRef::from(&*stream.0.borrow()).try_clone()?.into())
}

/// send(2). Returns how much the kernel has taken.
///
/// # Errors
/// What the socket reports.
pub fn send(stream: &Stream, bytes: &[u8]) -> io::Result<usize> {
    (&*stream.0.borrow()).write(bytes)
}

/// send(2) of what has more behind it. Only Linux can be told so: here it may leave in a segment of its own.
///
/// # Errors
/// What the socket reports.
pub fn send_ahead(stream: &Stream, bytes: &[u8]) -> io::Result<usize> {
    send(stream, bytes)
}

/// writev(2), or its like: two pieces that lie in two places, by one call and without copying.
///
/// # Errors
/// What the socket reports.
pub fn send_both(stream: &Stream, first: &[u8], second: &[u8]) -> io::Result<usize> {
    (&*stream.0.borrow()).write_vectored(&[IoSlice::new(first), IoSlice::new(second)])
}

/// Sends at most `most` bytes of a file, and moves `at` behind what has been taken. 0 is the end of the file.
///
/// macOS and Windows have calls for it, each another one. This reads and sends; what the socket does not take is
/// read again, later, out of the system's cache.
///
/// # Errors
/// What the socket or the file report.
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

/// The time of day.
#[allow(clippy::disallowed_methods, reason = "only http/date.rs asks for it")]
pub fn noted_time() -> SystemTime {
    SystemTime::now()
}

/// A client and the server's end of its connection. Windows has no socketpair(2), so they are connected by way of
/// the loopback interface, and what one has sent is there for the other a moment later: the client waits that long.
///
/// # Errors
/// When the system has no more files or ports.
pub fn pair() -> io::Result<(TcpStream, Stream)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    client.set_read_timeout(Some(ON_THE_WAY))?;
    let address = client.local_addr()?;
    loop {
        // Somebody else may have found the port.
        let (server, peer) = listener.accept()?;
        if peer == address {
            server.set_nonblocking(true)?;
            server.set_nodelay(true)?;
            return Ok((client, server.into()));
        }
    }
}
