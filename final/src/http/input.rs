//! The input of a connection: the bytes that have been received but not parsed.

/// The maximum size of an input buffer that a thread keeps for the next connection. It bounds the
/// memory, in bytes for each thread.
const MAX_KEPT_INPUT: usize = 256 * 1024;

/// The received bytes, in order.
///
/// They are kept between two steps only if a request is incomplete, or if there were too many
/// requests for one step. So a waiting connection usually has no buffer.
#[derive(Debug, Default)]
pub(super) struct Input {
    buffer: Vec<u8>,
    /// The number of bytes of `buffer` that have been parsed.
    parsed: usize,
}

impl Input {
    pub(super) fn unparsed(&self) -> &[u8] {
        &self.buffer[self.parsed..]
    }

    pub(super) fn is_empty(&self) -> bool {
        self.parsed == self.buffer.len()
    }

    /// Returns the buffer to which received bytes are appended, with room for at least `room`
    /// bytes.
    pub(super) fn spare(&mut self, room: usize) -> &mut Vec<u8> {
        if self.parsed > 0 {
            self.buffer.drain(..self.parsed);
            self.parsed = 0;
        }
        self.buffer.reserve(room);
        &mut self.buffer
    }

    pub(super) fn advance(&mut self, count: usize) {
        self.parsed += count;
        debug_assert!(self.parsed <= self.buffer.len(), "no parser may use more than there is");
    }

    pub(super) fn clear(&mut self) {
        self.buffer.clear();
        self.parsed = 0;
    }

    pub(super) fn replace(&mut self, bytes: Vec<u8>) {
        self.buffer = bytes;
        self.parsed = 0;
    }

    /// Lends the buffer of a thread to this connection for one step.
    pub(super) fn lend(&mut self, buffer: &mut Vec<u8>) {
        buffer.clear();
        buffer.append(&mut self.buffer);
        std::mem::swap(&mut self.buffer, buffer);
    }

    /// Returns the buffer after the step, and keeps a copy of the unparsed bytes.
    pub(super) fn give_back(&mut self, buffer: &mut Vec<u8>) {
        let unparsed = self.unparsed().to_vec();
        *buffer = std::mem::replace(&mut self.buffer, unparsed);
        self.parsed = 0;
        if buffer.capacity() > MAX_KEPT_INPUT {
            *buffer = Vec::new();
        }
    }
}
