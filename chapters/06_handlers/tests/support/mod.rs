//! A server inside the test, for cases that the program's own settings do not allow: short deadlines, few workers, a
//! handler that misbehaves.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use ch06_handlers::core::thread_pool::Statistics;
use ch06_handlers::http::Handler;
use ch06_handlers::{Server, ServerHandle};
use wire::Client;

/// Far longer than anything here takes.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// A server that runs in a separate thread.
pub(crate) struct Running {
    handle: ServerHandle,
    ended: mpsc::Receiver<usize>,
    thread: JoinHandle<()>,
}

impl Running {
    /// Starts a server on a free port, with the settings that `set` changes.
    pub(crate) fn start(set: impl FnOnce(Server) -> Server, handler: impl Handler) -> Running {
        let server = set(Server::bind("127.0.0.1:0".parse().unwrap()).unwrap());
        let handle = server.handle();
        let (sender, ended) = mpsc::channel();
        let run = move || sender.send(server.run(handler).unwrap()).unwrap();
        let thread = Builder::new().name("server".to_string()).spawn(run).unwrap();
        Running { handle, ended, thread }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.handle.local_addr()
    }

    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.addr()).unwrap().with_patience(LONG)
    }

    /// Waits until `wanted` is true of the pool.
    pub(crate) fn wait_until(&self, what: &str, wanted: impl Fn(&Statistics) -> bool) {
        let deadline = Instant::now() + LONG;
        while !self.handle.statistics().is_some_and(|pool| wanted(&pool)) {
            assert!(Instant::now() < deadline, "waited for {what}: {:?}", self.handle.statistics());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Requests a shutdown, and returns at once.
    pub(crate) fn shutdown(&self) {
        self.handle.shutdown();
    }

    /// Stops the server, and returns the number of aborted connections.
    pub(crate) fn stop(self) -> usize {
        self.shutdown();
        self.end()
    }

    /// Waits for the end of a server that has been asked to stop, and returns the number of aborted connections.
    pub(crate) fn end(self) -> usize {
        let aborted = self.ended.recv_timeout(LONG).expect("a server that is stopped ends");
        self.thread.join().unwrap();
        aborted
    }
}
