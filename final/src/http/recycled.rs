//! What a request leaves behind for the next one of the same thread: room.

use std::ops::Range;
use std::sync::Arc;

use super::Request;
use super::piece::Piece;

/// A request that has been answered, and is filled again.
///
/// A connection that sends one request after the other would otherwise have the same few pieces of memory allocated and
/// freed for each of them, and half a kilobyte moved from one place to the next.
#[derive(Debug, Default)]
pub struct Recycled {
    request: Option<Box<Request>>,
}

/// A larger head is not kept.
const MAX_KEPT_TEXT: usize = 16 * 1024;

impl Recycled {
    /// A request that says nothing yet.
    pub(super) fn take(&mut self) -> Box<Request> {
        self.request.take().unwrap_or_default()
    }

    /// Takes back a request that has been answered. Nothing that was in it is left.
    pub(super) fn give_back(&mut self, mut request: Box<Request>) {
        request.clear();
        self.request = Some(request);
    }
}

/// Room for a head, to be shared by all that is in it. Empty as long as nothing that is in it is long.
#[derive(Debug, Default)]
pub(super) struct Text(Option<Arc<String>>);

impl Text {
    /// A part of a head: a copy if it is short. Otherwise it has a share in a copy of the whole head, which is made for
    /// the first of them, in the room of the head before if there is any. `None` if that is not text.
    #[inline]
    pub(super) fn piece(&mut self, head: &[u8], part: Range<usize>) -> Option<Piece> {
        match Piece::short(head.get(part.clone())?) {
            Some(piece) => Some(piece),
            None => Some(Piece::of(self.fill(head)?, part.start, part.end)),
        }
    }

    /// The bytes that it has room for.
    pub(super) fn capacity(&self) -> usize {
        self.0.as_ref().map_or(0, |text| text.capacity())
    }

    fn fill(&mut self, head: &[u8]) -> Option<&Arc<String>> {
        let text = self.0.get_or_insert_default();
        if text.is_empty() {
            let head = str::from_utf8(head).ok()?;
            match Arc::get_mut(text) {
                Some(text) => text.push_str(head),
                None => *text = Arc::new(head.to_string()), // cannot be: what others have is not kept
            }
        }
        Some(text)
    }

    /// Takes the head out, and keeps its room unless that is large, or somebody has kept a part of the head.
    #[inline]
    pub(super) fn clear(&mut self) {
        if self.0.as_ref().is_none_or(|text| text.is_empty()) {
            return;
        }
        match self.0.as_mut().and_then(Arc::get_mut) {
            Some(text) if text.capacity() <= MAX_KEPT_TEXT => text.clear(),
            _ => self.0 = None,
        }
    }
}
