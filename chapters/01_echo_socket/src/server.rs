//! The server: accepts clients and serves one after the other.

use std::io;
use std::net::{SocketAddr, TcpStream};

use crate::core::listener::BindError;
use crate::core::stderr::log_stderr;
use crate::core::{Connection, Listener};
use crate::echo::{self, Limits};

/// A server that is bound to its address but does not run yet.
#[derive(Debug)]
pub struct Server {
    listener: Listener,
    limits: Limits,
}

impl Server {
    /// Binds a server to `address`. The kernel completes handshakes from then on; [`Server::run`]
    /// serves the clients.
    ///
    /// # Errors
    /// Returns [`BindError`] when the address cannot be used.
    pub fn bind(address: SocketAddr) -> Result<Server, BindError> {
        Ok(Server { listener: Listener::bind(address)?, limits: Limits::default() })
    }

    /// Replaces the default [`Limits`].
    pub fn with_limits(self, limits: Limits) -> Server {
        Server { limits, ..self }
    }

    /// Returns the address that clients connect to.
    pub fn local_addr(&self) -> SocketAddr {
        self.listener.local_addr()
    }

    /// Serves one client after another until the listening socket fails.
    ///
    /// # Errors
    /// Returns an error when the listening socket becomes unusable. An error on one connection is
    /// logged on standard error and ends only that connection.
    pub fn run(self) -> io::Result<()> {
        loop {
            let (stream, peer) = self.listener.accept()?;
            log_stderr(format_args!("{peer}: connected"));
            // This call blocks, so the next client is accepted only after this one is done.
            match serve_client(stream, peer, &self.limits) {
                Ok((bytes, end)) => {
                    log_stderr(format_args!("{peer}: {bytes} bytes echoed, {end:?}"));
                }
                Err(error) => log_stderr(format_args!("{peer}: {error}")),
            }
        }
    }
}

fn serve_client(
    stream: TcpStream,
    peer: SocketAddr,
    limits: &Limits,
) -> io::Result<(u64, echo::EchoEnd)> {
    echo::serve(Connection::new(stream, peer, limits.buffer)?, limits)
}
