//! The handle of a server, and the state that it shares with the server.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::rejections::Rejections;
use crate::core::sync::lock;
use crate::core::{MemoryBudget, UploadSlots};

/// The state that the server and its handles share.
#[derive(Debug, Default)]
pub(super) struct ServerShared {
    /// The number of shutdown requests so far. The second request ends the wait for connections.
    asked: Mutex<usize>,
    changed: Condvar,
    /// Whether a shutdown has been requested. From then on, every response is the last one on its
    /// connection.
    pub(super) is_stopping: AtomicBool,
    pub(super) counters: Counters,
    pub(super) memory: MemoryBudget,
    pub(super) uploads: UploadSlots,
    pub(super) rejections: Rejections,
}

/// The server's counters, which all threads share.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) connections: AtomicU64,
    pub(super) open: AtomicUsize,
    pub(super) rejected: AtomicU64,
    pub(super) timed_out: AtomicU64,
}

/// The current state of a server, and its counters so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statistics {
    /// The number of connections that are open.
    pub open: usize,
    /// The number of connections that have been accepted.
    pub accepted: u64,
    /// The number of connections that were rejected because a limit on connections was reached.
    pub rejected: u64,
    /// The number of connections that a deadline has ended.
    pub timed_out: u64,
}

impl ServerShared {
    /// Waits until shutdown has been requested `times` times, for at most `time`. Returns whether
    /// it has.
    pub(super) fn wait_until_asked(&self, times: usize, time: Duration) -> bool {
        let asked = lock(&self.asked);
        let waited = self.changed.wait_timeout_while(asked, time, |asked| *asked < times);
        *waited.unwrap_or_else(PoisonError::into_inner).0 >= times
    }

    pub(super) fn statistics(&self) -> Statistics {
        let Counters { connections, open, rejected, timed_out } = &self.counters;
        Statistics {
            open: open.load(Ordering::Relaxed),
            accepted: connections.load(Ordering::Relaxed),
            rejected: rejected.load(Ordering::Relaxed),
            timed_out: timed_out.load(Ordering::Relaxed),
        }
    }
}

/// A handle that stops a server and reads its statistics, from any thread.
#[derive(Debug, Clone)]
pub struct ServerHandle {
    pub(super) address: SocketAddr,
    pub(super) shared: Arc<ServerShared>,
}

impl ServerHandle {
    /// Returns the address that clients connect to.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Requests a shutdown and returns at once. A second call ends the wait for requests in
    /// progress and aborts them.
    pub fn shutdown(&self) {
        let mut asked = lock(&self.shared.asked);
        self.shared.is_stopping.store(true, Ordering::Release);
        *asked += 1;
        self.shared.changed.notify_all();
    }

    /// Returns whether a shutdown has been requested. Connections in progress are still served.
    pub fn is_stopping(&self) -> bool {
        self.shared.is_stopping.load(Ordering::Acquire)
    }

    /// Returns the memory budget, which counts the bytes held for clients.
    pub fn memory(&self) -> &MemoryBudget {
        &self.shared.memory
    }

    /// Returns the upload slots, all of which are available to the clients of the running server.
    pub fn uploads(&self) -> &UploadSlots {
        &self.shared.uploads
    }

    /// Returns the number of requests and connections that the server itself has rejected, by
    /// reason, in alphabetical order.
    pub fn rejections(&self) -> Vec<(&'static str, u64)> {
        self.shared.rejections.by_reason()
    }

    /// Returns the current state of the server, and its counters so far.
    pub fn statistics(&self) -> Statistics {
        self.shared.statistics()
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_spurious_wake_up_does_not_end_a_wait() {
        let shared = ServerShared::default();
        let is_over = AtomicBool::new(false);
        let (begun, time) = (Instant::now(), Duration::from_millis(50));
        thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::Acquire) {
                    shared.changed.notify_all();
                    thread::yield_now();
                }
            });
            assert!(!shared.wait_until_asked(1, time));
            is_over.store(true, Ordering::Release);
        });
        assert!(begun.elapsed() >= time);
    }
}
