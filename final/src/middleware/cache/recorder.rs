//! Records a response's body while it is sent.

use std::io::Read;
use std::sync::Arc;
use std::time::Instant;

use super::key::Key;
use super::store::{CacheEntry, Store};
use crate::core::MemoryBudget;
use crate::core::memory_budget::Reservation;
use crate::core::sync::{Mutex, lock};
use crate::http::file_part::FilePart;
use crate::http::{ResponseBody, SharedBytes};

/// Returns a body that consists of all of `bytes`.
pub(super) fn shared(bytes: SharedBytes) -> ResponseBody {
    ResponseBody::Shared { range: 0..bytes.len(), bytes }
}

/// A response in progress, tracked by the store until it is stored or dropped.
pub(super) struct Fetch {
    store: Arc<Mutex<Store>>,
    number: u64,
    pub(super) begun: Instant,
}

impl Fetch {
    pub(super) fn begin(store: &Arc<Mutex<Store>>, key: &Key, now: Instant) -> Fetch {
        let number = lock(store).begin(key);
        Fetch { store: Arc::clone(store), number, begun: now }
    }
}

impl Drop for Fetch {
    fn drop(&mut self) {
        lock(&self.store).end(self.number);
    }
}

/// An entry whose body is not complete.
pub(super) struct Pending {
    pub(super) entry: CacheEntry,
    pub(super) fetch: Fetch,
    /// The maximum number of bytes of a stream that are recorded.
    pub(super) max_bytes: usize,
    /// The memory budget in which the bytes are counted.
    pub(super) memory: MemoryBudget,
}

impl Pending {
    /// Stores the body: at once if it is in memory, and otherwise when it has been sent. Returns
    /// the body to send.
    pub(super) fn keep(self, body: ResponseBody) -> ResponseBody {
        let length = body.length();
        match body {
            ResponseBody::Empty => {
                self.finish(SharedBytes::default());
                ResponseBody::Empty
            }
            ResponseBody::Bytes(bytes) => {
                // The response to the first client also shares the bytes of the entry.
                let bytes = SharedBytes::from(bytes.into_owned());
                self.finish(bytes.clone());
                shared(bytes)
            }
            ResponseBody::Shared { bytes, range } => {
                self.finish(bytes.get(range.clone()).unwrap_or_default().to_vec().into());
                ResponseBody::Shared { bytes, range }
            }
            ResponseBody::File { file, range } => {
                Recorder::body(Box::new(FilePart::new(file, range)), length, self)
            }
            ResponseBody::Stream { reader, .. } => Recorder::body(reader, length, self),
        }
    }

    fn finish(self, body: SharedBytes) {
        let Pending { entry, fetch, .. } = self;
        lock(&fetch.store).put(CacheEntry { body, ..entry }, fetch.number);
    }
}

/// A reader that records the bytes it returns, and stores the entry at the end. If the client
/// disconnects early, the entry is dropped.
struct Recorder {
    reader: Box<dyn Read + Send>,
    bytes: Vec<u8>,
    /// The reservation for the capacity of `bytes`.
    reserved: Reservation,
    /// The length of the body, if it is known.
    length: Option<u64>,
    /// The entry, or `None` once it has been stored or cannot be stored any more.
    pending: Option<Pending>,
}

impl Recorder {
    /// Creates a body that is stored when it has been sent.
    fn body(reader: Box<dyn Read + Send>, length: Option<u64>, pending: Pending) -> ResponseBody {
        let (bytes, reserved, pending) = (Vec::new(), Reservation::default(), Some(pending));
        let recorder = Recorder { reader, bytes, reserved, length, pending };
        ResponseBody::Stream { reader: Box::new(recorder), length }
    }

    /// Records bytes. Returns `false` if there are too many for an entry or for the memory budget.
    /// The response is then sent without being stored.
    fn record(&mut self, read: &[u8]) -> bool {
        let Some(pending) = &self.pending else { return false };
        let (needed, capacity) = (self.bytes.len() + read.len(), self.bytes.capacity());
        if needed > pending.max_bytes {
            return false;
        }
        if needed > capacity {
            let larger = needed.max(pending.max_bytes.min(2 * capacity));
            if self.reserved.resize(&pending.memory, larger).is_err() {
                return false;
            }
            self.bytes.reserve_exact(larger - self.bytes.len());
        }
        self.bytes.extend_from_slice(read);
        true
    }
}

impl Read for Recorder {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.reader.read(buffer)?;
        if self.pending.is_none() {
            return Ok(count);
        }
        if !self.record(&buffer[..count]) {
            (self.pending, self.bytes, self.reserved) = Default::default();
            return Ok(count);
        }
        let is_whole = match self.length {
            Some(length) => self.bytes.len() as u64 == length,
            None => count == 0 && !buffer.is_empty(),
        };
        if is_whole && let Some(pending) = self.pending.take() {
            pending.finish(std::mem::take(&mut self.bytes).into());
            self.reserved = Reservation::default();
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::limits::MIB;
    use crate::http::{Handler, HeaderValue, Method, Request, Response, header};
    use crate::middleware::Chain;
    use crate::middleware::cache::{CAPACITY, Capacity, ResponseCache, X_CACHE};

    fn cached(handler: impl Handler) -> Chain {
        Chain::around(handler).with(ResponseCache::new())
    }

    /// Returns a 200 that is fresh for a minute.
    fn text() -> Response {
        let minute = HeaderValue::from_static("max-age=60");
        Response::text("text").with_header(header::CACHE_CONTROL, minute)
    }

    fn stream(parts: &'static [&'static str], length: Option<u64>) -> impl Handler {
        struct Parts(std::slice::Iter<'static, &'static str>);
        impl Read for Parts {
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                let part = self.0.next().copied().unwrap_or_default().as_bytes();
                buffer[..part.len()].copy_from_slice(part);
                Ok(part.len())
            }
        }
        move |_: &mut Request| {
            let reader = Box::new(Parts(parts.iter()));
            text().with_body(ResponseBody::Stream { reader, length })
        }
    }

    /// Sends a GET, reads at most `max` bytes of the body as the encoder would, and returns X-Cache
    /// and the bytes.
    fn read(chain: &Chain, max: u64) -> (String, Vec<u8>) {
        let response = chain.handle(&mut Request::builder(Method::Get, "/").build());
        let outcome = response.headers().get(X_CACHE).and_then(HeaderValue::to_str);
        let outcome = outcome.unwrap_or_default().to_string();
        let length = response.body().length().unwrap_or(u64::MAX);
        let mut read = Vec::new();
        match response.into_parts().2 {
            ResponseBody::Stream { reader, .. } => {
                reader.take(length.min(max)).read_to_end(&mut read).unwrap();
            }
            ResponseBody::Shared { bytes, range } => read.extend_from_slice(&bytes[range]),
            other => panic!("{other:?}"),
        }
        (outcome, read)
    }

    fn get(chain: &Chain) -> (String, Vec<u8>) {
        read(chain, u64::MAX)
    }

    /// Regression test: each client got a copy of the body, so 500 slow clients used 500 times the
    /// memory of the entry.
    #[test]
    fn all_clients_share_the_bytes_of_the_entry() {
        let large = |_: &mut Request| {
            let minute = HeaderValue::from_static("max-age=60");
            Response::text("x".repeat(10 * MIB)).with_header(header::CACHE_CONTROL, minute)
        };
        let chain = cached(large);
        let bodies = [(); 3].map(|()| {
            let response = chain.handle(&mut Request::builder(Method::Get, "/").build());
            match response.into_parts().2 {
                ResponseBody::Shared { bytes, .. } => bytes,
                other => panic!("{other:?}"),
            }
        });
        assert_eq!(bodies[0].len(), 10 * MIB);
        let first = bodies[0].as_ptr();
        assert!(bodies.iter().all(|bytes| bytes.as_ptr() == first));
    }

    #[test]
    fn a_stream_is_stored_when_all_of_it_has_been_read() {
        for length in [None, Some(6)] {
            let chain = cached(stream(&["abc", "def"], length));
            assert_eq!(read(&chain, 3), ("MISS".to_string(), b"abc".to_vec()));
            assert_eq!(get(&chain).0, "MISS", "the first client disconnected in the middle");
            assert_eq!(get(&chain), ("HIT".to_string(), b"abcdef".to_vec()));
        }
        let chain = cached(stream(&["abc"], Some(6)));
        get(&chain);
        assert_eq!(get(&chain).0, "MISS", "three bytes did not arrive");
    }

    #[test]
    fn a_stream_that_becomes_too_large_is_sent_and_not_stored() {
        let capacity = Capacity { max_object: 5, ..CAPACITY };
        let cache = ResponseCache::with_capacity(capacity);
        let chain = Chain::around(stream(&["abc", "def"], None)).with(cache);
        for _ in 0..2 {
            assert_eq!(get(&chain), ("MISS".to_string(), b"abcdef".to_vec()));
        }
    }

    #[test]
    fn a_stream_without_memory_for_it_is_sent_and_not_stored() {
        for (limit, expected) in [(6, "HIT"), (5, "MISS")] {
            let memory = MemoryBudget::new(limit);
            let cache = ResponseCache { memory: memory.clone(), ..ResponseCache::new() };
            let chain = Chain::around(stream(&["abc", "def"], None)).with(cache);
            assert_eq!(get(&chain).1, b"abcdef", "{limit}");
            assert_eq!((get(&chain).0.as_str(), memory.held()), (expected, 0), "{limit}");
        }
    }
}
