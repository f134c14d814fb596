//! The server of a page, in place of a chapter's `server.rs`. It has no listener and no threads, but passes a client to
//! the exchange in the same way.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;

use crate::core::thread_pool::Statistics;
use crate::core::{Connection, Shutdown};
use crate::http::{Handler, exchange};
use crate::{Arguments, Limits};
use crate::core::stderr::log_stderr;

/// The address of every client.
const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 50_000);

/// The application of a chapter, and what its connections share.
pub struct Server {
    application: Box<dyn Handler>,
    limits: Limits,
    shutdown: Arc<Shutdown>,
}

impl Server {
    /// Builds the application as a chapter's `main` does, with the arguments that the page passes.
    pub fn start<H: Handler>(
        build: impl FnOnce(&Arguments, ServerHandle) -> anyhow::Result<H>,
    ) -> anyhow::Result<Server> {
        let words = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
        let shutdown: Arc<Shutdown> = Arc::default();
        let handle = ServerHandle { shutdown: Arc::clone(&shutdown) };
        let application = Box::new(build(&Arguments::parse(words)?, handle)?);
        Ok(Server { application, limits: Limits::default(), shutdown })
    }

    /// Serves the connection that the page has prepared, as `Client::serve` of the chapters does.
    pub fn serve(&self) {
        let outcome = TcpStream::accept().and_then(|stream| {
            let registration = self.shutdown.register(&stream)?;
            let connection = Connection::new(stream, PEER, exchange::buffer_size(&self.limits))?;
            exchange::serve(connection, self.application.as_ref(), &self.limits, &registration)
        });
        if let Err(error) = outcome {
            log_stderr(format_args!("{PEER}: {error}"));
        }
    }
}

/// A handle of the server, for the application.
#[derive(Debug, Clone)]
pub struct ServerHandle {
    shutdown: Arc<Shutdown>,
}

impl ServerHandle {
    /// Returns whether a shutdown has been requested.
    pub fn is_stopping(&self) -> bool {
        self.shutdown.is_requested()
    }

    /// Returns `None`, as a chapter's handle does before the server runs: a page has no pool.
    pub fn statistics(&self) -> Option<Statistics> {
        None
    }
}
