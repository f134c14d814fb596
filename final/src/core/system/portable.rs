//! macOS and Windows: only calls of the standard library and mio, which exist on all systems. Some
//! operations need an extra call. `linux.rs` describes the functions; here are only the
//! differences.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, IoSlice, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use mio::event::Source;
use socket2::SockRef;

use crate::core::files::read_at;
use crate::core::poller::portable::Socket;

/// The number of bytes of a file that are read at a time in order to send them.
const COPY_CHUNK: u64 = 64 * 1024;

/// The maximum time that bytes may take from one end of a pair to the other.
const TRANSIT_TIME: Duration = Duration::from_millis(10);

/// The poller needs the `RefCell`. Reads and writes go through mio's socket, because on Windows mio
/// has to notice `WouldBlock`.
#[derive(Debug)]
pub struct Stream(RefCell<mio::net::TcpStream>);

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

impl From<TcpStream> for Stream {
    fn from(socket: TcpStream) -> Stream {
        Stream(RefCell::new(mio::net::TcpStream::from_std(socket)))
    }
}

impl Stream {
    pub fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.borrow().peek(buffer)
    }

    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.borrow().shutdown(how)
    }
}

pub fn listen_socket(socket: TcpListener) -> ListenSocket {
    ListenSocket(RefCell::new(mio::net::TcpListener::from_std(socket)))
}

/// mio makes the accepted socket non-blocking with further calls.
pub fn accept(socket: &ListenSocket) -> io::Result<(Stream, SocketAddr)> {
    let (socket, peer) = socket.0.borrow().accept()?;
    // Not every system inherits the option from the listening socket. The call fails if the client
    // has disconnected, and then a read fails too.
    let _ = socket.set_nodelay(true);
    Ok((Stream(RefCell::new(socket)), peer))
}

pub fn reset_on_close(stream: &Stream, reset: bool) -> io::Result<()> {
    SockRef::from(&*stream.0.borrow()).set_linger(reset.then_some(Duration::ZERO))
}

pub fn receive(stream: &Stream, buffer: &mut Vec<u8>) -> io::Result<usize> {
    let length = buffer.len();
    // The standard library can only read into initialized bytes.
    buffer.resize(buffer.capacity(), 0);
    let received = (&*stream.0.borrow()).read(&mut buffer[length..]);
    buffer.truncate(length + received.as_ref().map_or(0, |count| *count));
    received
}

pub fn duplicate(stream: &Stream) -> io::Result<TcpStream> {
    Ok(SockRef::from(&*stream.0.borrow()).try_clone()?.into())
}

pub fn send(stream: &Stream, bytes: &[u8]) -> io::Result<usize> {
    (&*stream.0.borrow()).write(bytes)
}

/// `MSG_MORE` exists only on Linux; here the bytes may be sent in a separate segment.
pub fn send_ahead(stream: &Stream, bytes: &[u8]) -> io::Result<usize> {
    send(stream, bytes)
}

pub fn send_both(stream: &Stream, first: &[u8], second: &[u8]) -> io::Result<usize> {
    (&*stream.0.borrow()).write_vectored(&[IoSlice::new(first), IoSlice::new(second)])
}

/// macOS and Windows each have a special system call for this. This function reads and then sends;
/// bytes that the socket does not accept are read again later, from the page cache.
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

/// Windows has no socketpair(2), so the sockets are connected through the loopback interface. Sent
/// bytes arrive a moment later, so the client waits that long after it has sent.
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
