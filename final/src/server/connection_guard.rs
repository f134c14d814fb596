//! The guard that owns a connection while a thread runs a step of it.

use std::io;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::client::Client;
use super::engine::Engine;
use crate::core::admission::Admission;
use crate::core::stderr::log_stderr;
use crate::core::sync::lock;
use crate::core::{Interest, Poll, Poller, Token};
use crate::http::context::Context;
use crate::http::exchange::Scratch;
use crate::http::step::AfterStep;

/// A connection that a thread has taken out of its slot. Unless it has been parked again, dropping
/// the guard closes the connection and frees the slot, even after a panic.
pub(super) struct ConnectionGuard<'a> {
    engine: &'a Engine,
    token: Token,
    pub(super) client: Option<Box<Client>>,
}

impl Engine {
    /// Returns a guard of a connection that has been taken out of its slot.
    pub(super) fn guard(&self, token: Token, client: Box<Client>) -> ConnectionGuard<'_> {
        ConnectionGuard { engine: self, token, client: Some(client) }
    }
}

impl ConnectionGuard<'_> {
    /// Runs one step of the connection, and then parks or closes it.
    pub(super) fn step(mut self, scratch: &mut Scratch, admission: Admission) {
        let engine = self.engine;
        let Some(client) = &mut self.client else { return };
        let cx = Context {
            handler: engine.handler.as_ref(),
            limits: &engine.limits,
            memory: &engine.shared.memory,
            uploads: &engine.shared.uploads,
            sheds_load: admission == Admission::Shed,
            always: &engine.always,
            is_stopping: &engine.shared.is_stopping,
            peer: client.connection.peer(),
            proxies: &engine.proxies,
            clock: &Instant::now,
        };
        let closes_idle = engine.closes_idle.load(Ordering::Acquire);
        let next = client.exchange.step(&mut client.connection, scratch, cx);
        engine.record_rejections(client);
        match next {
            // The connection has read all bytes that arrived before the shutdown, and there was no
            // request among them.
            Ok(AfterStep::Wait(Interest::Read, _)) if closes_idle && client.may_be_closed() => {}
            Ok(AfterStep::Wait(interest, deadline)) => self.park(interest, deadline, false),
            Ok(AfterStep::More(deadline)) => self.park(Interest::Read, deadline, true),
            Ok(AfterStep::Queue { deadline, is_new }) => {
                if is_new {
                    let peer = client.connection.peer().ip();
                    let mut queue = lock(&engine.queue);
                    queue.push_back((self.token, client.exchange.client().unwrap_or(peer)));
                    engine.shared.uploads.set_queued(queue.len());
                }
                self.park_in_queue(deadline);
            }
            Ok(AfterStep::End) => {}
            Err(error) if is_disconnect(&error) => {}
            Err(error) => log_stderr(format_args!("{}: {error}", client.connection.peer())),
        }
    }

    /// Parks the connection until its socket is ready. With `again`, this includes readiness that
    /// an edge-triggered poller has already reported, so the socket is armed again.
    pub(super) fn park(&mut self, interest: Interest, deadline: Instant, again: bool) {
        let (poller, token) = (&self.engine.poller, self.token);
        self.park_with(interest, deadline, |client, before, notified| {
            let socket = client.connection.stream();
            let stays_armed = Poller::EDGE_TRIGGERED && !again && !notified;
            match (before, interest) {
                (None, _) => poller.add(socket, token, interest),
                // This is the usual case, which needs no system call: the poller reports the next
                // change.
                (Some(Interest::Read), Interest::Read) if stays_armed => Ok(()),
                _ => poller.arm(socket, token, interest),
            }
        });
    }

    /// Parks the connection until it gets an upload slot. Bytes that arrive meanwhile stay unread,
    /// so the socket is not armed: a level-triggered poller would report the same bytes again and
    /// again.
    pub(super) fn park_in_queue(&mut self, deadline: Instant) {
        let (poller, token) = (&self.engine.poller, self.token);
        let listed = self.client.as_ref().and_then(|client| client.listed);
        let interest = listed.unwrap_or(Interest::Read);
        self.park_with(interest, deadline, |client, before, _notified| match before {
            None => poller.add(client.connection.stream(), token, interest),
            Some(_) => Ok(()),
        });
    }

    /// Puts the connection into its slot. `arm` gets the interest for which it was listed before,
    /// and whether an event is pending: see
    /// [`ConnectionTable::park`](crate::core::ConnectionTable::park).
    fn park_with(
        &mut self,
        interest: Interest,
        deadline: Instant,
        arm: impl FnOnce(&Client, Option<Interest>, bool) -> io::Result<()>,
    ) {
        let Some(mut client) = self.client.take() else { return };
        let before = client.listed.replace(interest);
        let parked =
            self.engine.connections.park(self.token, client, deadline, |client, notified| {
                arm(client, before, notified)
            });
        if let Err((client, error)) = parked {
            log_stderr(format_args!("{}: {error}", client.connection.peer()));
            self.client = Some(client);
        }
    }
}

impl Drop for ConnectionGuard<'_> {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            let peer = client.connection.peer();
            drop(client);
            self.engine.forget_address(peer.ip());
            self.engine.connections.release(self.token);
            self.engine.shared.counters.open.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Returns whether the client has ended the connection, which is usual and not logged.
fn is_disconnect(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, NotConnected};
    matches!(error.kind(), ConnectionReset | BrokenPipe | NotConnected)
}
