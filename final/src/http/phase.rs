//! Where a connection stands between two turns: what the stack of a thread that waits would know.

use std::time::Instant;

use super::Request;
use super::body::BodyDecoder;
use super::framing::BodyLength;
use super::limits::{KIB, Limits};
use super::parser::HeadParser;
use crate::core::MemoryBudget;
use crate::core::allocator::LARGE_BLOCK;
use crate::core::memory_budget::{OverBudget, Reservation};

/// Where a connection stands.
pub(super) enum Phase {
    /// Between two requests.
    Idle,
    /// A part of a head has come.
    Head { parser: Box<HeadParser>, deadline: Instant },
    /// A part of a body has come.
    Body(Box<Body>),
    /// The last answer is on its way. If the client has said that it will send no more, there is nothing to wait
    /// for behind it. `resets`: until it is complete, the connection is ended by a reset.
    Last { lingers: bool, resets: bool },
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
}

/// So much of a large body is collected before its handler is called.
const FIRST_PIECE: u64 = 64 * KIB as u64;

impl Phase {
    /// The bytes that the connection keeps for it between two steps. A body has a reservation of its own.
    pub(super) fn memory(&self) -> usize {
        match self {
            Phase::Head { .. } => size_of::<HeadParser>(),
            Phase::Body(body) => size_of::<Body>() + body.request.memory(),
            Phase::Idle | Phase::Last { .. } | Phase::Closing { .. } => 0,
        }
    }
}

impl Body {
    /// Makes room for at most `more` bytes of the body. The capacity doubles, as that of a `Vec` does, and what is counted
    /// is the capacity. The sizes up to [`LARGE_BLOCK`] are passed over: the allocator would keep what they leave behind.
    ///
    /// # Errors
    /// [`OverBudget`] if there is no memory for it. Nothing has been allocated then.
    pub(super) fn make_room(
        &mut self,
        more: usize,
        budget: &MemoryBudget,
    ) -> Result<(), OverBudget> {
        let announced = match self.request.head().body_length {
            BodyLength::Fixed(length) => usize::try_from(length).unwrap_or(usize::MAX),
            BodyLength::Chunked => usize::MAX,
        };
        let needed = self.bytes.len().saturating_add(more).min(announced);
        let before = self.bytes.capacity();
        if needed > before {
            let capacity = needed.max(announced.min(LARGE_BLOCK.max(before.saturating_mul(2))));
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
