//! Where a connection stands between two turns: what the stack of a thread that waits would know.

use std::time::Instant;

use super::Request;
use super::body::BodyDecoder;
use super::framing::BodyLength;
use super::limits::{KIB, Limits};
use super::parser::HeadParser;
use crate::core::MemoryBudget;
use crate::core::allocator::LARGE_BLOCK;
use crate::core::memory_budget::{OverBudget, Reservation, SMALL};
use crate::core::upload_slots::UploadSlot;

/// Where a connection stands.
pub(super) enum ConnectionState {
    /// Between two requests.
    Idle,
    /// A part of a head has come.
    Head { parser: Box<HeadParser>, deadline: Instant },
    /// A part of a body has come.
    Body(Box<Body>),
    /// The last answer is on its way. If the client has said that it will send no more, there is nothing to wait
    /// for behind it. `resets`: until it is complete, the connection is ended by a reset.
    Flushing { linger: bool, resets: bool },
    /// Our side has said its last word (FIN); what the peer still sends is thrown away.
    Closing { deadline: Instant, drained: usize },
}

/// A request whose body has not come whole.
pub(super) struct Body {
    /// The request, but for its body.
    pub(super) request: Box<Request>,
    pub(super) decoder: BodyDecoder,
    pub(super) bytes: Vec<u8>,
    /// For the capacity of `bytes`.
    pub(super) memory: Reservation,
    pub(super) deadline: Instant,
    /// The client waits for our word, and has not got it.
    pub(super) expects: bool,
    /// It waits for a slot, and the engine knows.
    pub(super) is_queued: bool,
    /// The slot that the engine has brought.
    pub(super) slot: Option<UploadSlot>,
}

/// So much of a large body is collected before its handler is called.
const FIRST_PIECE: u64 = 64 * KIB as u64;

impl ConnectionState {
    /// The bytes that the connection keeps for it between two steps. A body has a reservation of its own.
    pub(super) fn memory(&self) -> usize {
        match self {
            ConnectionState::Head { .. } => size_of::<HeadParser>(),
            ConnectionState::Body(body) => size_of::<Body>() + body.request.memory(),
            ConnectionState::Idle
            | ConnectionState::Flushing { .. }
            | ConnectionState::Closing { .. } => 0,
        }
    }
}

impl Body {
    /// Makes room for at most `more` bytes of the body. What is counted is the capacity. It grows to [`SMALL`], so that a
    /// client that has sent a few bytes holds no more. Then it doubles, as that of a `Vec` does, from [`LARGE_BLOCK`] on: the
    /// allocator would keep what smaller blocks leave behind.
    ///
    /// # Errors
    /// [`OverBudget`] if there is no memory for it. Nothing has been allocated then.
    pub(super) fn make_room(
        &mut self,
        more: usize,
        limits: &Limits,
        budget: &MemoryBudget,
    ) -> Result<(), OverBudget> {
        let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        let arrived = self.bytes.len().saturating_add(more);
        // What is needed now, and the most that is ever collected, but for what is read at once.
        let (needed, most) = match self.request.head().body_length {
            BodyLength::Fixed(length) if length > limits.whole_body => {
                (arrived.min(size(length)), size(FIRST_PIECE))
            }
            BodyLength::Fixed(length) => (arrived.min(size(length)), size(length)),
            BodyLength::Chunked => (arrived, size(limits.whole_body)),
        };
        let before = self.bytes.capacity();
        if needed > before {
            let next = if needed <= SMALL { SMALL } else { LARGE_BLOCK.max(2 * before) };
            let capacity = needed.max(next.min(most));
            self.memory.resize(budget, capacity)?;
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
        Ok(())
    }

    /// Whether it is too large to be waited for. One in chunks is when it has become so.
    pub(super) fn is_large(&self, limits: &Limits) -> bool {
        let announced = match self.request.head().body_length {
            BodyLength::Fixed(length) => length,
            BodyLength::Chunked => 0,
        };
        announced.max(self.bytes.len() as u64) > limits.whole_body
    }

    /// Whether it is large and its handler should be called: enough has come that its client seems to mean it. A client
    /// that waits for our word sends nothing before.
    pub(super) fn is_due(&self, limits: &Limits) -> bool {
        let first = FIRST_PIECE.min(limits.whole_body);
        self.is_large(limits) && (self.expects || self.bytes.len() as u64 >= first)
    }
}
