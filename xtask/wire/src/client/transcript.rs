//! The bytes that a client has sent and received.

use crate::escape;
use crate::source::MOST_SHOWN;

/// Bytes in one direction.
#[derive(Debug)]
struct Sent {
    by_us: bool,
    /// The first bytes.
    bytes: Vec<u8>,
    /// The number of all bytes.
    length: usize,
}

/// All bytes that were sent or received, in order.
#[derive(Debug, Default)]
pub(super) struct Transcript {
    sent: Vec<Sent>,
}

impl Transcript {
    /// As readable text, `>` before sent and `<` before received bytes.
    pub(super) fn text(&self) -> String {
        let mark = |by_us: bool| if by_us { '>' } else { '<' };
        self.sent.iter().map(|sent| escape::lines(mark(sent.by_us), &sent.bytes)).collect()
    }

    /// Whether the client sent it, its first bytes, and its length, of each piece.
    pub(super) fn pieces(&self) -> impl Iterator<Item = (bool, &[u8], usize)> {
        self.sent.iter().map(|sent| (sent.by_us, sent.bytes.as_slice(), sent.length))
    }

    pub(super) fn record(&mut self, by_us: bool, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if self.sent.last().is_none_or(|last| last.by_us != by_us) {
            self.sent.push(Sent { by_us, bytes: Vec::new(), length: 0 });
        }
        if let Some(last) = self.sent.last_mut() {
            let kept = bytes.len().min(MOST_SHOWN.saturating_sub(last.bytes.len()));
            last.bytes.extend_from_slice(&bytes[..kept]);
            last.length += bytes.len();
        }
    }
}
