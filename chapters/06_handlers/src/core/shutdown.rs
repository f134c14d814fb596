//! How a server ends: no new clients, time for those it has, and a deadline.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown as Direction, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use socket2::SockRef;

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
    /// The time for finishing is over: connections are cut off.
    severing: bool,
    /// Where the accept loop can be woken, from the request on.
    listen_addr: Option<SocketAddr>,
    /// The address of our own connection that woke the accept loop.
    waker: Option<SocketAddr>,
    /// Connections that have been cut off in the middle of something.
    aborted: usize,
    next_id: u64,
    connections: HashMap<u64, Open>,
}

#[derive(Debug)]
struct Open {
    stream: TcpStream,
    activity: Activity,
}

/// How far a connection is, as a stop sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Activity {
    /// The client has not begun, or what has arrived of its message is still in the kernel.
    Idle,
    /// A message is being read or answered.
    Busy,
    /// Everything has been sent, and only the close is left.
    Closing,
    /// It has been cut off.
    Aborted,
}

impl Open {
    /// Ends the reading direction of a client that has not begun: a thread that is blocked in recv on this socket
    /// gets end of file, and so does every later read that finds no bytes.
    ///
    /// This is for good. Of a client that has sent a part of its message the rest could be lost: a read that is ahead
    /// of it gets end of file. So what has arrived decides, and not only what a worker has seen of it.
    fn end_if_idle(&self) {
        if self.activity == Activity::Idle && !has_unread(&self.stream) {
            let _ = self.stream.shutdown(Direction::Read);
        }
    }

    /// Cuts the connection off. Returns whether that was in the middle of something.
    fn abort(&mut self) -> bool {
        let was_busy = match self.activity {
            Activity::Idle => has_unread(&self.stream),
            Activity::Busy => true,
            Activity::Closing | Activity::Aborted => false,
        };
        // FIN would make a response that ends with its connection look complete. That one is reset as soon as its
        // thread has noticed, or the process ends: see `Connection::reset_on_close`.
        let linger = SockRef::from(&self.stream).linger();
        let is_reset = matches!(linger, Ok(Some(Duration::ZERO)));
        let direction = if is_reset { Direction::Read } else { Direction::Both };
        let _ = self.stream.shutdown(direction);
        self.activity = Activity::Aborted;
        was_busy
    }
}

/// Whether bytes have arrived that no thread has read. Does not wait for them.
///
/// The non-blocking mode is one of the socket, so for a moment a worker's call on it does not wait either. Only a
/// worker that waits for an idle client's first byte can meet that: others are not looked at. It finds no byte and
/// closes, which is what a stop wants of it.
fn has_unread(stream: &TcpStream) -> bool {
    let peeked = stream.set_nonblocking(true).and_then(|()| stream.peek(&mut [0]));
    let _ = stream.set_nonblocking(false);
    peeked.is_ok_and(|count| count > 0)
}

impl Inner {
    /// A thread that sleeps in accept wakes up when a client connects. So one does. With a full backlog
    /// it fails and the loop is awake anyway; without a free file it fails too, and then this is tried
    /// again whenever a connection has given one back.
    fn wake(&mut self) {
        if let (Some(address), None) = (self.listen_addr, self.waker)
            && let Ok(waker) = TcpStream::connect_timeout(&address, Duration::from_secs(1))
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
    /// it reads the end of the stream and closes. Connections of which something has arrived go on.
    /// Asked a second time, it cuts those off as well: somebody is in a hurry.
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
        // The lock is held until the waker is known, so that the loop can always tell it from a client.
        inner.listen_addr = Some(reachable(address));
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
        let mut connection = Open { stream: stream.try_clone()?, activity: Activity::Idle };
        let mut inner = self.lock();
        let id = inner.next_id;
        inner.next_id += 1;
        if inner.severing {
            inner.aborted += usize::from(connection.abort());
        } else if inner.requested {
            connection.end_if_idle();
        }
        inner.connections.insert(id, connection);
        drop(inner);
        Ok(Registration { shutdown: Arc::clone(self), id })
    }

    /// Cuts off every connection that is still open, also those that are registered later. Returns how many have
    /// been cut off in the middle of something so far.
    pub fn abort_all(&self) -> usize {
        let mut inner = self.lock();
        inner.severing = true;
        let aborted: usize =
            inner.connections.values_mut().map(|connection| usize::from(connection.abort())).sum();
        inner.aborted += aborted;
        inner.aborted
    }

    /// Cuts off a client that no worker has come to, and counts it if it has sent something.
    pub fn abort(&self, stream: TcpStream) {
        let mut connection = Open { stream, activity: Activity::Idle };
        self.lock().aborted += usize::from(connection.abort());
    }

    /// How many connections have been cut off in the middle of something.
    pub fn aborted(&self) -> usize {
        self.lock().aborted
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
    /// The connection is in the middle of something and shall be left to finish it. To be called before the first
    /// byte of that is read: see [`Connection::wait`](super::Connection::wait).
    pub fn busy(&self) {
        self.enter(Activity::Busy);
    }

    /// The connection waits for its client to begin, and may be ended at once.
    pub fn idle(&self) {
        self.enter(Activity::Idle);
    }

    /// The connection has sent everything, so to cut it off takes nothing from its client.
    pub fn closing(&self) {
        self.enter(Activity::Closing);
    }

    /// Whether the server has been asked to stop, so that this connection should not go on for long.
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
            // Under the same lock as `request`: either that sees us idle, or we see it requested.
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

    /// Sends `text` and waits until it has arrived.
    fn send(client: &mut TcpStream, server: &TcpStream, text: &str) {
        client.write_all(text.as_bytes()).unwrap();
        server.peek(&mut [0]).unwrap();
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

    /// It once could not: all that was asked was whether a worker had called it busy.
    #[test]
    fn a_client_whose_first_bytes_nobody_has_read_yet_can_send_the_rest() {
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
        // It has sent the next message while the last one was answered.
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
    fn severing_ends_both_directions_and_counts() {
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
    fn only_what_is_cut_off_in_the_middle_of_something_is_counted() {
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
        // Workers that come to their clients a moment later cut them off, too.
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
