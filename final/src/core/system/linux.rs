//! Linux: system calls that combine several operations.

use std::fs::File;
use std::io::{self, IoSlice};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::net::{RecvFlags, SendFlags, SocketFlags, acceptfrom_with};
use socket2::SockRef;

/// The socket of a connection. It is non-blocking.
pub type Stream = TcpStream;

/// A listening socket. It is non-blocking.
pub type ListenSocket = TcpListener;

/// Converts a listening socket, which must already be non-blocking, to the type that the poller
/// accepts.
pub fn listen_socket(socket: TcpListener) -> ListenSocket {
    socket
}

/// Accepts a pending connection with accept4(2), and returns its socket and the client's address.
/// The same call makes the socket non-blocking and close-on-exec.
pub fn accept(socket: &ListenSocket) -> io::Result<(Stream, SocketAddr)> {
    let (socket, peer) = acceptfrom_with(socket, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC)?;
    let peer = peer.and_then(|peer| SocketAddr::try_from(peer).ok());
    // If there is no address, the client has already disconnected.
    let peer = peer.ok_or(io::ErrorKind::ConnectionAborted)?;
    Ok((TcpStream::from(socket), peer))
}

/// Chooses what close(2) sends: FIN, or a reset, which discards unsent bytes.
pub fn reset_on_close(stream: &Stream, reset: bool) -> io::Result<()> {
    SockRef::from(stream).set_linger(reset.then_some(Duration::ZERO))
}

/// Appends bytes to `buffer` with recv(2), up to its capacity. Returns the number of bytes; 0 is
/// the end of the stream.
pub fn receive(stream: &Stream, buffer: &mut Vec<u8>) -> io::Result<usize> {
    // recv(2) and not read(2), which goes through the generic file layer (VFS) first.
    let (received, _) = rustix::net::recv(stream, spare_capacity(buffer), RecvFlags::empty())?;
    Ok(received)
}

/// Returns another handle of the same socket, made with dup(2). Both handles share the non-blocking
/// flag.
pub fn duplicate(stream: &Stream) -> io::Result<TcpStream> {
    stream.try_clone()
}

/// Sends bytes with send(2). Returns the number of bytes that the kernel has accepted.
pub fn send(stream: &Stream, bytes: &[u8]) -> io::Result<usize> {
    Ok(rustix::net::send(stream, bytes, SendFlags::NOSIGNAL)?)
}

/// Sends bytes with send(2) and `MSG_MORE`: the kernel holds them back until the next call, so that
/// the bytes of both calls can share a segment.
pub fn send_ahead(stream: &Stream, bytes: &[u8]) -> io::Result<usize> {
    Ok(rustix::net::send(stream, bytes, SendFlags::NOSIGNAL | SendFlags::MORE)?)
}

/// Sends two slices with one writev(2), without copying them into one buffer.
pub fn send_both(stream: &Stream, first: &[u8], second: &[u8]) -> io::Result<usize> {
    Ok(rustix::io::writev(stream, &[IoSlice::new(first), IoSlice::new(second)])?)
}

/// Sends at most `most` bytes of a file from the page cache with sendfile(2), without a copy in
/// this process. Advances `at` by the number of bytes sent, and returns that number; 0 is the end
/// of the file.
pub fn send_file(stream: &Stream, file: &File, at: &mut u64, most: u64) -> io::Result<usize> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    Ok(rustix::fs::sendfile(stream, file, Some(at), most)?)
}

/// Returns a client and the server's end of its connection, made with socketpair(2) and without a
/// network. Sent bytes arrive at once.
pub fn pair() -> io::Result<(TcpStream, Stream)> {
    let (client, server) = UnixStream::pair()?;
    client.set_nonblocking(true)?;
    server.set_nonblocking(true)?;
    Ok((OwnedFd::from(client).into(), OwnedFd::from(server).into()))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use rustix::fs::{OFlags, fcntl_getfl};
    use rustix::io::{FdFlags, fcntl_getfd};

    use super::*;

    #[test]
    fn the_socket_of_a_new_client_does_not_block_and_is_not_inherited() {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let _client = TcpStream::connect(socket.local_addr().unwrap()).unwrap();
        let (stream, _) = accept(&socket).unwrap();
        assert!(fcntl_getfl(&stream).unwrap().contains(OFlags::NONBLOCK));
        assert!(fcntl_getfd(&stream).unwrap().contains(FdFlags::CLOEXEC));
    }
}
