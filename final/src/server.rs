//! The server: a listening socket, a table of connections, and threads that run their steps.

mod acceptor;
mod engine;
mod predict_blocking;
mod rejections;

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::core::listener::BindError;
use crate::core::stderr::{self, log_stderr};
use crate::core::sync::lock;
use crate::core::worker_pool::{PoolConfig, Workers};
use crate::core::{ConnectionTable, Interest, Listener, MemoryBudget, Poll, Poller, UploadSlots};
use crate::http::Handler;
use crate::http::limits::{LONGEST, Limits};
use crate::http::path_prefix::PathPrefix;
use engine::{Engine, LISTENER};
pub use predict_blocking::predict_blocking;
use rejections::{RejectionLog, Rejections};

/// How often a graceful shutdown checks whether all connections have ended.
const TICK: Duration = Duration::from_millis(5);

/// How many clients there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// In all. Connections over the limit are rejected with 503.
    pub total: u32,
    /// From one address; `None` for no limit. Behind a proxy all clients have its address.
    pub by_address: Option<u32>,
}

impl Default for ConnectionLimits {
    fn default() -> ConnectionLimits {
        ConnectionLimits { total: 16_384, by_address: None }
    }
}

/// A server that is bound to its address and not yet running.
#[derive(Debug)]
pub struct Server {
    listener: Listener,
    limits: Limits,
    size: PoolConfig,
    clients: ConnectionLimits,
    always: Vec<PathPrefix>,
    stop_delay: Duration,
    drain: Duration,
    rejection_log: RejectionLog,
    shared: Arc<ServerShared>,
}

/// The state that the server and its handles share.
#[derive(Debug, Default)]
struct ServerShared {
    /// How many shutdown requests there were. The second one ends the wait for connections.
    asked: AtomicUsize,
    /// Whether there was one: every response is the last one of its connection.
    is_stopping: AtomicBool,
    changed: Condvar,
    lock: Mutex<()>,
    counters: Counters,
    memory: MemoryBudget,
    uploads: UploadSlots,
    rejections: Rejections,
}

/// The server's counters, which all threads share.
#[derive(Debug, Default)]
struct Counters {
    connections: AtomicU64,
    open: AtomicUsize,
    refused: AtomicU64,
    timed_out: AtomicU64,
}

/// The current state of a server, and its counters so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statistics {
    /// Connections that are open.
    pub open: usize,
    /// Connections that have been accepted.
    pub accepted: u64,
    /// Connections that were rejected because there were too many.
    pub refused: u64,
    /// Connections that a deadline has ended.
    pub timed_out: u64,
}

impl Server {
    /// Binds a server to `address`. Clients can connect from now on; they are served by [`Server::run`].
    ///
    /// # Errors
    /// [`BindError`] with the step that failed and a way out.
    pub fn bind(address: SocketAddr) -> Result<Server, BindError> {
        Ok(Server {
            listener: Listener::bind(address)?,
            limits: Limits::default(),
            size: PoolConfig::default(),
            clients: ConnectionLimits::default(),
            always: Vec::new(),
            stop_delay: Duration::ZERO,
            drain: Duration::from_secs(10),
            rejection_log: RejectionLog::new(|line| log_stderr(line)),
            shared: Arc::default(),
        })
    }

    /// Sets the limits on one client. A time of more than a year counts as a year.
    pub fn with_limits(self, limits: Limits) -> Server {
        Server { limits: limits.countable(), ..self }
    }

    /// Sets how many bytes may be held for all clients together, by default 256 MiB: see
    /// [`core::memory_budget`](crate::core::memory_budget) for the details of counting and for the behavior at the
    /// limit.
    pub fn with_max_memory(self, bytes: usize) -> Server {
        self.shared.memory.set_limit(bytes);
        self
    }

    /// Sets how many threads there are.
    pub fn with_workers(self, size: PoolConfig) -> Server {
        Server { size, ..self }
    }

    /// Sets how many clients there may be.
    pub fn with_connection_limits(self, clients: ConnectionLimits) -> Server {
        Server { clients, ..self }
    }

    /// Sets how long the server still accepts clients after a stop was requested, by default not at all. From the
    /// request to stop on, [`ServerHandle::is_stopping`] is true and every response has `Connection: close`, so a proxy
    /// keeps no connection to this server. The delay should be longer than it takes until no proxy opens a new one: the
    /// interval of its probes times the number of failures it waits for, or the time in which it learns that this
    /// endpoint is gone.
    pub fn with_stop_delay(self, stop_delay: Duration) -> Server {
        Server { stop_delay, ..self }
    }

    /// Sets how long a stopping server waits for requests in progress, at most a year. It counts from the end of the
    /// delay.
    pub fn with_drain(self, drain: Duration) -> Server {
        Server { drain: drain.min(LONGEST), ..self }
    }

    /// Sets what writes the lines about requests and connections that the server itself rejects, at most ten in a second,
    /// without line ends. By default standard error. The threads that serve clients call it, so it
    /// should not block.
    pub fn with_rejection_log(self, log: impl Fn(&str) + Send + Sync + 'static) -> Server {
        Server { rejection_log: RejectionLog::new(log), ..self }
    }

    /// Serves requests below this path even when every worker is in a handler that blocks, and all others are
    /// rejected with 503. For health checks, whose handlers do not block.
    pub fn always_answering(mut self, prefix: &str) -> Server {
        self.always.push(PathPrefix::new(prefix));
        self
    }

    /// The address that clients can reach, with the port that the kernel chose for port 0.
    pub fn local_addr(&self) -> SocketAddr {
        self.listener.local_addr()
    }

    /// Returns a handle with which any thread can stop and inspect the server.
    pub fn handle(&self) -> ServerHandle {
        ServerHandle { address: self.local_addr(), shared: Arc::clone(&self.shared) }
    }

    /// Serves clients until a stop is requested. Returns how many connections were aborted at the end although a
    /// request was in progress.
    ///
    /// # Errors
    /// When the process has no threads or descriptors left for the engine.
    pub fn run(self, handler: impl Handler) -> io::Result<usize> {
        stderr::write_in_background();
        let Server {
            listener,
            limits,
            size,
            clients,
            always,
            stop_delay,
            drain,
            rejection_log,
            shared,
        } = self;
        shared.uploads.set_count(size.upload_slots());
        let poller = Arc::new(Poller::new()?);
        poller.add(listener.listen_socket(), LISTENER, Interest::Read)?;
        let engine = Arc::new(Engine {
            handler: Box::new(handler),
            limits,
            clients,
            always,
            poller: Arc::clone(&poller),
            connections: ConnectionTable::new(clients.total),
            listener: Mutex::new(Some(listener)),
            backoff_until: Mutex::new(None),
            spare_fd: Mutex::new(File::open("/dev/null").ok()),
            by_address: Mutex::new(HashMap::new()),
            closes_idle: AtomicBool::new(false),
            rejection_log,
            uploads: shared.uploads.clone(),
            queue: Mutex::default(),
            shared: Arc::clone(&shared),
        });
        let workers = Workers::start(size, poller, Arc::clone(&engine))?;
        shared.wait_until_asked(1, None);
        // Every response is the last of its connection by now, and new clients are still accepted. If the delay ends
        // beyond all time, only the next request to stop ends it.
        shared.wait_until_asked(2, Instant::now().checked_add(stop_delay));

        // No new clients from now on, but those in the accept queue are served.
        engine.stop_listening();
        drain_connections(&engine, &shared, drain);
        // Three kinds, and no connection is counted twice: those that are parked now, those whose handler does not return,
        // and those that have been parked by a step that has ended since.
        let parked = engine.abort_all();
        let left = workers.stop(Duration::from_secs(1)) as usize;
        let aborted = parked + left + engine.abort_all();
        log_stderr(format_args!("stopped: {aborted} cut off, {:?}", shared.statistics()));
        stderr::flush(Duration::from_secs(1));
        Ok(aborted)
    }
}

/// Waits until all connections have ended, for at most `drain` or until the second shutdown request. Idle ones end at once.
fn drain_connections(engine: &Engine, shared: &ServerShared, drain: Duration) {
    engine.closes_idle.store(true, Ordering::Release);
    let deadline = Instant::now() + drain;
    while !engine.connections.is_empty()
        && Instant::now() < deadline
        && shared.asked.load(Ordering::Acquire) < 2
    {
        engine.end_idle();
        shared.wait_until_asked(2, Some(Instant::now() + TICK));
    }
}

impl ServerShared {
    /// Waits until there were so many shutdown requests, or until `end`.
    fn wait_until_asked(&self, times: usize, end: Option<Instant>) {
        let mut guard = lock(&self.lock);
        while self.asked.load(Ordering::Acquire) < times {
            guard = match end {
                None => self.changed.wait(guard).unwrap_or_else(PoisonError::into_inner),
                Some(end) => {
                    // A spurious wake-up is possible, so the clock decides.
                    let left = end.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return;
                    }
                    let waited = self.changed.wait_timeout(guard, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    fn statistics(&self) -> Statistics {
        let Counters { connections, open, refused, timed_out } = &self.counters;
        Statistics {
            open: open.load(Ordering::Relaxed),
            accepted: connections.load(Ordering::Relaxed),
            refused: refused.load(Ordering::Relaxed),
            timed_out: timed_out.load(Ordering::Relaxed),
        }
    }
}

/// Stops a server and reads its statistics, from any thread.
#[derive(Debug, Clone)]
pub struct ServerHandle {
    address: SocketAddr,
    shared: Arc<ServerShared>,
}

impl ServerHandle {
    /// The address that clients connect to.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Asks the server to stop, and returns at once. A second request ends the wait for requests in progress, and aborts
    /// them.
    pub fn shutdown(&self) {
        let _guard = lock(&self.shared.lock);
        self.shared.is_stopping.store(true, Ordering::Release);
        self.shared.asked.fetch_add(1, Ordering::AcqRel);
        self.shared.changed.notify_all();
    }

    /// Whether a shutdown has been requested. Connections in progress are still served.
    pub fn is_stopping(&self) -> bool {
        self.shared.is_stopping.load(Ordering::Acquire)
    }

    /// The memory budget, with the bytes that are held for clients.
    pub fn memory(&self) -> &MemoryBudget {
        &self.shared.memory
    }

    /// The slots for large bodies, all of which the running server hands out.
    pub fn uploads(&self) -> &UploadSlots {
        &self.shared.uploads
    }

    /// How many requests and connections the server itself has rejected, by reason, in alphabetical order.
    pub fn rejections(&self) -> Vec<(&'static str, u64)> {
        self.shared.rejections.by_reason()
    }

    /// The current state of the server, and its counters so far.
    pub fn statistics(&self) -> Statistics {
        self.shared.statistics()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn a_spurious_wake_up_does_not_end_a_wait() {
        let shared = ServerShared::default();
        let is_over = AtomicBool::new(false);
        let end = Instant::now() + Duration::from_millis(50);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::Acquire) {
                    shared.changed.notify_all();
                    thread::yield_now();
                }
            });
            shared.wait_until_asked(1, Some(end));
            is_over.store(true, Ordering::Release);
        });
        assert!(Instant::now() >= end);
    }
}
