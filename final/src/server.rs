//! The server: a listening socket, a table of connections, and threads that run the steps of the
//! connections.

mod acceptor;
mod client;
mod connection_guard;
mod connection_limits;
mod engine;
mod handle;
mod predict_blocking;
mod rejections;

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::core::listener::BindError;
use crate::core::stderr::{self, log_stderr};
use crate::core::worker_pool::PoolConfig;
use crate::core::{ConnectionTable, Interest, Listener, Poll, Poller, Workers};
use crate::http::limits::{LONGEST, Limits};
use crate::http::path_prefix::PathPrefix;
use crate::http::{Handler, TrustedProxies};
pub use connection_limits::ConnectionLimits;
use engine::{Engine, LISTENER};
use handle::ServerShared;
pub use handle::{ServerHandle, Statistics};
pub use predict_blocking::predict_blocking;

/// The interval at which a graceful shutdown checks whether all connections have ended.
const TICK: Duration = Duration::from_millis(5);

/// A server that is bound to its address but does not run yet.
#[derive(Debug)]
pub struct Server {
    listener: Listener,
    limits: Limits,
    size: PoolConfig,
    clients: ConnectionLimits,
    proxies: TrustedProxies,
    always: Vec<PathPrefix>,
    stop_delay: Duration,
    drain: Duration,
    shared: Arc<ServerShared>,
}

impl Server {
    /// Binds a server to `address`. From then on clients can connect, but they are only served once
    /// [`Server::run`] is called.
    ///
    /// # Errors
    /// Returns [`BindError`] with the step that failed and a remedy.
    pub fn bind(address: SocketAddr) -> Result<Server, BindError> {
        Ok(Server::from_listener(Listener::bind(address)?))
    }

    /// Creates a server for a socket that already listens, such as one that
    /// [`service_manager::passed_socket`](crate::core::service_manager::passed_socket) has
    /// returned.
    pub fn from_listener(listener: Listener) -> Server {
        Server {
            listener,
            limits: Limits::default(),
            size: PoolConfig::default(),
            clients: ConnectionLimits::default(),
            proxies: TrustedProxies::default(),
            always: Vec::new(),
            stop_delay: Duration::ZERO,
            drain: Duration::from_secs(10),
            shared: Arc::default(),
        }
    }

    /// Sets the limits on one client. Times longer than a year are set to a year.
    pub fn with_limits(self, limits: Limits) -> Server {
        Server { limits: limits.countable(), ..self }
    }

    /// Sets the maximum number of bytes held for all clients together, by default 256 MiB. See
    /// [`core::memory_budget`](crate::core::memory_budget) for the kinds of memory that count and
    /// for the behavior at the limit.
    pub fn with_max_memory(self, bytes: usize) -> Server {
        self.shared.memory.set_limit(bytes);
        self
    }

    /// Sets the numbers of permits and threads, and the stall timeout.
    pub fn with_workers(self, size: PoolConfig) -> Server {
        Server { size, ..self }
    }

    /// Sets the maximum numbers of connections, in total and from one address.
    pub fn with_connection_limits(self, clients: ConnectionLimits) -> Server {
        Server { clients, ..self }
    }

    /// Sets the trusted proxies, whose reports about their clients are used, by default none. They
    /// determine [`Request::client`](crate::http::Request::client), and with it the client in the
    /// logs, in rate limits and in the shares of upload slots. The maximum number of connections
    /// from one address does not apply to these proxies. So they have to limit the connections of
    /// each client themselves.
    pub fn with_trusted_proxies(self, proxies: TrustedProxies) -> Server {
        Server { proxies, ..self }
    }

    /// Sets the time for which the server still accepts clients after a stop has been requested, by
    /// default zero. During this time [`ServerHandle::is_stopping`] returns true and every response
    /// has `Connection: close`, so a proxy keeps no connection to this server. Choose a delay after
    /// which no proxy opens a new connection: the interval of the proxy's health checks times the
    /// number of failed checks after which it removes an endpoint, or the time until the proxy is
    /// notified that this endpoint has been removed.
    pub fn with_stop_delay(self, stop_delay: Duration) -> Server {
        Server { stop_delay, ..self }
    }

    /// Sets the maximum time that a stopping server waits for requests in progress, at most a year.
    /// The time starts at the end of the stop delay.
    pub fn with_drain(self, drain: Duration) -> Server {
        Server { drain: drain.min(LONGEST), ..self }
    }

    /// Serves requests below this path even when every worker is in a handler that blocks and all
    /// other requests are rejected with 503. This is for health checks, whose handlers do not
    /// block.
    pub fn always_answering(mut self, prefix: &str) -> Server {
        self.always.push(PathPrefix::new(prefix));
        self
    }

    /// Returns the address that clients can connect to, with the port that the kernel chose for
    /// port 0.
    pub fn local_addr(&self) -> SocketAddr {
        self.listener.local_addr()
    }

    /// Returns a handle with which any thread can stop and inspect the server.
    pub fn handle(&self) -> ServerHandle {
        ServerHandle { address: self.local_addr(), shared: Arc::clone(&self.shared) }
    }

    /// Serves clients until a stop is requested. Returns the number of connections that were
    /// aborted at the end while a request was in progress.
    ///
    /// # Errors
    /// Returns an error when the process has no threads or file descriptors left for the engine.
    pub fn run(self, handler: impl Handler) -> io::Result<usize> {
        stderr::write_in_background();
        let shared = self.shared;
        shared.uploads.set_count(self.size.upload_slots());
        let poller = Arc::new(Poller::new()?);
        poller.add(self.listener.listen_socket(), LISTENER, Interest::Read)?;
        let engine = Arc::new(Engine {
            handler: Box::new(handler),
            limits: self.limits,
            clients: self.clients,
            proxies: self.proxies,
            always: self.always,
            poller: Arc::clone(&poller),
            connections: ConnectionTable::new(self.clients.total),
            listener: Mutex::new(Some(self.listener)),
            backoff_until: Mutex::new(None),
            spare_fd: Mutex::new(File::open("/dev/null").ok()),
            by_address: Mutex::new(HashMap::new()),
            closes_idle: AtomicBool::new(false),
            queue: Mutex::default(),
            shared: Arc::clone(&shared),
        });
        let workers = Workers::start(self.size, poller, Arc::clone(&engine))?;
        shared.wait_until_asked(1, Duration::MAX);
        // By now every response is the last one on its connection, and new clients are still
        // accepted.
        shared.wait_until_asked(2, self.stop_delay);

        // From now on no new clients are accepted, but those already in the accept queue are
        // served.
        engine.stop_listening();
        drain_connections(&engine, &shared, self.drain);
        // Three groups are counted, and no connection is in two of them: connections that are
        // parked now, connections whose handler does not return, and connections that a step has
        // parked since `abort_all`.
        let parked = engine.abort_all();
        let left = workers.stop(Duration::from_secs(1)) as usize;
        let aborted = parked + left + engine.abort_all();
        log_stderr(format_args!("stopped: {aborted} aborted, {:?}", shared.statistics()));
        stderr::flush(Duration::from_secs(1));
        Ok(aborted)
    }
}

/// Waits until all connections have ended, for at most `drain` or until the second shutdown
/// request. Idle connections end at once.
fn drain_connections(engine: &Engine, shared: &ServerShared, drain: Duration) {
    engine.closes_idle.store(true, Ordering::Release);
    let deadline = Instant::now() + drain;
    while !engine.connections.is_empty() && Instant::now() < deadline {
        engine.end_idle();
        if shared.wait_until_asked(2, TICK) {
            break;
        }
    }
}
