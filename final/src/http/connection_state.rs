//! The state of a connection between two steps. In a server with one thread per connection, this
//! state would be on that thread's stack.

use std::time::Instant;

use super::body::{BodyDecoder, RequestBody};
use super::framing::BodyLength;
use super::input::Input;
use super::limits::{KIB, Limits};
use super::parser::HeadParser;
use super::{Method, Request, rejection};
use crate::core::MemoryBudget;
use crate::core::allocator::LARGE_BLOCK;
use crate::core::memory_budget::{OverBudget, Reservation, SMALL};
use crate::core::upload_slots::UploadSlot;

/// The number of bytes of a large body that are collected before its handler is called, unless
/// the client waits for `100 Continue`. With Content-Length, it also bounds the buffer for them.
const FIRST_PART: u64 = 64 * KIB as u64;

#[derive(Default)]
pub(super) enum ConnectionState {
    /// The connection is between two requests.
    #[default]
    Idle,
    /// A part of a header section has arrived. The deadline was fixed when its first byte arrived.
    HeaderSection { parser: Box<HeadParser>, deadline: Instant },
    /// A header section has arrived, and a part of the body.
    Body(Box<IncompleteBody>),
    /// The last response is being sent. With `linger`, the server then waits for the client's FIN.
    Flushing { linger: bool },
    /// Lingering close (RFC 9112 section 9.6): FIN has been sent, and input is discarded until the
    /// client's FIN.
    Closing { deadline: Instant, discarded: usize },
}

pub(super) struct IncompleteBody {
    /// The request without its body.
    pub(super) request: Request,
    pub(super) decoder: BodyDecoder,
    /// The decoded bytes of the body.
    pub(super) bytes: Vec<u8>,
    /// The reservation for the capacity of `bytes`.
    pub(super) memory: Reservation,
    pub(super) deadline: Instant,
    /// Whether the client waits for `100 Continue`, which has not been sent yet.
    pub(super) expects: bool,
    /// Whether the connection is in the engine's queue for an upload slot.
    pub(super) is_queued: bool,
    /// The upload slot that the engine has taken for this body.
    pub(super) slot: Option<UploadSlot>,
}

impl ConnectionState {
    /// Returns the number of bytes of memory that a connection in this state keeps between two
    /// steps. A body has its own reservation.
    pub(super) fn memory(&self) -> usize {
        match self {
            ConnectionState::HeaderSection { .. } => size_of::<HeadParser>(),
            ConnectionState::Body(body) => size_of::<IncompleteBody>() + body.request.memory(),
            ConnectionState::Idle
            | ConnectionState::Flushing { .. }
            | ConnectionState::Closing { .. } => 0,
        }
    }

    /// Returns the method and the target of the request that is being received, as far as they are
    /// known.
    pub(super) fn request_line(&self, input: &Input) -> String {
        match self {
            ConnectionState::Body(body) => rejection::request_line(&body.request),
            _ => rejection::first_line(input.unparsed()),
        }
    }

    /// Returns whether the request that is being received has the method HEAD. The response to it
    /// must not have content, even for a rejection (RFC 9110 section 9.3.2).
    pub(super) fn is_head(&self, input: &Input) -> bool {
        match self {
            ConnectionState::Body(body) => body.request.method() == Method::Head,
            _ => rejection::begins_with_head(input.unparsed()),
        }
    }
}

impl IncompleteBody {
    pub(super) fn into_request(self) -> Request {
        let IncompleteBody { mut request, decoder, bytes, memory, .. } = self;
        request.complete(RequestBody::collected(bytes, memory), decoder.into_trailers());
        request
    }

    /// Makes room for at most `more` bytes of the body, and reserves memory for the capacity. The
    /// capacity first grows to [`SMALL`], so that a client that has sent a few bytes holds no more
    /// than that. Then it doubles as in any `Vec`, but starts with [`LARGE_BLOCK`], because the
    /// allocator would not return smaller blocks to the OS.
    ///
    /// # Errors
    /// Returns [`OverBudget`] if there is no memory for it. Nothing has been allocated then.
    pub(super) fn make_room(
        &mut self,
        more: usize,
        limits: &Limits,
        budget: &MemoryBudget,
    ) -> Result<(), OverBudget> {
        let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        let arrived = self.bytes.len().saturating_add(more);
        // `needed` is the capacity that is required now, and `most` is the maximum that is ever
        // collected, apart from the last read.
        let (needed, most) = match self.request.head().body_length {
            BodyLength::Fixed(length) if length > limits.whole_body => {
                (arrived.min(size(length)), size(FIRST_PART))
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

    /// Returns whether the body is too large to be collected. A chunked body announces no length,
    /// so it only becomes large as it arrives.
    fn is_large(&self, limits: &Limits) -> bool {
        let announced = match self.request.head().body_length {
            BodyLength::Fixed(length) => length,
            BodyLength::Chunked => 0,
        };
        announced.max(self.bytes.len() as u64) > limits.whole_body
    }

    /// Returns whether the body is large and its handler should be called now to read the
    /// remainder: enough bytes have arrived, or the client sends nothing before `100 Continue`.
    pub(super) fn is_due(&self, limits: &Limits) -> bool {
        let first = FIRST_PART.min(limits.whole_body);
        self.is_large(limits) && (self.expects || self.bytes.len() as u64 >= first)
    }
}
