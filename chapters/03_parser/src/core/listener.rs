//! ACCEPT: the listening socket: socket, setsockopt, bind, listen, accept.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use super::stderr::log_stderr;

/// The length of the accept queue: how many completed handshakes the kernel keeps until we accept them.
/// Linux uses the lesser of this and `net.core.somaxconn`. When the queue is full it drops the last
/// segment of a handshake, and the client retransmits.
pub const BACKLOG: i32 = 128;

/// How long `accept` pauses when a resource, such as file descriptors, is exhausted.
const PAUSE: Duration = Duration::from_millis(50);

/// A listening socket. It carries no data: each accepted client gets its own socket.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    local_addr: SocketAddr,
}

impl Listener {
    /// Opens a socket that listens on `address`. For port 0 the kernel chooses a free port.
    ///
    /// # Errors
    /// [`BindError`] with the step that failed and a remedy.
    pub fn bind(address: SocketAddr) -> Result<Listener, BindError> {
        let failed = |step| move |source| BindError { step, source };

        // socket(2): create an endpoint. It has no address yet.
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))
            .map_err(failed("socket"))?;

        // setsockopt(2): old connections in TIME_WAIT must not block the port. Windows does not need
        // this, and there the option of this name lets two servers share a port.
        #[cfg(not(windows))]
        socket.set_reuse_address(true).map_err(failed("setsockopt(SO_REUSEADDR)"))?;

        // bind(2): assign the address and port.
        socket.bind(&address.into()).map_err(failed("bind"))?;

        // listen(2): from now on the kernel completes handshakes, even before the first accept.
        socket.listen(BACKLOG).map_err(failed("listen"))?;

        let socket = TcpListener::from(socket);
        let local_addr = socket.local_addr().map_err(failed("getsockname"))?;
        Ok(Listener { socket, local_addr })
    }

    /// The address that clients connect to, with the port that the kernel chose for port 0.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// accept(2): waits for a client and returns its socket and address.
    ///
    /// Errors that concern only one client are skipped. When a resource (file descriptors, memory) is
    /// exhausted, `accept` logs that on standard error, pauses for 50 ms and retries. Returning the error
    /// would end the server because of a short shortage.
    ///
    /// # Errors
    /// All others: the listening socket itself is unusable.
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

    /// Closes the listening socket, but first accepts the connections in its accept queue, whose
    /// handshake is complete. Does not wait, not even for a free file descriptor, because a shutdown has
    /// a deadline. Dropping the returned iterator closes the socket; the kernel then resets connections
    /// that are still in the queue, and refuses new ones.
    pub fn into_pending(self) -> impl Iterator<Item = (TcpStream, SocketAddr)> {
        let is_nonblocking = self.socket.set_nonblocking(true).is_ok();
        std::iter::from_fn(move || {
            if !is_nonblocking {
                return None;
            }
            loop {
                match self.socket.accept() {
                    Ok((stream, peer)) => {
                        // On some systems an accepted socket inherits the listener's mode. On Linux it does not.
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

/// What to do after a failed accept.
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
            // The client left between its handshake and our accept, or a signal interrupted the call.
            ErrorKind::Interrupted | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset => {
                After::TryAgain
            }
            // The socket does not listen, or it is non-blocking and there is no client.
            ErrorKind::InvalidInput | ErrorKind::WouldBlock => After::GiveUp,
            _ => After::Pause,
        }
    }
}

/// Why the server could not listen on an address.
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
        None // Display prints the source already, so an error chain would print it twice.
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
    fn only_errors_of_one_client_or_of_the_moment_are_retried() {
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
