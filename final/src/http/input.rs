//! The input of a connection: bytes that have been received and not been parsed.

/// A thread keeps its input buffer for the next connection unless it has grown beyond this: a limit of memory, in bytes
/// for each thread.
const MAX_KEPT_INPUT: usize = 256 * 1024;

/// Received bytes, in order.
///
/// They are kept between two steps only if a request is incomplete, or if there were too many requests for one step. So as
/// a rule a connection that waits has no buffer.
#[derive(Debug, Default)]
pub(super) struct Input {
    buffer: Vec<u8>,
    /// How many bytes of `buffer` have been parsed.
    parsed: usize,
}

impl Input {
    /// The bytes that have not been parsed.
    pub(super) fn unparsed(&self) -> &[u8] {
        &self.buffer[self.parsed..]
    }

    /// Whether all bytes have been parsed.
    pub(super) fn is_empty(&self) -> bool {
        self.parsed == self.buffer.len()
    }

    /// Where received bytes are appended, with room for `room` bytes at least.
    pub(super) fn spare(&mut self, room: usize) -> &mut Vec<u8> {
        if self.parsed > 0 {
            self.buffer.drain(..self.parsed);
            self.parsed = 0;
        }
        self.buffer.reserve(room);
        &mut self.buffer
    }

    /// The first `count` bytes have been parsed.
    pub(super) fn advance(&mut self, count: usize) {
        self.parsed += count;
        debug_assert!(self.parsed <= self.buffer.len(), "no parser may use more than there is");
    }

    /// Drops all bytes.
    pub(super) fn clear(&mut self) {
        self.buffer.clear();
        self.parsed = 0;
    }

    /// Puts these bytes in the place of all others.
    pub(super) fn replace(&mut self, bytes: Vec<u8>) {
        self.buffer = bytes;
        self.parsed = 0;
    }

    /// Borrows the buffer of a thread for one step.
    pub(super) fn lend(&mut self, buffer: &mut Vec<u8>) {
        buffer.clear();
        buffer.append(&mut self.buffer);
        std::mem::swap(&mut self.buffer, buffer);
    }

    /// Gives the buffer back after the step, and keeps a copy of what has not been parsed.
    pub(super) fn give_back(&mut self, buffer: &mut Vec<u8>) {
        let unparsed = self.unparsed().to_vec();
        *buffer = std::mem::replace(&mut self.buffer, unparsed);
        self.parsed = 0;
        if buffer.capacity() > MAX_KEPT_INPUT {
            *buffer = Vec::new();
        }
    }
}
