//! Linux: calls that do several steps in one.

use std::fs::File;
use std::io::{self, IoSlice};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, SystemTime};

use rustix::buffer::spare_capacity;
use rustix::net::{RecvFlags, SendFlags, SocketFlags, acceptfrom_with};
use socket2::SockRef;

/// A client's socket. It does not block.
pub type Stream = TcpStream;

/// A listening socket. It does not block.
pub type ListenSocket = TcpListener;

/// Makes a door of a socket that listens and does not block.
pub fn listen_socket(socket: TcpListener) -> ListenSocket {
    socket
}

/// accept4(2): the socket of the next client who stands at the door, and its address. The socket does not block
/// and is not inherited by child processes, all by one call.
///
/// # Errors
/// What the kernel reports.
pub fn accept(socket: &ListenSocket) -> io::Result<(Stream, SocketAddr)> {
    let (socket, peer) = acceptfrom_with(socket, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC)?;
    let peer = peer.and_then(|peer| SocketAddr::try_from(peer).ok());
    // A client without an address is gone.
    let peer = peer.ok_or(io::ErrorKind::ConnectionAborted)?;
    Ok((TcpStream::from(socket), peer))
}

/// Chooses what close(2) sends: FIN, or a reset, which throws away what has not been sent.
///
/// # Errors
/// What the socket reports.
pub fn reset_on_close(stream: &Stream, reset: bool) -> io::Result<()> {
    SockRef::from(stream).set_linger(reset.then_some(Duration::ZERO))
}

/// recv(2): puts what is there behind the end of `buffer`, at most as much as its spare capacity. 0 is the end.
///
/// # Errors
/// What the socket reports.
pub fn receive(stream: &Stream, buffer: &mut Vec<u8>) -> io::Result<usize> {
    // Not read(2), which has to find out first that this is a socket.
    let (received, _) = rustix::net::recv(stream, spare_capacity(buffer), RecvFlags::empty())?;
    Ok(received)
}

/// dup(2): another handle of the same socket. Whether the socket blocks is said by either of them for both.
///
/// # Errors
/// When the process has no more files.
pub fn duplicate(stream: &Stream) -> io::Result<TcpStream> {
    stream.try_clone()
}

/// send(2). Returns how much the kernel has taken.
///
/// # Errors
/// What the socket reports.
pub fn send(stream: &Stream, bytes: &[u8]) -> io::Result<usize> {
    Ok(rustix::net::send(stream, bytes, SendFlags::NOSIGNAL)?)
}

/// send(2) of what has more behind it. The kernel waits with it for that, so that both are in one segment.
///
/// # Errors
/// What the socket reports.
pub fn send_ahead(stream: &Stream, bytes: &[u8]) -> io::Result<usize> {
    Ok(rustix::net::send(stream, bytes, SendFlags::NOSIGNAL | SendFlags::MORE)?)
}

/// writev(2): two pieces that lie in two places, by one call and without copying.
///
/// # Errors
/// What the socket reports.
pub fn send_both(stream: &Stream, first: &[u8], second: &[u8]) -> io::Result<usize> {
    Ok(rustix::io::writev(stream, &[IoSlice::new(first), IoSlice::new(second)])?)
}

/// sendfile(2): at most `most` bytes of a file, from the page cache to the socket and not through our memory. Moves
/// `at` behind what has been taken. 0 is the end of the file.
///
/// # Errors
/// What the socket or the file report.
pub fn send_file(stream: &Stream, file: &File, at: &mut u64, most: u64) -> io::Result<usize> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    Ok(rustix::fs::sendfile(stream, file, Some(at), most)?)
}

/// `clock_gettime(2)`: the time of day that the kernel noted at its last tick, a few milliseconds ago at most. To look
/// at the clock itself takes several times as long.
pub fn noted_time() -> SystemTime {
    let noted = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
    let (seconds, nanoseconds) = (u64::try_from(noted.tv_sec), u32::try_from(noted.tv_nsec));
    SystemTime::UNIX_EPOCH + Duration::new(seconds.unwrap_or(0), nanoseconds.unwrap_or(0))
}

/// socketpair(2): a client and the server's end of its connection, without a network. To the kernel they are streams
/// like any other, and what one has sent is there for the other.
///
/// # Errors
/// When the system has no more files.
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
