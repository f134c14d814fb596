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
    /// A copy of this head, in the room of the one before if nobody has kept a part of that.
    pub(super) fn fill(&mut self, head: &str) -> &Arc<String> {
        let mut text = self.0.take().unwrap_or_default();
        match Arc::get_mut(&mut text) {
            Some(text) => {
                text.clear();
                text.push_str(head);
            }
            None => text = Arc::new(head.to_string()),
        }
        self.0.insert(text)
    }

    /// Lets go of a head that is too large to be kept.
    pub(super) fn trim(&mut self) {
        if self.0.as_ref().is_some_and(|text| text.capacity() > KEPT) {
            self.0 = None;
        }
    }
}
