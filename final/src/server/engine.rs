//! The engine: a table of connections, and the work that a thread does when one of them is ready.
//!
//! A connection is either parked in its slot of the table, or one thread has taken it out and runs
//! a step of it. While it is outside the table, it is in a
//! [`ConnectionGuard`](super::connection_guard::ConnectionGuard), so that no path, not even a panic,
//! loses the slot.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::client::Client;
use super::connection_limits::ConnectionLimits;
use super::handle::ServerShared;
use crate::core::admission::Admission;
use crate::core::stderr::log_stderr;
use crate::core::sync::lock;
use crate::core::worker_pool::Work;
use crate::core::{ConnectionTable, Interest, Listener, Poll, Poller, Token};
use crate::http::exchange::Scratch;
use crate::http::limits::Limits;
use crate::http::path_prefix::PathPrefix;
use crate::http::rejection::Rejection;
use crate::http::{Handler, TrustedProxies};

/// The token of the listening socket in the poller. No slot of the connection table has this token.
pub(super) const LISTENER: Token = Token(u64::MAX - 1);

/// The state that all threads share.
pub(super) struct Engine {
    pub(super) handler: Box<dyn Handler>,
    pub(super) limits: Limits,
    pub(super) clients: ConnectionLimits,
    pub(super) proxies: TrustedProxies,
    pub(super) always: Vec<PathPrefix>,
    pub(super) poller: Arc<Poller>,
    pub(super) connections: ConnectionTable<Box<Client>>,
    pub(super) listener: Mutex<Option<Listener>>,
    /// The time before which no client is accepted, because the process has run out of descriptors
    /// or memory.
    pub(super) backoff_until: Mutex<Option<Instant>>,
    /// An open file that is closed in order to reject one client when no other descriptor is left.
    pub(super) spare_fd: Mutex<Option<File>>,
    /// The number of connections of each address or network that has a limit.
    pub(super) by_address: Mutex<HashMap<IpAddr, u32>>,
    /// Whether a connection ends when its step finds no request. It is true once the graceful
    /// shutdown has begun.
    pub(super) closes_idle: AtomicBool,
    /// The connections that wait for an upload slot, the longest wait first. An entry may be stale
    /// if its connection has ended.
    pub(super) queue: Mutex<VecDeque<(Token, IpAddr)>>,
    pub(super) shared: Arc<ServerShared>,
}

impl Work for Engine {
    type Scratch = Scratch;

    fn ready(&self, token: Token, scratch: &mut Scratch, admission: Admission) {
        if token == LISTENER {
            self.accept(scratch, admission);
        } else if let Some(client) = self.connections.take(token) {
            self.guard(token, client).step(scratch, admission);
        }
        // If there is no connection to take, it has ended since the poller reported it, or another
        // thread owns it and runs a step for the pending wake-up.
    }

    fn rearm(&self, token: Token) {
        if token == LISTENER {
            self.arm_listener();
            return;
        }
        // A stale token matches no connection.
        self.connections.with(token, |client| {
            let interest = client.listed.unwrap_or(Interest::Read);
            let armed = self.poller.arm(client.connection.stream(), token, interest);
            if let Err(error) = armed {
                log_stderr(format_args!("{}: {error}", client.connection.peer()));
            }
        });
    }

    fn tick(&self, now: Instant) {
        self.shared.rejections.tick(now).into_iter().for_each(log_stderr);
        while let Some((token, client)) = self.connections.take_expired(now) {
            self.time_out(token, client);
        }
        self.wake_uploads();
        let mut backoff_until = lock(&self.backoff_until);
        if backoff_until.is_some_and(|time| time <= now) {
            *backoff_until = None;
            drop(backoff_until);
            self.arm_listener();
        }
    }

    fn open_connections(&self) -> usize {
        self.shared.counters.open.load(Ordering::Relaxed)
    }
}

impl Engine {
    /// Gives each free slot to the upload that has waited longest, except uploads whose address has
    /// its share already, and wakes that connection: its socket is writable, so the poller reports
    /// it. An entry whose connection has ended is dropped.
    fn wake_uploads(&self) {
        if self.shared.uploads.free() == 0 {
            return;
        }
        let mut queue = lock(&self.queue);
        let mut woken = Vec::new();
        queue.retain(|&(token, address)| {
            if !self.connections.is_current(token) {
                return false;
            }
            let Some(slot) = self.shared.uploads.take_for_queued(address) else { return true };
            // If the connection is not in the table, a thread owns it, and may be about to park it.
            let Some(mut client) = self.connections.take(token) else { return true };
            client.exchange.leave_queue(slot);
            woken.push(self.guard(token, client));
            false
        });
        self.shared.uploads.set_queued(queue.len());
        drop(queue);
        for mut guard in woken {
            guard.park(Interest::Write, Instant::now() + self.limits.write_time, false);
        }
    }

    /// Ends the wait of a connection whose deadline has passed.
    pub(super) fn time_out(&self, token: Token, client: Box<Client>) {
        self.shared.counters.timed_out.fetch_add(1, Ordering::Relaxed);
        let mut guard = self.guard(token, client);
        let Some(client) = &mut guard.client else { return };
        let has_response = client.exchange.time_out();
        self.record_rejections(client);
        if has_response {
            // The socket is usually writable, so the poller reports it at once, and a thread sends
            // the response.
            guard.park(Interest::Write, Instant::now() + self.limits.write_time, false);
        }
    }

    /// Counts and logs the rejections of the exchange in this step.
    pub(super) fn record_rejections(&self, client: &mut Client) {
        for rejection in client.exchange.take_rejections() {
            self.record_rejection(client.connection.peer(), &rejection);
        }
    }

    pub(super) fn record_rejection(&self, peer: SocketAddr, rejection: &Rejection) {
        let lines = self.shared.rejections.record(peer, rejection, Instant::now());
        lines.into_iter().flatten().for_each(log_stderr);
    }

    /// Ends the idle connections, except new ones: see
    /// [`FIRST_REQUEST`](super::client::FIRST_REQUEST). An unread request may have arrived, so each
    /// connection gets one more step: its socket is writable, and a step that finds no request is
    /// the last one.
    pub(super) fn end_idle(&self) {
        for (token, client) in self.connections.take_all(|client| client.may_be_closed()) {
            let deadline = Instant::now() + self.limits.idle_time;
            self.guard(token, client).park(Interest::Write, deadline, false);
        }
    }

    /// Aborts all parked connections, and returns how many of them had a request in progress.
    pub(super) fn abort_all(&self) -> usize {
        let clients = self.connections.take_all(|_| true);
        let aborted = clients.iter().filter(|(_, client)| client.has_request_in_progress()).count();
        for (token, client) in clients {
            drop(self.guard(token, client));
        }
        aborted
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::time::Duration;

    use super::super::client::FIRST_REQUEST;
    use super::*;
    use crate::core::Stream;
    use crate::core::poller::Ready;
    use crate::core::system::pair;
    use crate::http::Request;

    /// Far longer than anything here takes.
    pub(in crate::server) const LONG: Duration = Duration::from_secs(20);

    /// Creates an engine without threads, whose steps the test runs itself.
    pub(in crate::server) fn engine(clients: ConnectionLimits) -> Engine {
        Engine {
            handler: Box::new(|_: &mut Request| "done"),
            limits: Limits::default(),
            clients,
            proxies: TrustedProxies::default(),
            always: Vec::new(),
            poller: Arc::new(Poller::new().unwrap()),
            connections: ConnectionTable::new(clients.total),
            listener: Mutex::new(None),
            backoff_until: Mutex::new(None),
            spare_fd: Mutex::new(None),
            by_address: Mutex::new(HashMap::new()),
            closes_idle: AtomicBool::new(false),
            queue: Mutex::default(),
            shared: Arc::default(),
        }
    }

    /// Returns the tokens that the poller reports, each once.
    pub(in crate::server) fn reported(poller: &Poller, time: Duration) -> Vec<Token> {
        let mut ready = Ready::with_capacity(8);
        poller.wait(&mut ready, Some(time)).unwrap();
        let mut tokens: Vec<_> = ready.tokens().collect();
        tokens.dedup();
        tokens
    }

    fn few() -> ConnectionLimits {
        ConnectionLimits { total: 2, by_address: None }
    }

    /// Returns a client whose connection has had its first step.
    fn connect(engine: &Engine) -> TcpStream {
        let (client, stream): (TcpStream, Stream) = pair().unwrap();
        let new = engine.register(stream, SocketAddr::from(([192, 0, 2, 1], 50_000)));
        new.expect("there is a slot").step(&mut Scratch::default(), Admission::Serve);
        client
    }

    fn ready(engine: &Engine, token: Token) {
        engine.ready(token, &mut Scratch::default(), Admission::Serve);
    }

    #[test]
    fn bytes_that_a_step_had_no_room_for_are_reported_without_new_bytes() {
        let engine = engine(few());
        let mut client = connect(&engine);
        let head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n";
        client.write_all(&[&head[..], &vec![b'x'; 40_000]].concat()).unwrap();
        let tokens = reported(&engine.poller, LONG);
        assert_eq!(tokens.len(), 1);
        ready(&engine, tokens[0]);
        assert_eq!(reported(&engine.poller, LONG), tokens);
    }

    /// The test represents a thread that was notified, and blocked before it took the connection.
    #[test]
    fn a_connection_that_a_blocked_thread_did_not_take_is_reported_again() {
        // This is more than a socket accepts at once: the largest send buffer on Linux is 4 MiB by
        // default (tcp(7), tcp_wmem).
        let body = "x".repeat(32 << 20);
        let handler = Box::new(move |_: &mut Request| body.clone());
        let engine = Engine { handler, ..engine(few()) };
        let mut client = connect(&engine);
        client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        let reads = reported(&engine.poller, LONG);
        engine.rearm(reads[0]);
        assert_eq!(reported(&engine.poller, LONG), reads, "it waits to read");
        // The response does not fit into the socket's buffers. After the client has read, the next
        // part fits.
        ready(&engine, reads[0]);
        client.set_nonblocking(true).unwrap();
        while client.read(&mut vec![0; 65_536]).is_ok() {}
        let writes = reported(&engine.poller, LONG);
        assert_eq!(writes, reads);
        engine.rearm(writes[0]);
        assert_eq!(reported(&engine.poller, LONG), writes, "it waits to write");
    }

    #[test]
    fn one_tick_ends_all_connections_whose_deadline_has_passed() {
        let engine = engine(few());
        let clients = [connect(&engine), connect(&engine)];
        engine.tick(Instant::now());
        assert_eq!(engine.shared.statistics().open, 2);
        engine.tick(Instant::now() + engine.limits.idle_time);
        let now = engine.shared.statistics();
        assert_eq!((now.open, now.timed_out), (0, 2));
        for mut client in clients {
            assert_eq!(client.read(&mut [0]).unwrap(), 0, "idle connections end in silence");
        }
    }

    #[test]
    fn a_client_that_is_too_slow_gets_408_when_the_socket_is_writable() {
        let engine = engine(few());
        let mut client = connect(&engine);
        client.write_all(b"GET / HT").unwrap();
        let token = reported(&engine.poller, LONG)[0];
        ready(&engine, token);
        engine.tick(Instant::now() + engine.limits.head_time);
        // The client has time to read the response.
        engine.tick(Instant::now());
        assert_eq!(engine.shared.statistics().open, 1);
        assert_eq!(reported(&engine.poller, LONG), [token]);
        ready(&engine, token);
        let mut reply = [0; 13];
        client.read_exact(&mut reply).unwrap();
        assert_eq!(&reply, b"HTTP/1.1 408 ");
    }

    #[test]
    fn aborting_all_counts_the_requests_in_progress_and_leaves_nothing() {
        let by_address = Some(9);
        let engine = engine(ConnectionLimits { by_address, ..few() });
        // One client has begun a request. The other one has been rejected and has not closed its
        // connection.
        let mut clients = ["GET / HT", "\0"].map(|sent| {
            let mut client = connect(&engine);
            client.write_all(sent.as_bytes()).unwrap();
            ready(&engine, reported(&engine.poller, LONG)[0]);
            client
        });
        assert_eq!(engine.abort_all(), 1);
        assert_eq!(engine.shared.statistics().open, 0);
        assert!(engine.connections.is_empty() && lock(&engine.by_address).is_empty());
        assert_eq!(clients[0].read(&mut [0]).unwrap(), 0, "it has ended");
    }

    #[test]
    fn a_shutdown_ends_idle_connections_but_none_that_is_new_or_has_a_request() {
        let half = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab";
        let whole = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        let (new, old) = (Duration::ZERO, FIRST_REQUEST);
        for (sent, age, is_open) in [
            ("", new, true),
            ("", old, false),
            ("GET / HT", old, true),
            (half, old, true),
            (whole, new, false),
        ] {
            let engine = engine(few());
            let mut client = connect(&engine);
            if !sent.is_empty() {
                client.write_all(sent.as_bytes()).unwrap();
                ready(&engine, reported(&engine.poller, LONG)[0]);
            }
            let (token, mut taken) = engine.connections.take_all(|_| true).pop().unwrap();
            taken.accepted -= age;
            let mut guard = engine.guard(token, taken);
            guard.park(Interest::Read, Instant::now() + LONG, false);
            drop(guard);
            engine.closes_idle.store(true, Ordering::Release);
            engine.end_idle();
            for token in reported(&engine.poller, Duration::ZERO) {
                ready(&engine, token);
            }
            assert_eq!(!engine.connections.is_empty(), is_open, "{sent:?}, {age:?}");
        }
    }

    /// Bytes that one step leaves to the next have been read, so they are no longer in a buffer of
    /// the kernel.
    #[test]
    fn requests_that_wait_for_another_step_are_counted_when_they_are_aborted() {
        let engine = engine(few());
        let mut client = connect(&engine);
        client.write_all(&b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(100)).unwrap();
        ready(&engine, reported(&engine.poller, LONG)[0]);
        assert_eq!(engine.abort_all(), 1);
    }

    #[test]
    fn an_upload_waits_for_the_slot_of_its_client_behind_the_proxy() {
        let proxies = "192.0.2.1".parse().unwrap();
        let engine = Engine { proxies, ..engine(few()) };
        let mut client = connect(&engine);
        let head = "POST / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.9\r\n";
        client.write_all(format!("{head}Content-Length: 200000\r\n\r\n").as_bytes()).unwrap();
        client.write_all(&vec![b'x'; 70_000]).unwrap();
        // The first part of the body may arrive in several pieces, and the rest does not.
        while lock(&engine.queue).is_empty() {
            let tokens = reported(&engine.poller, LONG);
            assert_eq!(tokens.len(), 1, "the body arrives");
            ready(&engine, tokens[0]);
        }
        let address = lock(&engine.queue).front().map(|(_, address)| *address);
        assert_eq!(address, Some(IpAddr::from([203, 0, 113, 9])));
    }

    #[test]
    fn a_connection_that_the_poller_rejects_ends() {
        let engine = engine(few());
        let mut client = connect(&engine);
        let (token, taken) = engine.connections.take_all(|_| true).pop().unwrap();
        engine.poller.remove(taken.connection.stream()).unwrap();
        let mut guard = engine.guard(token, taken);
        guard.park(Interest::Write, Instant::now() + LONG, false);
        drop(guard);
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
        assert!(engine.connections.is_empty());
        assert_eq!(engine.shared.statistics().open, 0);
    }
}
