//! How a server ends: no new clients, time for those it has, and a deadline.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown as Direction, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The wish to stop, and all connections that have to hear of it.
///
/// One value is shared by the accept loop, by every connection and by whoever may ask for the end.
#[derive(Debug, Default)]
pub struct Shutdown {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    requested: bool,
    /// Where the accept loop can be woken, from the request on.
    door: Option<SocketAddr>,
    /// The address of our own connection that woke the accept loop.
    waker: Option<SocketAddr>,
    /// Connections that have been cut off.
    severed: usize,
    next_id: u64,
    connections: HashMap<u64, Open>,
}

#[derive(Debug)]
struct Open {
    stream: TcpStream,
    idle: bool,
    severed: bool,
}

impl Inner {
    /// A thread that sleeps in accept wakes up when a client connects. So one does. With a full backlog
    /// it fails and the loop is awake anyway; without a free file it fails too, and then this is tried
    /// again whenever a connection has given one back.
    fn wake(&mut self) {
        if let (Some(door), None) = (self.door, self.waker)
            && let Ok(waker) = TcpStream::connect_timeout(&door, Duration::from_secs(1))
        {
            self.waker = waker.local_addr().ok();
        }
    }
}

impl Shutdown {
    /// Whether the server has been asked to stop.
    pub fn is_requested(&self) -> bool {
        self.lock().requested
    }

    /// Asks the server that listens on `address` to stop. Can be called from any thread.
    ///
    /// The accept loop is woken, and so is every connection that waits for its client to begin:
    /// it reads the end of the stream and closes. Connections in the middle of something go on.
    /// Asked a second time, it cuts those off as well: somebody is in a hurry.
    pub fn request(&self, address: SocketAddr) {
        let mut inner = self.lock();
        if inner.requested {
            inner.wake();
            drop(inner);
            self.sever_all();
            return;
        }
        inner.requested = true;
        for connection in inner.connections.values().filter(|connection| connection.idle) {
            // Whoever is blocked in recv on this socket gets end of file now.
            let _ = connection.stream.shutdown(Direction::Read);
        }
        // The lock is held until the waker is known, so that the loop can always tell it from a client.
        inner.door = Some(reachable(address));
        inner.wake();
    }

    /// Whether this peer is our own wake-up call and not a client.
    pub fn is_waker(&self, peer: SocketAddr) -> bool {
        self.lock().waker == Some(peer)
    }

    /// Enters a connection in the list of those to be told, as idle. It leaves the list when the
    /// returned value is dropped.
    ///
    /// # Errors
    /// When the socket cannot be duplicated: no more open files.
    pub fn register(self: &Arc<Self>, stream: &TcpStream) -> io::Result<Registration> {
        let stream = stream.try_clone()?;
        let mut inner = self.lock();
        let id = inner.next_id;
        inner.next_id += 1;
        if inner.requested {
            let _ = stream.shutdown(Direction::Read);
        }
        inner.connections.insert(id, Open { stream, idle: true, severed: false });
        drop(inner);
        Ok(Registration { shutdown: Arc::clone(self), id })
    }

    /// Cuts off every connection that is still open, and returns how many have been cut off so far.
    pub fn sever_all(&self) -> usize {
        let mut inner = self.lock();
        let mut severed = 0;
        for connection in inner.connections.values_mut().filter(|connection| !connection.severed) {
            let _ = connection.stream.shutdown(Direction::Both);
            connection.severed = true;
            severed += 1;
        }
        inner.severed += severed;
        inner.severed
    }

    /// How many connections have been cut off.
    pub fn severed(&self) -> usize {
        self.lock().severed
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's entry in the list of those to be told.
#[derive(Debug)]
pub struct Registration {
    shutdown: Arc<Shutdown>,
    id: u64,
}

impl Registration {
    /// The connection is in the middle of something and shall be left to finish it.
    pub fn busy(&self) {
        self.set_idle(false);
    }

    /// The connection waits for its client to begin, and may be ended at once.
    pub fn idle(&self) {
        self.set_idle(true);
    }

    /// Whether the server has been asked to stop, so that this connection should not go on for long.
    pub fn must_end(&self) -> bool {
        self.shutdown.is_requested()
    }

    fn set_idle(&self, idle: bool) {
        let mut inner = self.shutdown.lock();
        let requested = inner.requested;
        if let Some(connection) = inner.connections.get_mut(&self.id) {
            connection.idle = idle;
            // Under the same lock as `request`: either that sees us idle, or we see it requested.
            if idle && requested {
                let _ = connection.stream.shutdown(Direction::Read);
            }
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut inner = self.shutdown.lock();
        inner.connections.remove(&self.id);
        inner.wake();
    }
}

/// An address under which a server can be reached from its own machine: one that listens on all
/// addresses (`0.0.0.0`, `[::]`) is reached on the loopback one.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::core::Listener;
    use std::io::{Read, Write};

    fn pair(listener: &Listener) -> (TcpStream, TcpStream) {
        let client = TcpStream::connect(listener.local_addr()).unwrap();
        (client, listener.accept().unwrap().0)
    }

    #[test]
    fn a_request_wakes_the_accept_loop_and_can_be_told_from_a_client() {
        let listener = Listener::bind("0.0.0.0:0".parse().unwrap()).unwrap();
        let shutdown = Shutdown::default();
        shutdown.request(listener.local_addr());
        let (_stream, peer) = listener.accept().unwrap();
        assert!(shutdown.is_requested() && shutdown.is_waker(peer));
        assert!(!shutdown.is_waker("127.0.0.1:1".parse().unwrap()));
    }

    #[test]
    fn idle_connections_read_the_end_and_busy_ones_go_on() {
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let shutdown = Arc::new(Shutdown::default());
        let (_idle_client, mut idle) = pair(&listener);
        let (mut busy_client, mut busy) = pair(&listener);
        let _idle_entry = shutdown.register(&idle).unwrap();
        let busy_entry = shutdown.register(&busy).unwrap();
        busy_entry.busy();
        shutdown.request(listener.local_addr());
        assert_eq!(idle.read(&mut [0; 8]).unwrap(), 0);
        busy_client.write_all(b"more").unwrap();
        assert_eq!(busy.read(&mut [0; 8]).unwrap(), 4);
        // Once it has finished and would wait for more, it ends as well.
        busy_entry.idle();
        assert_eq!(busy.read(&mut [0; 8]).unwrap(), 0);
    }

    #[test]
    fn who_registers_after_the_request_is_told_at_once() {
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let shutdown = Arc::new(Shutdown::default());
        let (_client, mut late) = pair(&listener);
        shutdown.request(listener.local_addr());
        let _entry = shutdown.register(&late).unwrap();
        assert_eq!(late.read(&mut [0; 8]).unwrap(), 0);
    }

    #[test]
    fn severing_ends_both_directions_and_counts() {
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let shutdown = Arc::new(Shutdown::default());
        let (mut client, stream) = pair(&listener);
        let entry = shutdown.register(&stream).unwrap();
        entry.busy();
        assert_eq!(shutdown.sever_all(), 1);
        assert_eq!(client.read(&mut [0; 8]).unwrap(), 0);
        assert_eq!((shutdown.sever_all(), shutdown.severed()), (1, 1)); // counted once
        drop(entry);
    }
}
