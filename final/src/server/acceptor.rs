//! ACCEPT: takes clients from the accept queue, and rejects clients over a limit.

use std::fs::File;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::client::Client;
use super::connection_guard::ConnectionGuard;
use super::engine::{Engine, LISTENER};
use crate::core::admission::Admission;
use crate::core::listener::AcceptError;
use crate::core::stderr::log_stderr;
use crate::core::sync::lock;
use crate::core::system::send;
use crate::core::{Connection, Interest, Listener, Poll, Stream, Token, network};
use crate::http::exchange::{Exchange, Scratch};
use crate::http::rejection::{NO_DESCRIPTOR, Rejection};
use crate::http::respond::encode_rejection;
use crate::http::{HttpError, Status};

/// The maximum number of clients that are accepted in one step. Further clients wait for another
/// thread, or for the next step.
const ACCEPTED_PER_STEP: usize = 16;

/// The time for which accepting pauses when the process has run out of descriptors or memory. An
/// immediate retry would be a busy loop.
const PAUSE: Duration = Duration::from_millis(50);

impl Engine {
    /// Accepts pending connections. The first step of a new client may end in a handler that
    /// blocks, and no other client should have to wait for it. So all new clients but one are
    /// parked. If there may be more in the accept queue, the listening socket is armed before that
    /// step.
    pub(super) fn accept(&self, scratch: &mut Scratch, admission: Admission) {
        if lock(&self.backoff_until).is_some() {
            return; // the watchdog arms the listening socket when the pause is over
        }
        let mut mine: Option<ConnectionGuard<'_>> = None;
        let mut more = true;
        for _ in 0..ACCEPTED_PER_STEP {
            let accepted = match &*lock(&self.listener) {
                Some(listener) => listener.accept(),
                None => break,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let before = mine.take();
                    mine = self.register(stream, peer);
                    if let Some(before) = before {
                        self.park_new(before);
                    }
                }
                Err(AcceptError::Nobody) => {
                    more = false;
                    break;
                }
                Err(AcceptError::Shortage(error)) => {
                    self.on_exhaustion(&error);
                    more = false; // the watchdog arms the listening socket after the pause
                    break;
                }
            }
        }
        if more {
            self.arm_listener();
        }
        if let Some(mine) = mine {
            mine.step(scratch, admission);
        }
    }

    /// Parks a new client until its request arrives.
    pub(super) fn park_new(&self, mut guard: ConnectionGuard<'_>) {
        guard.park(Interest::Read, Instant::now() + self.limits.idle_time, false);
    }

    pub(super) fn arm_listener(&self) {
        if let Some(listener) = &*lock(&self.listener)
            && let Err(error) = self.poller.arm(listener.listen_socket(), LISTENER, Interest::Read)
        {
            log_stderr(format_args!("accept: {error}"));
        }
    }

    /// Rejects one client with 503 by means of the spare descriptor when the process has no
    /// descriptors or no memory left. Then accepting pauses, see [`PAUSE`].
    pub(super) fn on_exhaustion(&self, error: &io::Error) {
        log_stderr(format_args!("accept: {error}; trying again"));
        let mut spare_fd = lock(&self.spare_fd);
        if spare_fd.take().is_some() {
            let accepted = lock(&self.listener).as_ref().map(Listener::accept);
            if let Some(Ok((stream, peer))) = accepted {
                self.shared.counters.connections.fetch_add(1, Ordering::Relaxed);
                self.reject(&stream, peer, NO_DESCRIPTOR);
            }
        }
        *spare_fd = File::open("/dev/null").ok();
        drop(spare_fd);
        *lock(&self.backoff_until) = Some(Instant::now() + PAUSE);
    }

    /// Gives a new client a slot, or rejects the client.
    pub(super) fn register(&self, stream: Stream, peer: SocketAddr) -> Option<ConnectionGuard<'_>> {
        let counters = &self.shared.counters;
        counters.connections.fetch_add(1, Ordering::Relaxed);
        let token = match self.admit(peer.ip()) {
            Ok(token) => token,
            Err(reason) => {
                self.reject(&stream, peer, reason);
                return None;
            }
        };
        counters.open.fetch_add(1, Ordering::Relaxed);
        let client = Box::new(Client {
            connection: Connection::new(stream, peer),
            exchange: Exchange::default(),
            accepted: Instant::now(),
            listed: None,
        });
        Some(self.guard(token, client))
    }

    /// Reserves a slot for a new client. If there is none, returns the reason.
    fn admit(&self, peer: IpAddr) -> Result<Token, &'static str> {
        if let Some(most) = self.limit_of(peer) {
            let mut by_address = lock(&self.by_address);
            let count = by_address.entry(network(peer)).or_default();
            if *count >= most {
                return Err("max_connections_per_address");
            }
            *count += 1;
        }
        self.connections.reserve().ok_or_else(|| {
            self.forget_address(peer);
            "max_connections"
        })
    }

    /// Returns the maximum number of connections from this address, if there is one. A trusted
    /// proxy has none: a few of its connections carry the requests of all its clients.
    fn limit_of(&self, peer: IpAddr) -> Option<u32> {
        self.clients.by_address.filter(|_| !self.proxies.contains(peer))
    }

    /// Rejects a client with 503. The response fits into the socket's empty send buffer, so the
    /// call does not wait. The request has not been read, so a client that has sent one may get a
    /// reset instead of the response.
    fn reject(&self, stream: &Stream, peer: SocketAddr, reason: &'static str) {
        self.shared.counters.rejected.fetch_add(1, Ordering::Relaxed);
        let status = Status::SERVICE_UNAVAILABLE;
        let rejection =
            Rejection { reason, status: Some(status), client: None, request: String::new() };
        self.record_rejection(peer, &rejection);
        let message = "there are too many connections; try again";
        let error = HttpError::new(status, "overloaded", message);
        let mut response = Vec::new();
        encode_rejection(&error, false, &mut response);
        let _ = send(stream, &response);
        let _ = stream.shutdown(std::net::Shutdown::Write);
    }

    /// Removes one connection of this address from the counts.
    pub(super) fn forget_address(&self, peer: IpAddr) {
        if self.limit_of(peer).is_none() {
            return;
        }
        let mut by_address = lock(&self.by_address);
        if let Some(count) = by_address.get_mut(&network(peer)) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&network(peer));
            }
        }
    }

    /// Closes the listening socket. Clients that have already connected are accepted, and the
    /// kernel rejects later ones.
    pub(super) fn stop_listening(&self) {
        let Some(listener) = lock(&self.listener).take() else { return };
        let _ = self.poller.remove(listener.listen_socket());
        while let Ok((stream, peer)) = listener.accept() {
            if let Some(client) = self.register(stream, peer) {
                self.park_new(client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::core::Poller;
    use crate::core::system::pair;
    use crate::core::worker_pool::Work;
    use crate::http::Request;
    use crate::server::engine::tests::{LONG, engine, reported};
    use crate::server::{ConnectionLimits, Statistics};

    /// Limits of one connection in total and one for each address.
    const ONE: ConnectionLimits = ConnectionLimits { total: 1, by_address: Some(1) };

    /// Returns the address of a client, which ends with this number.
    fn peer(last: u8) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, last], 50_000))
    }

    /// Makes an engine listen on a free port, and returns it with its address.
    fn listening(engine: Engine) -> (Engine, SocketAddr) {
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr();
        engine.poller.add(listener.listen_socket(), LISTENER, Interest::Read).unwrap();
        (Engine { listener: Mutex::new(Some(listener)), ..engine }, address)
    }

    #[test]
    fn a_panic_before_the_first_step_of_a_new_client_frees_its_slot() {
        let engine = engine(ONE);
        for _ in 0..2 {
            let (_client, stream) = pair().unwrap();
            let accept = || {
                let _new = engine.register(stream, peer(1)).expect("there is a slot");
                panic!("this panic is expected");
            };
            let panic = catch_unwind(AssertUnwindSafe(accept)).unwrap_err();
            assert_eq!(panic.downcast_ref(), Some(&"this panic is expected"));
            assert_eq!(engine.shared.counters.open.load(Ordering::Relaxed), 0);
        }
    }

    /// A rejected connection must not stay counted for its address, which would otherwise be locked
    /// out forever without any open connection.
    #[test]
    fn an_address_that_finds_the_server_full_is_accepted_when_there_is_a_slot() {
        let engine = engine(ONE);
        let (_one, stream) = pair().unwrap();
        let first = engine.register(stream, peer(1)).expect("there is a slot");
        let (_two, stream) = pair().unwrap();
        assert!(engine.register(stream, peer(2)).is_none(), "the only slot is taken");
        drop(first);
        let (_three, stream) = pair().unwrap();
        let third = engine.register(stream, peer(2)).expect("the slot is free");
        let expected = Statistics { open: 1, accepted: 3, rejected: 1, timed_out: 0 };
        assert_eq!(engine.shared.statistics(), expected);
        drop(third);
    }

    #[test]
    fn an_address_is_forgotten_with_its_last_connection() {
        let engine = engine(ConnectionLimits { total: 2, by_address: Some(2) });
        let [first, second] = [(); 2].map(|()| {
            let (_client, stream) = pair().unwrap();
            engine.register(stream, peer(1)).expect("there is a slot")
        });
        drop(first);
        assert_eq!(lock(&engine.by_address).get(&peer(1).ip()), Some(&1), "one is left");
        drop(second);
        assert!(lock(&engine.by_address).is_empty());
    }

    /// Regression test: each IPv6 address had a limit, and a client can have 2^64 of them.
    #[test]
    fn all_addresses_of_an_ipv6_network_have_one_limit() {
        let engine = engine(ConnectionLimits { total: 3, by_address: Some(1) });
        let register = |peer: &str| {
            let (_client, stream) = pair().unwrap();
            engine.register(stream, peer.parse().unwrap())
        };
        let first = register("[2001:db8:1:2::1]:50000").expect("there is a slot");
        assert!(register("[2001:db8:1:2::2]:50000").is_none(), "the same network");
        let other = register("[2001:db8:1:3::1]:50000").expect("another network");
        drop((first, other));
        assert!(lock(&engine.by_address).is_empty());
    }

    #[test]
    fn a_trusted_proxy_has_no_limit_of_its_address() {
        let engine = engine(ConnectionLimits { total: 3, by_address: Some(1) });
        let engine = Engine { proxies: "192.0.2.1".parse().unwrap(), ..engine };
        let clients = [(); 3].map(|()| {
            let (_client, stream) = pair().unwrap();
            engine.register(stream, peer(1)).expect("there is a slot")
        });
        let (_client, stream) = pair().unwrap();
        assert!(engine.register(stream, peer(1)).is_none(), "all slots are taken");
        drop(clients);
        assert!(lock(&engine.by_address).is_empty());
    }

    /// An address at its limit takes no slot from other addresses.
    #[test]
    fn a_client_over_the_limit_of_its_address_takes_no_slot() {
        let engine = engine(ConnectionLimits { total: 2, by_address: Some(1) });
        let (_one, stream) = pair().unwrap();
        let _first = engine.register(stream, peer(1)).expect("there is a slot");
        for _ in 0..3 {
            let (_client, stream) = pair().unwrap();
            assert!(engine.register(stream, peer(1)).is_none(), "it has one already");
        }
        let (_two, stream) = pair().unwrap();
        assert!(engine.register(stream, peer(2)).is_some());
    }

    #[test]
    fn on_a_shortage_one_client_gets_503_and_accepting_pauses() {
        let (mut engine, address) = listening(engine(ONE));
        engine.spare_fd = Mutex::new(File::open("/dev/null").ok());
        let mut client = TcpStream::connect(address).unwrap();
        let before = Instant::now();
        engine.on_exhaustion(&io::Error::other("no more files, as this test says"));
        let mut reply = String::new();
        client.read_to_string(&mut reply).unwrap();
        assert!(reply.starts_with("HTTP/1.1 503 "), "{reply}");
        let expected = Statistics { open: 0, accepted: 1, rejected: 1, timed_out: 0 };
        assert_eq!(engine.shared.statistics(), expected);
        assert!(lock(&engine.spare_fd).is_some(), "the next shortage can be told as well");
        let until = lock(&engine.backoff_until).expect("it rests");
        assert!(until >= before + PAUSE && until <= Instant::now() + PAUSE);

        // The next client stays in the accept queue until the pause is over, and is accepted then.
        let _next = TcpStream::connect(address).unwrap();
        assert_eq!(reported(&engine.poller, LONG), [LISTENER]);
        for time in [before, until] {
            assert!(lock(&engine.backoff_until).is_some());
            engine.accept(&mut Scratch::default(), Admission::Serve);
            assert_eq!(engine.shared.statistics().open, 0);
            engine.tick(time);
        }
        assert_eq!(reported(&engine.poller, LONG), [LISTENER]);
        engine.accept(&mut Scratch::default(), Admission::Serve);
        assert_eq!(engine.shared.statistics().open, 1);
    }

    /// No client may have to wait for the handler of another client.
    #[test]
    fn while_the_last_of_many_new_clients_has_its_step_the_others_are_reported() {
        let poller = Arc::new(Poller::new().unwrap());
        let (seen, inside) = (Arc::new(Mutex::new(Vec::new())), Arc::clone(&poller));
        let tokens = Arc::clone(&seen);
        let handler = Box::new(move |_: &mut Request| {
            let mut seen = lock(&tokens);
            while seen.len() < ACCEPTED_PER_STEP {
                let tokens = reported(&inside, LONG);
                assert!(!tokens.is_empty(), "only of {seen:?}");
                seen.extend(tokens);
                seen.sort();
                seen.dedup();
            }
            "done"
        });
        let clients = ConnectionLimits { total: 100, by_address: None };
        let (engine, address) = listening(Engine { handler, poller, ..engine(clients) });
        let clients: Vec<_> = (0..=ACCEPTED_PER_STEP)
            .map(|_| {
                let mut client = TcpStream::connect(address).unwrap();
                client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
                client
            })
            .collect();
        // The poller does not report the listener again unless it is armed.
        assert_eq!(reported(&engine.poller, LONG), [LISTENER]);
        engine.rearm(LISTENER);
        assert_eq!(reported(&engine.poller, LONG), [LISTENER]);
        engine.accept(&mut Scratch::default(), Admission::Serve);
        // The poller has reported the listener and all clients except two: the client that has had
        // its step, and the client that has not been accepted.
        assert_eq!(lock(&seen).len(), ACCEPTED_PER_STEP);
        assert!(lock(&seen).contains(&LISTENER));
        drop(clients);
    }
}
