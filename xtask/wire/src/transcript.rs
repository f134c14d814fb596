//! The bytes that a client has sent and received.

use crate::escape;

/// The maximum number of bytes of one piece that are kept, and of the bytes that an error shows.
pub(crate) const MOST_SHOWN: usize = 64 * 1024;

/// Bytes in one direction, until the other side sends some.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Piece {
    /// Whether the client sent them.
    pub sent: bool,
    /// The first bytes.
    pub bytes: Vec<u8>,
    /// The number of all bytes.
    pub length: usize,
}

/// All bytes that were sent or received, in order.
#[derive(Debug, Default)]
pub(crate) struct Transcript(pub(crate) Vec<Piece>);

impl Transcript {
    /// As readable text, `>` before sent and `<` before received bytes.
    pub(crate) fn text(&self) -> String {
        let lines = |piece: &Piece| escape::lines(if piece.sent { '>' } else { '<' }, &piece.bytes);
        self.0.iter().map(lines).collect()
    }

    pub(crate) fn record(&mut self, sent: bool, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if self.0.last().is_none_or(|last| last.sent != sent) {
            self.0.push(Piece { sent, bytes: Vec::new(), length: 0 });
        }
        if let Some(last) = self.0.last_mut() {
            let kept = bytes.len().min(MOST_SHOWN.saturating_sub(last.bytes.len()));
            last.bytes.extend_from_slice(&bytes[..kept]);
            last.length += bytes.len();
        }
    }
}
