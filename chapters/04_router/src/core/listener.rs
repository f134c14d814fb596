//! ACCEPT: the listening socket (socket, setsockopt, bind, listen, accept).

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use super::stderr::log_stderr;

/// The length of the accept queue: the number of completed handshakes that the kernel keeps until
/// they are accepted. Linux uses the lesser of this and `net.core.somaxconn`. When the queue is
/// full, it drops the last segment of a handshake, and the client retransmits.
pub const BACKLOG: i32 = 128;

/// The pause of [`Listener::accept`] when a resource, such as file descriptors, is exhausted.
const PAUSE: Duration = Duration::from_millis(50);

/// A listening socket. It carries no data, because each accepted client gets its own socket.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    local_addr: SocketAddr,
}

impl Listener {
    /// Opens a socket that listens on `address`. For port 0 the kernel chooses a free port.
    ///
    /// # Errors
    /// Returns [`BindError`] with the step that failed and a remedy.
    pub fn bind(address: SocketAddr) -> Result<Listener, BindError> {
        let failed = |step| move |source| BindError { step, source };

        // socket(2) creates an endpoint without an address.
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))
            .map_err(failed("socket"))?;

        // setsockopt(2): connections in TIME_WAIT must not block the port. Windows needs no option
        // for that, and its option of this name lets two servers share a port.
        #[cfg(not(windows))]
        socket.set_reuse_address(true).map_err(failed("setsockopt(SO_REUSEADDR)"))?;

        // bind(2) assigns the address and the port.
        socket.bind(&address.into()).map_err(failed("bind"))?;

        // listen(2): from now on the kernel completes handshakes, even before the first accept.
        socket.listen(BACKLOG).map_err(failed("listen"))?;

        let socket = TcpListener::from(socket);
        let local_addr = socket.local_addr().map_err(failed("getsockname"))?;
        Ok(Listener { socket, local_addr })
    }

    /// Returns the address that clients connect to, with the port that the kernel chose for port 0.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Accepts a client with accept(2), and returns its socket and address.
    ///
    /// Errors that concern only one client are skipped. When a resource (file descriptors, memory)
    /// is exhausted, `accept` logs that on standard error, pauses for 50 ms and retries. Returning
    /// the error would end the server because of a temporary shortage.
    ///
    /// # Errors
    /// Returns an error when the listening socket itself fails, for example because it is not
    /// listening.
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        loop {
            match self.socket.accept() {
                Ok((stream, peer)) => return Ok((stream, peer)),
                Err(error) => match After::failure(&error) {
                    After::TryAgain => {}
                    After::Pause => {
                        log_stderr(format_args!("accept: {error}; trying again"));
                        thread::sleep(PAUSE);
                    }
                    After::GiveUp => return Err(error),
                },
            }
        }
    }

    /// Returns an iterator that accepts the connections in the accept queue and closes the
    /// listening socket when it is dropped. It never waits, not even for a free file descriptor,
    /// because a shutdown has a deadline. After the close, the kernel resets the connections that
    /// are still in the queue, and rejects new ones.
    pub fn into_pending(self) -> impl Iterator<Item = (TcpStream, SocketAddr)> {
        let is_nonblocking = self.socket.set_nonblocking(true).is_ok();
        std::iter::from_fn(move || {
            if !is_nonblocking {
                return None;
            }
            loop {
                match self.socket.accept() {
                    Ok((stream, peer)) => {
                        // On some systems an accepted socket inherits the non-blocking mode of the
                        // listener. On Linux it does not.
                        stream.set_nonblocking(false).ok()?;
                        return Some((stream, peer));
                    }
                    Err(error) if After::failure(&error) == After::TryAgain => {}
                    Err(_) => return None,
                }
            }
        })
    }
}

/// The reaction to a failed accept.
#[derive(Debug, PartialEq, Eq)]
enum After {
    TryAgain,
    Pause,
    GiveUp,
}

impl After {
    fn failure(error: &io::Error) -> After {
        use io::ErrorKind;
        match error.kind() {
            // The client left before its connection was accepted, or a signal interrupted the call.
            ErrorKind::Interrupted | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset => {
                After::TryAgain
            }
            // The socket does not listen, or it is non-blocking and its accept queue is empty.
            ErrorKind::InvalidInput | ErrorKind::WouldBlock => After::GiveUp,
            _ => After::Pause,
        }
    }
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
    fn closing_the_listener_accepts_pending_connections() {
        let listener = Listener::bind(local()).unwrap();
        let address = listener.local_addr();
        let clients = [(); 3].map(|()| TcpStream::connect(address).unwrap());
        let accepted: Vec<_> = listener.into_pending().map(|(_, peer)| peer).collect();
        assert_eq!(accepted, clients.map(|client| client.local_addr().unwrap()));
        assert!(TcpStream::connect(address).is_err());
    }

    #[test]
    fn temporary_errors_and_errors_of_one_client_are_retried() {
        use io::ErrorKind;
        for (kind, after) in [
            (ErrorKind::ConnectionAborted, After::TryAgain),
            (ErrorKind::Interrupted, After::TryAgain),
            (ErrorKind::OutOfMemory, After::Pause),
            (ErrorKind::Other, After::Pause),
            (ErrorKind::InvalidInput, After::GiveUp),
        ] {
            assert_eq!(After::failure(&io::Error::from(kind)), after, "{kind:?}");
        }
    }
}
