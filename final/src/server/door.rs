//! ACCEPT: who comes in, and what the others are told.

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::engine::{Client, Engine, Held, LISTENER};
use super::lock;
use crate::core::listener::Failure;
use crate::core::stderr::say;
use crate::core::system::send;
use crate::core::workers::Mode;
use crate::core::{Connection, Interest, Listener, Poll, Stream, Token};
use crate::http::exchange::{Exchange, Scratch};
use crate::http::{HttpError, Status};

/// Clients that are accepted in one turn, at most.
const ACCEPTED_A_TURN: usize = 16;

/// How long accepting rests when the machine has run out of something, such as open files.
const PAUSE: Duration = Duration::from_millis(50);

impl Engine {
    /// Takes in who stands at the door. The turn of a new client may end in a handler that blocks, and nobody
    /// else may have to wait for that: so of several clients all but one are left for the poller, and if there may be
    /// more at the door, somebody is told of them before.
    pub(super) fn accept(&self, scratch: &mut Scratch, mode: Mode) {
        if lock(&self.rests_until).is_some() {
            return; // there is still not enough, and the monitor will say when to try again
        }
        let mut mine: Option<Held<'_>> = None;
        let mut more = true;
        for _ in 0..ACCEPTED_A_TURN {
            let accepted = match &*lock(&self.listener) {
                Some(listener) => listener.accept(),
                None => break,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let before = mine.take();
                    mine = self.welcome(stream, peer);
                    if let Some(before) = before {
                        self.leave(before);
                    }
                }
                Err(Failure::Nobody) => {
                    more = false;
                    break;
                }
                Err(Failure::Shortage(error)) => {
                    self.run_short(&error);
                    more = false; // the monitor will arm it, after a rest
                    break;
                }
            }
        }
        if more {
            self.arm_listener();
        }
        if let Some(mine) = mine {
            self.turn(mine, scratch, mode);
        }
    }

    /// Leaves a new client to whoever is told that its request has come.
    pub(super) fn leave(&self, mut held: Held<'_>) {
        held.park(Interest::Read, Instant::now() + self.limits.idle_time, false);
    }

    pub(super) fn arm_listener(&self) {
        if let Some(listener) = &*lock(&self.listener)
            && let Err(error) = self.poller.arm(listener.door(), LISTENER, Interest::Read)
        {
            say(format_args!("accept: {error}"));
        }
    }

    /// There are no more files, or no more memory. The one file in reserve is enough to tell one client, and
    /// then accepting rests for a moment: to try again at once would use a whole core for nothing.
    pub(super) fn run_short(&self, error: &io::Error) {
        say(format_args!("accept: {error}; trying again"));
        let mut reserve = lock(&self.reserve);
        if reserve.take().is_some() {
            let accepted = lock(&self.listener).as_ref().map(Listener::accept);
            if let Some(Ok((stream, _))) = accepted {
                self.shared.counters.connections.fetch_add(1, Ordering::Relaxed);
                self.shared.counters.refused.fetch_add(1, Ordering::Relaxed);
                Engine::turn_away(&stream);
            }
        }
        *reserve = File::open("/dev/null").ok();
        drop(reserve);
        *lock(&self.rests_until) = Some(Instant::now() + PAUSE);
    }

    /// A new client gets a place, or is told that there is none.
    pub(super) fn welcome(&self, stream: Stream, peer: SocketAddr) -> Option<Held<'_>> {
        let counters = &self.shared.counters;
        counters.connections.fetch_add(1, Ordering::Relaxed);
        let Some(token) = self.admit(peer) else {
            counters.refused.fetch_add(1, Ordering::Relaxed);
            Engine::turn_away(&stream);
            return None;
        };
        counters.open.fetch_add(1, Ordering::Relaxed);
        let client = Box::new(Client {
            connection: Connection::new(stream, peer),
            exchange: Exchange::default(),
            listed: None,
        });
        Some(Held { engine: self, token, client: Some(client) })
    }

    pub(super) fn admit(&self, peer: SocketAddr) -> Option<Token> {
        if let Some(most) = self.clients.by_address {
            let mut by_address = lock(&self.by_address);
            let count = by_address.entry(peer.ip()).or_default();
            if *count >= most {
                return None;
            }
            *count += 1;
        }
        let token = self.parking.claim();
        if token.is_none() {
            self.forget_address(peer);
        }
        token
    }

    /// Says that there is no room. The answer fits into the socket's empty buffer, so this does not wait; and
    /// nothing has been read, so a client that has sent something may see a reset in place of it.
    pub(super) fn turn_away(stream: &Stream) {
        let message = "there are too many connections; try again";
        let error = HttpError::new(Status::SERVICE_UNAVAILABLE, "overloaded", message);
        let mut exchange = Exchange::default();
        exchange.refuse(&error);
        let _ = send(stream, exchange.unsent());
        let _ = stream.shutdown(std::net::Shutdown::Write);
    }

    pub(super) fn forget_address(&self, peer: SocketAddr) {
        if self.clients.by_address.is_none() {
            return;
        }
        let mut by_address = lock(&self.by_address);
        if let Some(count) = by_address.get_mut(&peer.ip()) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&peer.ip());
            }
        }
    }

    /// No more clients: those who have connected are taken in, and later ones are refused by the kernel.
    pub(super) fn close_the_door(&self) {
        let Some(listener) = lock(&self.listener).take() else { return };
        let _ = self.poller.remove(listener.door());
        while let Ok((stream, peer)) = listener.accept() {
            if let Some(client) = self.welcome(stream, peer) {
                self.leave(client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::AtomicBool;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::core::system::pair;
    use crate::core::{Parking, Poller};
    use crate::http::Request;
    use crate::http::limits::Limits;
    use crate::server::Clients;

    /// With one place, and one for each address.
    fn engine() -> Engine {
        Engine {
            handler: Box::new(|_: &mut Request| "done"),
            limits: Limits::default(),
            clients: Clients { total: 1, by_address: Some(1) },
            always: Vec::new(),
            poller: Arc::new(Poller::new().unwrap()),
            parking: Parking::new(1),
            listener: Mutex::new(None),
            rests_until: Mutex::new(None),
            reserve: Mutex::new(None),
            by_address: Mutex::new(HashMap::new()),
            is_stopping: AtomicBool::new(false),
            shared: Arc::default(),
        }
    }

    #[test]
    fn a_panic_while_a_new_client_has_had_no_turn_yet_gives_its_place_back() {
        let engine = engine();
        let peer = SocketAddr::from(([192, 0, 2, 1], 50_000));
        for _ in 0..2 {
            let (_client, stream) = pair().unwrap();
            let accept = || {
                let _new = engine.welcome(stream, peer).expect("there is a place");
                panic!("this panic is expected");
            };
            let panic = catch_unwind(AssertUnwindSafe(accept)).unwrap_err();
            assert_eq!(panic.downcast_ref(), Some(&"this panic is expected"));
            assert_eq!(engine.shared.counters.open.load(Ordering::Relaxed), 0);
        }
    }
}
