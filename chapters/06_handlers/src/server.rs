//! The server: a listener, a pool of workers, and what happens with each client.

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

/// Four clients at a time, and sixty-four that wait.
const WORKERS: PoolConfig = PoolConfig { workers: 4, queue: 64 };

/// One thread that tells clients that there is no room, so that accepting never waits for them.
const REFUSERS: PoolConfig = PoolConfig { workers: 1, queue: 64 };

/// How long a stopping server waits for the transfers that are under way.
const DRAIN: Duration = Duration::from_secs(10);

/// A server that is bound to its address and not yet running.
#[derive(Debug)]
pub struct Server {
    listener: Listener,
    limits: Limits,
    workers: PoolConfig,
    drain: Duration,
    shared: Arc<ServerShared>,
}

/// What the server, its connections and its handles all look at.
#[derive(Debug, Default)]
struct ServerShared {
    shutdown: Arc<Shutdown>,
    pool: OnceLock<ThreadPool<Client>>,
}

/// An accepted client: the task that waits in the queue.
#[derive(Debug)]
struct Client {
    stream: TcpStream,
    peer: SocketAddr,
}

impl Server {
    /// Binds a server to `address`. Clients can connect from now on; they are served by [`Server::run`].
    ///
    /// # Errors
    /// [`BindError`] when the address cannot be had.
    pub fn bind(address: SocketAddr) -> Result<Server, BindError> {
        Ok(Server {
            listener: Listener::bind(address)?,
            limits: Limits::default(),
            workers: WORKERS,
            drain: DRAIN,
            shared: Arc::default(),
        })
    }

    /// Serves with other limits than the default ones.
    pub fn with_limits(self, limits: Limits) -> Server {
        Server { limits, ..self }
    }

    /// Serves with another number of workers, or of clients that may wait for one.
    pub fn with_workers(self, workers: PoolConfig) -> Server {
        Server { workers, ..self }
    }

    /// Waits for `drain` when stopping, not for ten seconds.
    pub fn with_drain(self, drain: Duration) -> Server {
        Server { drain, ..self }
    }

    /// The address that clients can reach.
    pub fn local_addr(&self) -> SocketAddr {
        self.listener.local_addr()
    }

    /// A handle that can stop the server from another thread, or from a signal.
    pub fn handle(&self) -> ServerHandle {
        ServerHandle { address: self.local_addr(), shared: Arc::clone(&self.shared) }
    }

    /// Lets `handler` answer the requests of all clients until a handle asks the server to stop, then
    /// waits for those under way.
    ///
    /// Returns the number of connections that were cut off because they had not finished in time, or because
    /// a handle was in a hurry. A client that has sent nothing loses nothing, and is not counted.
    ///
    /// # Errors
    /// When no threads can be had, or the listening socket can no longer be used. What goes wrong with
    /// one client is told on standard error and ends only that client.
    pub fn run(self, handler: impl Handler) -> io::Result<usize> {
        let Server { listener, limits, workers, drain, shared } = self;
        let shutdown = Arc::clone(&shared.shutdown);
        let work = {
            let (shutdown, limits) = (Arc::clone(&shutdown), limits.clone());
            move |client: Client| client.serve(&handler, &limits, &shutdown)
        };
        let refusers = ThreadPool::start("refuser", REFUSERS, move |client: Client| {
            client.refuse(&limits);
        })?;
        let started = ThreadPool::start("worker", workers, work)?;
        let pool = shared.pool.get_or_init(|| started);

        let take_in = |stream, peer| {
            if let Err(Rejected::Full(client) | Rejected::Closed(client)) =
                pool.submit(Client { stream, peer })
            {
                // Should even the refusers have no room, the client is dropped without a word.
                let _ = refusers.submit(client);
            }
        };
        while !shutdown.is_requested() {
            let (stream, peer) = listener.accept()?;
            if !shutdown.is_waker(peer) {
                take_in(stream, peer);
            }
        }
        // Who has connected before we stop is a client of ours; who comes now is turned away by the kernel.
        for (stream, peer) in listener.into_pending() {
            if !shutdown.is_waker(peer) {
                take_in(stream, peer);
            }
        }

        pool.close();
        refusers.close();
        if pool.wait(Deadline::after(drain)) > 0 {
            shutdown.abort_all();
            for client in pool.take_back() {
                shutdown.abort(client.stream);
            }
            // Reads of severed connections return at once, and so do writes, so the workers end now. One that sends a
            // response whose end is the connection's, or is stuck in something else, is left behind: the end of
            // the process will end it.
            pool.wait(Deadline::after(Duration::from_secs(1)));
        }
        refusers.wait(Deadline::after(Duration::from_secs(1)));
        let aborted = shutdown.aborted();
        log_stderr(format_args!("stopped: {aborted} cut off, {:?}", pool.statistics()));
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

    fn refuse(self, limits: &Limits) {
        let message = "all workers are busy and the queue is full; try again";
        let error = HttpError::new(Status::SERVICE_UNAVAILABLE, "overloaded", message);
        // The client may be gone already, and then nobody needs to be told.
        let _ = Connection::new(self.stream, self.peer, exchange::buffer_size(limits))
            .and_then(|connection| exchange::refuse(connection, &error, limits));
    }
}

/// Stops a server and looks at it, from any thread.
#[derive(Debug, Clone)]
pub struct ServerHandle {
    address: SocketAddr,
    shared: Arc<ServerShared>,
}

impl ServerHandle {
    /// The address that clients can reach.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Asks the server to stop and returns at once. Asked again, it cuts off what is still under way.
    pub fn shutdown(&self) {
        self.shared.shutdown.request(self.address);
    }

    /// Whether the server has been asked to stop. It still answers those who are there.
    pub fn is_stopping(&self) -> bool {
        self.shared.shutdown.is_requested()
    }

    /// What the pool is doing and has done; `None` before the server runs.
    pub fn statistics(&self) -> Option<Statistics> {
        self.shared.pool.get().map(ThreadPool::statistics)
    }
}
