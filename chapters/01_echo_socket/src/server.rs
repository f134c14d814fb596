//! The server: a listener, and what happens with each client.

use std::io;
use std::net::{SocketAddr, TcpStream};

use crate::core::listener::BindError;
use crate::core::stderr::log_stderr;
use crate::core::{Connection, Listener};
use crate::echo::{self, Limits};

/// A server that is bound to its address and not yet running.
#[derive(Debug)]
pub struct Server {
    listener: Listener,
    limits: Limits,
}

impl Server {
    /// Binds a server to `address`. Clients can connect from now on; they are served by [`Server::run`].
    ///
    /// # Errors
    /// [`BindError`] when the address cannot be had.
    pub fn bind(address: SocketAddr) -> Result<Server, BindError> {
        Ok(Server { listener: Listener::bind(address)?, limits: Limits::default() })
    }

    /// Serves with other limits than the default ones.
    pub fn with_limits(self, limits: Limits) -> Server {
        Server { limits, ..self }
    }

    /// The address that clients can reach.
    pub fn local_addr(&self) -> SocketAddr {
        self.listener.local_addr()
    }

    /// Serves one client after the other, for ever.
    ///
    /// # Errors
    /// When the listening socket can no longer be used. What goes wrong with one client is told on
    /// standard error and ends only that client.
    pub fn run(self) -> io::Result<()> {
        loop {
            let (stream, peer) = self.listener.accept()?;
            log_stderr(format_args!("{peer}: connected"));
            // The next accept has to wait until this client is done.
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
