//! One client of the engine, and the guard that owns it while a thread runs a step of it.

use std::io;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::engine::Engine;
use crate::core::stderr::log_stderr;
use crate::core::{Connection, Fill, Interest, Poll, Poller, Token};
use crate::http::exchange::Exchange;

/// The time that a new connection may wait for its first request during a graceful shutdown. A
/// client connects because it has a request to send, which takes a moment to arrive. Without a
/// response, a proxy would have no sign whether the request is safe to retry.
pub(super) const FIRST_REQUEST: Duration = Duration::from_secs(1);

/// A connection, with the engine's state for it.
pub(super) struct Client {
    pub(super) connection: Connection,
    pub(super) exchange: Exchange,
    pub(super) accepted: Instant,
    /// The interest for which the connection is registered with the poller, if it is registered.
    pub(super) listed: Option<Interest>,
}

impl Client {
    /// Returns whether no request is in progress, and no first request is expected soon.
    pub(super) fn may_be_closed(&self) -> bool {
        let is_new = !self.exchange.has_responded() && self.accepted.elapsed() < FIRST_REQUEST;
        self.exchange.is_idle() && !is_new
    }

    /// Returns whether the client would lose a request or a response if the connection were closed
    /// now.
    pub(super) fn has_request_in_progress(&self) -> bool {
        if self.exchange.is_idle() {
            // A request may have arrived that no thread has read yet.
            let mut first = Vec::with_capacity(1);
            return matches!(self.connection.fill(&mut first), Ok(Fill::Bytes(_)));
        }
        !self.exchange.is_closing()
    }
}

/// A connection that a thread has taken out of its slot. Unless it has been parked again, dropping
/// the guard closes the connection and frees the slot, even after a panic.
pub(super) struct ConnectionGuard<'a> {
    pub(super) engine: &'a Engine,
    pub(super) token: Token,
    pub(super) client: Option<Box<Client>>,
}

impl ConnectionGuard<'_> {
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
