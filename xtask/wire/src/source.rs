//! Received bytes, and waits for more of them.

use crate::{Kind, WireError};

/// The maximum length in bytes of a header section, a chunk's size line or a trailer line. A client
/// does not wait for the end of a longer one.
const MOST_LINE: usize = 1024 * 1024;

/// The maximum number of bytes of one piece that are kept for the transcript, or shown by an error.
pub(crate) const MOST_SHOWN: usize = 64 * 1024;

/// A source of received bytes. In each function, `what` describes the awaited bytes.
pub(crate) trait Source {
    /// The bytes that have arrived and are not taken.
    fn received(&mut self) -> &mut Vec<u8>;

    /// Receives some bytes. Returns `Ok(false)` after the peer has closed.
    fn receive(&mut self, what: &str) -> Result<bool, WireError>;

    /// Receives some bytes. It is an error if the peer has closed.
    fn more(&mut self, what: &str) -> Result<(), WireError> {
        if self.receive(what)? {
            return Ok(());
        }
        let message = format!("the server closed before this arrived: {what}");
        Err(WireError::new(Kind::Closed, message).with_arrived(self.received()))
    }

    /// Waits until at least `count` bytes are buffered, and returns all buffered bytes.
    fn at_least(&mut self, count: usize, what: &str) -> Result<&[u8], WireError> {
        while self.received().len() < count {
            self.more(what)?;
        }
        Ok(self.received())
    }

    /// Waits for `end`, searched from position `from` on, and returns the position after it.
    fn until(&mut self, from: usize, end: &[u8], what: &str) -> Result<usize, WireError> {
        let mut at = from;
        loop {
            let rest = self.received().get(at..).unwrap_or_default();
            if let Some(place) = rest.windows(end.len()).position(|window| window == end) {
                return Ok(at + place + end.len());
            }
            // A part of `end` may already have arrived, so the search repeats the last `end.len() - 1` bytes.
            at = from.max((at + rest.len()).saturating_sub(end.len() - 1));
            if at - from > MOST_LINE {
                return Err(too_much(self.received(), what));
            }
            self.more(what)?;
        }
    }

    /// Waits until the peer closes, and returns the number of received bytes.
    fn until_closed(&mut self, what: &str) -> Result<usize, WireError> {
        while self.receive(what)? {}
        Ok(self.received().len())
    }

    /// Removes and returns the first `count` bytes.
    fn take(&mut self, count: usize) -> Vec<u8> {
        self.received().drain(..count).collect()
    }
}

/// The error for a server that sends more than the client buffers.
pub(crate) fn too_much(received: &[u8], what: &str) -> WireError {
    let count = received.len();
    let message = format!("the server sent {count} bytes without {what}, and goes on sending");
    WireError::new(Kind::Unexpected, message).with_arrived(&received[..count.min(MOST_SHOWN)])
}
