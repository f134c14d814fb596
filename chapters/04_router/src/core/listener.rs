//! ACCEPT: the socket that clients knock at: socket, setsockopt, bind, listen, accept.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use super::stderr::log_stderr;

/// How many finished handshakes the kernel keeps for us until we accept them. On Linux the lesser of
/// this and `net.core.somaxconn` counts; beyond it a client's handshake is dropped and tried again.
pub const BACKLOG: i32 = 128;

/// How long accepting rests when the machine has run out of something, such as open files.
const PAUSE: Duration = Duration::from_millis(50);

/// A listening socket. It never carries data: each accepted client gets a socket of its own.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    local_addr: SocketAddr,
}

impl Listener {
    /// Opens a socket that listens on `address`. Port 0 lets the kernel choose.
    ///
    /// # Errors
    /// [`BindError`] with the step that failed and a way out.
    pub fn bind(address: SocketAddr) -> Result<Listener, BindError> {
        let failed = |step| move |source| BindError { step, source };

        // socket(2): ask the kernel for an endpoint. It has no address yet.
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))
            .map_err(failed("socket"))?;

        // setsockopt(2): connections that ended a moment ago (TIME_WAIT) shall not keep us from the
        // port. Windows needs no such option, and its option of this name lets two servers share a port.
        #[cfg(not(windows))]
        socket.set_reuse_address(true).map_err(failed("setsockopt(SO_REUSEADDR)"))?;

        // bind(2): give the socket its address and port.
        socket.bind(&address.into()).map_err(failed("bind"))?;

        // listen(2): from here on the kernel completes handshakes, even before the first accept.
        socket.listen(BACKLOG).map_err(failed("listen"))?;

        let socket = TcpListener::from(socket);
        let local_addr = socket.local_addr().map_err(failed("getsockname"))?;
        Ok(Listener { socket, local_addr })
    }

    /// The address that clients can reach, with the port that the kernel chose for port 0.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// accept(2): waits for a client and returns the socket that leads to it, and its address.
    ///
    /// Failures that concern only one client are passed over. When the machine has run out of
    /// something (open files, memory) it says so on standard error, rests for 50 ms and tries again,
    /// for giving up would turn a short shortage into a dead server.
    ///
    /// # Errors
    /// What is left: the listening socket itself cannot be used.
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

    /// Closes the door, but first takes in those who already stand in it: clients whose handshake the
    /// kernel has completed and nobody has accepted. Does not wait, not even for a free file: a stop has
    /// a deadline. When the returned iterator is dropped the socket is closed, and clients who still
    /// stand there or come later are refused by the kernel.
    pub fn into_pending(self) -> impl Iterator<Item = (TcpStream, SocketAddr)> {
        let no_waiting = self.socket.set_nonblocking(true).is_ok();
        std::iter::from_fn(move || {
            if !no_waiting {
                return None;
            }
            loop {
                match self.socket.accept() {
                    Ok((stream, peer)) => {
                        // Some systems let an accepted socket inherit the listener's mode, Linux does not.
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
            // The client left between its handshake and our accept, or a signal came.
            ErrorKind::Interrupted | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset => {
                After::TryAgain
            }
            // The socket does not listen, or somebody made it non-blocking and nobody waits.
            ErrorKind::InvalidInput | ErrorKind::WouldBlock => After::GiveUp,
            _ => After::Pause,
        }
    }
}

/// Why an address could not be listened on.
#[derive(Debug)]
pub struct BindError {
    /// The system call that failed.
    pub step: &'static str,
    /// What the kernel said.
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
        None // Display has told it; a chain would print it twice.
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
    fn a_second_listener_on_the_same_port_is_refused_with_a_way_out() {
        let first = Listener::bind(local()).unwrap();
        let error = Listener::bind(first.local_addr()).unwrap_err();
        assert_eq!(error.source.kind(), io::ErrorKind::AddrInUse);
        assert!(error.to_string().contains("another program listens there"), "{error}");
    }

    #[test]
    fn closing_the_door_takes_in_those_who_stand_in_it() {
        let listener = Listener::bind(local()).unwrap();
        let address = listener.local_addr();
        let clients = [(); 3].map(|()| TcpStream::connect(address).unwrap());
        let accepted: Vec<_> = listener.into_pending().map(|(_, peer)| peer).collect();
        assert_eq!(accepted, clients.map(|client| client.local_addr().unwrap()));
        assert!(TcpStream::connect(address).is_err());
    }

    #[test]
    fn only_failures_of_one_client_or_of_the_moment_are_passed_over() {
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
