//! Graceful shutdown: the server accepts no new clients, and gives the current ones until a
//! deadline to finish.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown as Direction, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use socket2::SockRef;

/// The shutdown request, and the connections that it applies to.
///
/// The accept loop, every connection, and every handle that can stop the server share one value of
/// this type.
#[derive(Debug, Default)]
pub struct Shutdown {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    requested: bool,
    /// Whether connections are aborted, because the drain time is over or a second shutdown was
    /// requested.
    aborting: bool,
    /// The address to which `wake` connects, set by the shutdown request.
    listen_addr: Option<SocketAddr>,
    /// The local address of the connection that woke the accept loop.
    waker: Option<SocketAddr>,
    /// The number of connections that were aborted before they had finished.
    aborted: usize,
    next_id: u64,
    connections: HashMap<u64, Open>,
}

#[derive(Debug)]
struct Open {
    stream: TcpStream,
    activity: Activity,
}

/// The activity of a connection, which determines what a shutdown does with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Activity {
    /// The connection waits for a message, of which no thread has read a byte. Bytes may be in the
    /// receive buffer.
    Idle,
    /// A message is being read, or its response is being sent.
    Busy,
    /// Everything has been sent, and only the close remains.
    Closing,
    /// The connection was aborted.
    Aborted,
}

impl Open {
    /// Shuts down the receiving direction of an idle connection. A thread that is blocked in
    /// recv(2) on this socket then gets end of file, and so does every later read once the receive
    /// buffer is empty.
    ///
    /// This cannot be undone, and it could lose data: if a client has sent half of a message, a
    /// read before the other half arrives would get end of file. So a connection with bytes in its
    /// receive buffer does not count as idle, even if no worker has read them.
    fn end_if_idle(&self) {
        if self.activity == Activity::Idle && !has_unread(&self.stream) {
            let _ = self.stream.shutdown(Direction::Read);
        }
    }

    /// Aborts the connection, and returns whether it was busy.
    fn abort(&mut self) -> bool {
        let was_busy = match self.activity {
            Activity::Idle => has_unread(&self.stream),
            Activity::Busy => true,
            Activity::Closing | Activity::Aborted => false,
        };
        // A FIN would make a response that is delimited by the close look complete. Such a
        // connection is reset instead, when its thread closes the socket or when the process ends.
        // See `Connection::reset_on_close`.
        let linger = SockRef::from(&self.stream).linger();
        let is_reset = matches!(linger, Ok(Some(Duration::ZERO)));
        let direction = if is_reset { Direction::Read } else { Direction::Both };
        let _ = self.stream.shutdown(direction);
        self.activity = Activity::Aborted;
        was_busy
    }
}

/// Returns whether the kernel holds bytes that no thread has read. It does not wait.
///
/// Non-blocking mode applies to the whole socket, so for a moment a worker's recv(2) on it does not
/// block either. Only idle connections are checked, so this affects only a worker that waits for a
/// first byte. That worker closes the connection, which is right during a shutdown.
fn has_unread(stream: &TcpStream) -> bool {
    let peeked = stream.set_nonblocking(true).and_then(|()| stream.peek(&mut [0]));
    let _ = stream.set_nonblocking(false);
    peeked.is_ok_and(|count| count > 0)
}

impl Inner {
    /// Wakes the accept loop, which is blocked in accept(2), by connecting to the listening socket.
    /// If the backlog is full, the attempt fails, but then the loop is not blocked. The attempt
    /// also fails without a free file descriptor, so `wake` runs again whenever a connection has
    /// closed.
    fn wake(&mut self) {
        if let (Some(address), None) = (self.listen_addr, self.waker)
            && let Ok(waker) = TcpStream::connect_timeout(&address, Duration::from_secs(1))
        {
            self.waker = waker.local_addr().ok();
        }
    }
}

impl Shutdown {
    /// Returns whether a shutdown has been requested.
    pub fn is_requested(&self) -> bool {
        self.lock().requested
    }

    /// Requests a shutdown of the server that listens on `address`. It can be called from any
    /// thread.
    ///
    /// The request wakes the accept loop and ends the idle connections: their threads read the end
    /// of the stream. Busy connections continue. A second request aborts them as well, because it
    /// means that the operator does not want to wait.
    pub fn request(&self, address: SocketAddr) {
        let mut inner = self.lock();
        if inner.requested {
            inner.wake();
            drop(inner);
            self.abort_all();
            return;
        }
        inner.requested = true;
        for connection in inner.connections.values() {
            connection.end_if_idle();
        }
        // The lock is held until the waker's address is stored, so that the loop can distinguish
        // the waker from a client.
        inner.listen_addr = Some(reachable(address));
        inner.wake();
    }

    /// Returns whether `peer` is the address of the wake-up connection and not of a client.
    pub fn is_waker(&self, peer: SocketAddr) -> bool {
        self.lock().waker == Some(peer)
    }

    /// Registers a connection, as idle. Dropping the returned value removes it.
    ///
    /// # Errors
    /// Returns an error when the socket cannot be duplicated because no file descriptor is free.
    pub fn register(self: &Arc<Self>, stream: &TcpStream) -> io::Result<Registration> {
        let mut connection = Open { stream: stream.try_clone()?, activity: Activity::Idle };
        let mut inner = self.lock();
        let id = inner.next_id;
        inner.next_id += 1;
        if inner.aborting {
            inner.aborted += usize::from(connection.abort());
        } else if inner.requested {
            connection.end_if_idle();
        }
        inner.connections.insert(id, connection);
        drop(inner);
        Ok(Registration { shutdown: Arc::clone(self), id })
    }

    /// Aborts every open connection, and every connection that is registered later. Returns the
    /// number of busy connections that have been aborted so far.
    pub fn abort_all(&self) -> usize {
        let mut inner = self.lock();
        inner.aborting = true;
        let aborted: usize =
            inner.connections.values_mut().map(|connection| usize::from(connection.abort())).sum();
        inner.aborted += aborted;
        inner.aborted
    }

    /// Aborts a client that no worker has served yet, and counts it if it has sent something.
    pub fn abort(&self, stream: TcpStream) {
        let mut connection = Open { stream, activity: Activity::Idle };
        self.lock().aborted += usize::from(connection.abort());
    }

    /// Returns the number of busy connections that have been aborted.
    pub fn aborted(&self) -> usize {
        self.lock().aborted
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The registration of a connection with a [`Shutdown`]. It ends when this value is dropped.
#[derive(Debug)]
pub struct Registration {
    shutdown: Arc<Shutdown>,
    id: u64,
}

impl Registration {
    /// Marks the connection as busy, so that a shutdown lets it finish. The caller must do this
    /// before it reads the first byte of the message, see
    /// [`Connection::wait`](super::Connection::wait).
    pub fn busy(&self) {
        self.enter(Activity::Busy);
    }

    /// Marks the connection as waiting for a message, so that a shutdown may end it at once.
    pub fn idle(&self) {
        self.enter(Activity::Idle);
    }

    /// Marks the connection as finished: everything is sent, so aborting it loses nothing.
    pub fn closing(&self) {
        self.enter(Activity::Closing);
    }

    /// Returns whether a shutdown has been requested, in which case this connection should end
    /// soon.
    pub fn must_end(&self) -> bool {
        self.shutdown.is_requested()
    }

    fn enter(&self, activity: Activity) {
        let mut inner = self.shutdown.lock();
        let requested = inner.requested;
        if let Some(connection) = inner.connections.get_mut(&self.id)
            && connection.activity != Activity::Aborted
        {
            connection.activity = activity;
            // `Shutdown::request` takes the same lock: either it finds this connection idle, or its
            // request is visible here.
            if requested {
                connection.end_if_idle();
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

/// Returns an address at which a server can be reached from its own machine: the loopback address
/// for a server that listens on a wildcard address (`0.0.0.0`, `[::]`).
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
    fn a_request_wakes_the_accept_loop_by_a_connection_that_is_no_client() {
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
        // A busy connection ends when it becomes idle, because it would otherwise wait for the next
        // message.
        busy_entry.idle();
        assert_eq!(busy.read(&mut [0; 8]).unwrap(), 0);
    }

    /// Sends `text` and waits until its first byte has arrived.
    fn send(client: &mut TcpStream, server: &TcpStream, text: &str) {
        client.write_all(text.as_bytes()).unwrap();
        server.peek(&mut [0]).unwrap();
    }

    #[test]
    fn a_connection_registered_after_the_request_ends_at_once() {
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let shutdown = Arc::new(Shutdown::default());
        let (_client, mut late) = pair(&listener);
        shutdown.request(listener.local_addr());
        let _entry = shutdown.register(&late).unwrap();
        assert_eq!(late.read(&mut [0; 8]).unwrap(), 0);
    }

    /// Regression test: a shutdown checked only whether a worker had marked the connection as busy,
    /// and ended a connection with unread bytes.
    #[test]
    fn a_client_whose_first_bytes_are_unread_can_send_the_rest() {
        type Arrival = fn(&Arc<Shutdown>, &TcpStream, SocketAddr) -> Registration;
        let registered_first: Arrival = |shutdown, stream, address| {
            let entry = shutdown.register(stream).unwrap();
            shutdown.request(address);
            entry
        };
        let requested_first: Arrival = |shutdown, stream, address| {
            shutdown.request(address);
            shutdown.register(stream).unwrap()
        };
        // Here the client sent its next message while the server was sending the previous response.
        let idle_again: Arrival = |shutdown, stream, address| {
            let entry = shutdown.register(stream).unwrap();
            entry.busy();
            shutdown.request(address);
            entry.idle();
            entry
        };
        for arrive in [registered_first, requested_first, idle_again] {
            let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
            let (mut client, mut stream) = pair(&listener);
            send(&mut client, &stream, "one");
            let shutdown = Arc::new(Shutdown::default());
            let entry = arrive(&shutdown, &stream, listener.local_addr());
            entry.busy();
            stream.read_exact(&mut [0; 3]).unwrap();
            client.write_all(b"two").unwrap();
            stream.read_exact(&mut [0; 3]).unwrap();
        }
    }

    #[test]
    fn aborting_ends_both_directions_and_counts() {
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let shutdown = Arc::new(Shutdown::default());
        let (mut client, stream) = pair(&listener);
        let entry = shutdown.register(&stream).unwrap();
        entry.busy();
        assert_eq!(shutdown.abort_all(), 1);
        assert_eq!(client.read(&mut [0; 8]).unwrap(), 0);
        assert_eq!((shutdown.abort_all(), shutdown.aborted()), (1, 1)); // counted once
        drop(entry);
    }

    #[test]
    fn only_busy_connections_count_as_aborted() {
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let shutdown = Arc::new(Shutdown::default());
        let pairs = [(); 6].map(|()| pair(&listener));
        let [idle, mut begun, closing, late, mut late_begun, mut queued] = pairs;
        let _idle = shutdown.register(&idle.1).unwrap();
        let _begun = shutdown.register(&begun.1).unwrap();
        send(&mut begun.0, &begun.1, "first half");
        let closing_entry = shutdown.register(&closing.1).unwrap();
        closing_entry.closing();
        assert_eq!(shutdown.abort_all(), 1);
        // Connections that are registered after the abort are aborted, too.
        let _late = shutdown.register(&late.1).unwrap();
        assert_eq!(shutdown.aborted(), 1);
        send(&mut late_begun.0, &late_begun.1, "first half");
        shutdown.register(&late_begun.1).unwrap().busy();
        assert_eq!(shutdown.aborted(), 2);
        send(&mut queued.0, &queued.1, "first half");
        shutdown.abort(queued.1);
        assert_eq!(shutdown.abort_all(), 3);
    }
}
