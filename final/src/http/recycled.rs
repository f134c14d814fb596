//! What a request leaves behind for the next one of the same thread: room.

use std::sync::Arc;

use super::Headers;

/// Memory that has been used, and is used again.
///
/// A connection that sends one request after the other would otherwise have the same few pieces of memory allocated and
/// freed for each of them.
#[derive(Debug, Default)]
pub struct Recycled {
    head: Option<Arc<Vec<u8>>>,
    headers: Headers,
}

/// A larger head is not kept.
const KEPT: usize = 16 * 1024;

impl Recycled {
    /// A copy of a head, to be shared by all that is in it, and an empty list for its fields.
    pub(super) fn take(&mut self, head: &[u8]) -> (Arc<Vec<u8>>, Headers) {
        let mut bytes = self.head.take().unwrap_or_default();
        match Arc::get_mut(&mut bytes) {
            Some(bytes) => bytes.extend_from_slice(head),
            None => bytes = Arc::new(head.to_vec()), // cannot be: it was given back by its only owner
        }
        (bytes, std::mem::take(&mut self.headers))
    }

    /// Takes back what a request was made of, unless somebody has kept a part of it.
    pub(super) fn give_back(&mut self, mut bytes: Arc<Vec<u8>>, mut headers: Headers) {
        headers.clear();
        self.headers = headers;
        if let Some(head) = Arc::get_mut(&mut bytes)
            && head.capacity() <= KEPT
        {
            head.clear();
            self.head = Some(bytes);
        }
    }
}
