//! What a request leaves behind for the next one of the same thread: room.

use std::sync::Arc;

use super::Request;

/// A request that has been answered, and is filled again.
///
/// A connection that sends one request after the other would otherwise have the same few pieces of memory allocated and
/// freed for each of them, and half a kilobyte moved from one place to the next.
#[derive(Debug, Default)]
pub struct Recycled {
    request: Option<Box<Request>>,
}

/// A larger head is not kept.
const KEPT: usize = 16 * 1024;

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

/// Room for a head, to be shared by all that is in it.
#[derive(Debug, Default)]
pub(super) struct Text(Option<Arc<String>>);

impl Text {
    /// A copy of this head, in the room of the one before if there is any.
    pub(super) fn fill(&mut self, head: &str) -> &Arc<String> {
        let mut text = self.0.take().unwrap_or_default();
        match Arc::get_mut(&mut text) {
            Some(text) => text.push_str(head),
            None => text = Arc::new(head.to_string()), // cannot be: what others have is not kept
        }
        self.0.insert(text)
    }

    /// Takes the head out, and keeps its room unless that is large, or somebody has kept a part of the head.
    pub(super) fn clear(&mut self) {
        match self.0.as_mut().and_then(Arc::get_mut) {
            Some(text) if text.capacity() <= KEPT => text.clear(),
            _ => self.0 = None,
        }
    }
}
