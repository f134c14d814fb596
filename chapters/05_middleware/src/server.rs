//! The server: a listener, a pool of workers, and the handling of each client.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::core::listener::BindError;
use crate::core::stderr::log_stderr;
use crate::core::task_queue::Rejected;
use crate::core::thread_pool::{PoolConfig, Statistics};
use crate::core::{Connection, Deadline, Listener, Shutdown, ThreadPool};
use crate::http::limits::Limits;
use crate::http::{Handler, HttpError, Status, exchange};

/// The size of the pool: four clients are served at the same time, and up to 64 wait.
const WORKERS: PoolConfig = PoolConfig { workers: 4, queue: 64 };

/// The size of the pool that rejects clients when the workers' queue is full, so that the accept
/// loop never waits for such a client.
const SHEDDER: PoolConfig = PoolConfig { workers: 1, queue: 64 };

/// The maximum time that a graceful shutdown waits for transfers in progress.
const DRAIN: Duration = Duration::from_secs(10);

/// A server that is bound to its address but does not run yet.
#[derive(Debug)]
pub struct Server {
    listener: Listener,
    limits: Limits,
    workers: PoolConfig,
    drain: Duration,
    shared: Arc<ServerShared>,
}

/// The state that the server, its connections and its handles share.
#[derive(Debug, Default)]
struct ServerShared {
    shutdown: Arc<Shutdown>,
    pool: OnceLock<ThreadPool<Client>>,
}

/// An accepted client, which is a task in the queue of the pool.
#[derive(Debug)]
struct Client {
    stream: TcpStream,
    peer: SocketAddr,
}

impl Server {
    /// Binds a server to `address`. The kernel completes handshakes from then on; [`Server::run`]
    /// serves the clients.
    ///
    /// # Errors
    /// Returns [`BindError`] when the address cannot be used.
    pub fn bind(address: SocketAddr) -> Result<Server, BindError> {
        Ok(Server {
            listener: Listener::bind(address)?,
            limits: Limits::default(),
            workers: WORKERS,
            drain: DRAIN,
            shared: Arc::default(),
        })
    }

    /// Replaces the default [`Limits`].
    pub fn with_limits(self, limits: Limits) -> Server {
        Server { limits, ..self }
    }

    /// Replaces the default sizes of the pool and its queue.
    pub fn with_workers(self, workers: PoolConfig) -> Server {
        Server { workers, ..self }
    }

    /// Sets how long a shutdown waits for transfers in progress, by default ten seconds.
    pub fn with_drain(self, drain: Duration) -> Server {
        Server { drain, ..self }
    }

    /// Returns the address that clients connect to.
    pub fn local_addr(&self) -> SocketAddr {
        self.listener.local_addr()
    }

    /// Returns a handle that can stop the server from another thread, for example a thread that waits
    /// for signals.
    pub fn handle(&self) -> ServerHandle {
        ServerHandle { address: self.local_addr(), shared: Arc::clone(&self.shared) }
    }

    /// Calls `handler` for the requests of all clients until a handle requests a shutdown, and then
    /// waits for the connections in progress (drain).
    ///
    /// Returns the number of connections that were aborted, because they had not finished in time
    /// or because a handle requested the shutdown twice. A client that has sent nothing loses
    /// nothing, and is not counted.
    ///
    /// # Errors
    /// Returns an error when the threads cannot be created, or the listening socket becomes
    /// unusable. An error on one connection is logged on standard error and ends only that
    /// connection.
    pub fn run(self, handler: impl Handler) -> io::Result<usize> {
        let Server { listener, limits, workers, drain, shared } = self;
        let shutdown = Arc::clone(&shared.shutdown);
        let work = {
            let shutdown = Arc::clone(&shutdown);
            move |client: Client| client.serve(&handler, &limits, &shutdown)
        };
        let shedder = ThreadPool::start("shedder", SHEDDER, move |client: Client| {
            client.reject(&limits);
        })?;
        let started = ThreadPool::start("worker", workers, work)?;
        let pool = shared.pool.get_or_init(|| started);

        let dispatch = |stream, peer| {
            if let Err(Rejected::Full(client) | Rejected::Closed(client)) =
                pool.submit(Client { stream, peer })
            {
                // If the shedder's queue is full as well, the client is dropped without a response.
                let _ = shedder.submit(client);
            }
        };
        while !shutdown.is_requested() {
            let (stream, peer) = listener.accept()?;
            if !shutdown.is_waker(peer) {
                dispatch(stream, peer);
            }
        }
        // Clients whose handshake is complete are still served. When the iterator is dropped, the
        // kernel rejects new ones.
        for (stream, peer) in listener.into_pending() {
            if !shutdown.is_waker(peer) {
                dispatch(stream, peer);
            }
        }

        pool.close();
        shedder.close();
        if pool.wait(Deadline::after(drain)) > 0 {
            shutdown.abort_all();
            for client in pool.take_back() {
                shutdown.abort(client.stream);
            }
            // Reads and writes on aborted connections return at once, so the workers end soon. A
            // worker that sends a response delimited by the close, or is blocked elsewhere, ends
            // with the process.
            pool.wait(Deadline::after(Duration::from_secs(1)));
        }
        shedder.wait(Deadline::after(Duration::from_secs(1)));
        let aborted = shutdown.aborted();
        log_stderr(format_args!("stopped: {aborted} aborted, {:?}", pool.statistics()));
        Ok(aborted)
    }
}

impl Client {
    fn serve(self, handler: &dyn Handler, limits: &Limits, shutdown: &Arc<Shutdown>) {
        let peer = self.peer;
        let outcome = shutdown.register(&self.stream).and_then(|registration| {
            let connection = Connection::new(self.stream, peer, exchange::buffer_size(limits))?;
            exchange::serve(connection, handler, limits, &registration)
        });
        if let Err(error) = outcome {
            log_stderr(format_args!("{peer}: {error}"));
        }
    }

    fn reject(self, limits: &Limits) {
        let message = "all workers are busy and the queue is full; try again";
        let error = HttpError::new(Status::SERVICE_UNAVAILABLE, "overloaded", message);
        // An error means that the client cannot be reached, so nothing is left to do.
        let _ = Connection::new(self.stream, self.peer, exchange::buffer_size(limits))
            .and_then(|connection| exchange::reject(connection, &error, limits));
    }
}

/// A handle that stops a server and reads its statistics, from any thread.
#[derive(Debug, Clone)]
pub struct ServerHandle {
    address: SocketAddr,
    shared: Arc<ServerShared>,
}

impl ServerHandle {
    /// Returns the address that clients connect to.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Requests a shutdown and returns at once. A second call aborts the connections in progress.
    pub fn shutdown(&self) {
        self.shared.shutdown.request(self.address);
    }

    /// Returns the counters of the pool, or `None` before the server runs.
    pub fn statistics(&self) -> Option<Statistics> {
        self.shared.pool.get().map(ThreadPool::statistics)
    }
}
