//! One client of the engine.

use std::time::{Duration, Instant};

use crate::core::{Connection, Fill, Interest};
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
