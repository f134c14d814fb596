//! ACCEPT: the non-blocking listening socket (socket, setsockopt, bind, listen, accept).

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::system::{self, ListenSocket, Stream};

/// The length of the accept queue: the number of completed handshakes that the kernel keeps until
/// they are accepted. Linux uses the lesser of this and `net.core.somaxconn`. When the queue is
/// full, it drops the last segment of a handshake, and the client retransmits.
pub const BACKLOG: i32 = 1024;

/// A listening socket. It carries no data, because each accepted client gets its own socket.
#[derive(Debug)]
pub struct Listener {
    socket: ListenSocket,
    local_addr: SocketAddr,
}

impl Listener {
    /// Opens a socket that listens on `address`. For port 0 the kernel chooses a free port.
    ///
    /// # Errors
    /// Returns [`BindError`] with the step that failed and a remedy.
    pub fn bind(address: SocketAddr) -> Result<Listener, BindError> {
        // socket(2) creates an endpoint without an address.
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))
            .map_err(failed("socket"))?;

        // setsockopt(2): connections in TIME_WAIT must not block the port. Windows needs no option
        // for that, and its option of this name lets two servers share a port.
        #[cfg(not(windows))]
        socket.set_reuse_address(true).map_err(failed("setsockopt(SO_REUSEADDR)"))?;

        set_options(&SockRef::from(&socket))?;

        // bind(2) assigns the address and the port.
        socket.bind(&address.into()).map_err(failed("bind"))?;

        // listen(2): from now on the kernel completes handshakes, even before the first accept.
        socket.listen(BACKLOG).map_err(failed("listen"))?;

        Listener::new(TcpListener::from(socket))
    }

    /// Uses a socket that another process has opened, and that already listens. Its accept queue
    /// keeps its length and its clients.
    ///
    /// The options that this function sets are shared by all processes that have the socket open,
    /// and a client that connected before they were set does not inherit them.
    ///
    /// # Errors
    /// Returns [`BindError`] with the step that failed.
    pub fn from_socket(socket: TcpListener) -> Result<Listener, BindError> {
        set_options(&SockRef::from(&socket))?;
        Listener::new(socket)
    }

    fn new(socket: TcpListener) -> Result<Listener, BindError> {
        let local_addr = socket.local_addr().map_err(failed("getsockname"))?;
        Ok(Listener { socket: system::listen_socket(socket), local_addr })
    }

    /// Returns the address that clients connect to, with the port that the kernel chose for port 0.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Returns the listening socket, for registration with the poller.
    pub fn listen_socket(&self) -> &ListenSocket {
        &self.socket
    }

    /// Takes the next client from the accept queue with accept(2), and returns its socket and
    /// address. The socket is non-blocking, and child processes do not inherit it.
    ///
    /// # Errors
    /// Returns [`AcceptError`], which distinguishes the causes.
    pub fn accept(&self) -> Result<(Stream, SocketAddr), AcceptError> {
        loop {
            let error = match system::accept(&self.socket) {
                Ok(client) => return Ok(client),
                Err(error) => error,
            };
            match error.kind() {
                io::ErrorKind::WouldBlock => return Err(AcceptError::Nobody),
                // The client disconnected before the server accepted it, or a signal arrived.
                io::ErrorKind::Interrupted
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::ConnectionReset => {}
                _ => return Err(AcceptError::Shortage(error)),
            }
        }
    }
}

fn set_options(socket: &SockRef<'_>) -> Result<(), BindError> {
    // On Linux an accepted socket inherits the options of the listening one, so this is set once
    // and not for each client. Responses are written as a whole, and Nagle's algorithm would only
    // delay their end.
    socket.set_tcp_nodelay(true).map_err(failed("setsockopt(TCP_NODELAY)"))?;
    socket.set_nonblocking(true).map_err(failed("fcntl(O_NONBLOCK)"))
}

fn failed(step: &'static str) -> impl FnOnce(io::Error) -> BindError {
    move |source| BindError { step, source }
}

/// The reason why no client was accepted.
#[derive(Debug)]
pub enum AcceptError {
    /// The accept queue is empty.
    Nobody,
    /// A resource such as file descriptors has run out. The caller should retry after a delay.
    Shortage(io::Error),
}

/// The reason why the server could not listen on an address.
#[derive(Debug)]
pub struct BindError {
    /// The system call that failed.
    pub step: &'static str,
    /// The error that the kernel reported.
    pub source: io::Error,
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.step, self.source)?;
        match self.source.kind() {
            io::ErrorKind::AddrInUse => {
                write!(f, "; another program listens there: stop it, or try 127.0.0.1:0")
            }
            io::ErrorKind::PermissionDenied => {
                write!(f, "; ports below 1024 need privileges: try 127.0.0.1:8080")
            }
            io::ErrorKind::AddrNotAvailable => {
                write!(f, "; this machine has no such address: try 127.0.0.1:8080")
            }
            _ => Ok(()),
        }
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        None // `Display` already prints the source, and an error chain would print it again.
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    fn local() -> SocketAddr {
        "127.0.0.1:0".parse().unwrap()
    }

    #[test]
    fn port_zero_becomes_the_port_that_the_kernel_chose() {
        assert_ne!(Listener::bind(local()).unwrap().local_addr().port(), 0);
    }

    #[test]
    fn a_client_is_accepted_with_its_own_address() {
        let listener = Listener::bind(local()).unwrap();
        let client = TcpStream::connect(listener.local_addr()).unwrap();
        let (_stream, peer) = listener.accept().unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
    }

    #[test]
    fn a_second_listener_on_the_same_port_fails_with_a_remedy() {
        let first = Listener::bind(local()).unwrap();
        let error = Listener::bind(first.local_addr()).unwrap_err();
        assert_eq!(error.source.kind(), io::ErrorKind::AddrInUse);
        assert!(error.to_string().contains("another program listens there"), "{error}");
    }

    #[test]
    fn a_socket_that_already_listens_keeps_its_clients_and_does_not_block() {
        let socket = TcpListener::bind(local()).unwrap();
        let client = TcpStream::connect(socket.local_addr().unwrap()).unwrap();
        let listener = Listener::from_socket(socket).unwrap();
        assert_eq!(listener.local_addr(), client.peer_addr().unwrap());
        assert_eq!(listener.accept().unwrap().1, client.local_addr().unwrap());
        assert!(matches!(listener.accept(), Err(AcceptError::Nobody)));
    }

    #[test]
    fn an_empty_accept_queue_is_reported_at_once() {
        let listener = Listener::bind(local()).unwrap();
        assert!(matches!(listener.accept(), Err(AcceptError::Nobody)));
    }

    #[test]
    fn small_writes_to_a_client_are_sent_at_once() {
        let listener = Listener::bind(local()).unwrap();
        let _client = TcpStream::connect(listener.local_addr()).unwrap();
        let (stream, _) = listener.accept().unwrap();
        assert!(system::duplicate(&stream).unwrap().nodelay().unwrap());
    }
}
