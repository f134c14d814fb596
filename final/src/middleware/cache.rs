//! A cache in memory: an answer that may be used again is not made again (RFC 9111).
//!
//! It is a shared cache: what it keeps is for everybody. So the question is not only how long an answer is
//! good, but also for whom. [`super::cache_store`] is where answers are kept.

use std::io::Read;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::cache_control::CacheControl;
use super::cache_store::{CacheEntry, Capacity, Key, Selection, Store};
use super::request_id::X_REQUEST_ID;
use super::{Middleware, Next};
use crate::core::MemoryBudget;
use crate::core::memory_budget::Reservation;
use crate::http::conditional::{self, Evaluation, Tags};
use crate::http::file_part::FilePart;
use crate::http::limits::MIB;
use crate::http::path_prefix::PathPrefix;
use crate::http::validators::Validators;
use crate::http::{
    HeaderName, HeaderValue, Headers, HttpError, IntoResponse, Method, Request, Response,
    ResponseBody, SharedBytes, Status, Target, date, header,
};

/// How many seconds ago the answer was made (RFC 9111 section 5.1).
const AGE: HeaderName = HeaderName::from_static("Age");
/// Who the client says it is (RFC 9110 section 11.6.2).
const AUTHORIZATION: HeaderName = HeaderName::from_static("Authorization");
/// Of which resource the content is (RFC 9110 section 8.7).
const CONTENT_LOCATION: HeaderName = HeaderName::from_static("Content-Location");
/// Where the answer came from. No RFC defines it, and many caches say it.
const X_CACHE: HeaderName = HeaderName::from_static("X-Cache");

/// The answer came from here.
const HIT: HeaderValue = HeaderValue::from_static("HIT");
/// It could have, but was not here, or was too old.
const MISS: HeaderValue = HeaderValue::from_static("MISS");
/// No answer to a request like this comes from here.
const BYPASS: HeaderValue = HeaderValue::from_static("BYPASS");

/// Requests with these want a part of an answer, or an answer of the handler itself.
const NOT_FOR_US: [&str; 4] = ["Range", "If-Range", "If-Match", "If-Unmodified-Since"];

/// Fields that belong to one connection (RFC 9110 section 7.6.1), besides those that Connection names.
const HOP_BY_HOP: [&str; 9] = [
    "Connection",
    "Keep-Alive",
    "Proxy-Authenticate",
    "Proxy-Authentication-Info",
    "Proxy-Connection",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
];

/// How much is kept: 128 responses, 32 MiB, and none that is larger than 16 MiB.
const CAPACITY: Capacity = Capacity { max_entries: 128, max_bytes: 32 * MIB, max_object: 16 * MIB };

/// Bytes of a stream that are recorded for an entry. Each client that reads slowly has a recording of its own until its
/// response has been sent.
const RECORDED: usize = MIB;

/// The time. It is given, so that a test can move it.
type Clock = Box<dyn Fn() -> Instant + Send + Sync>;

/// Keeps answers to GET for as long as they say, and answers with them.
pub struct ResponseCache {
    capacity: Capacity,
    clock: Clock,
    /// What is asked of these paths, or below them, is never kept.
    except: Vec<PathPrefix>,
    /// For what is recorded.
    memory: MemoryBudget,
    /// Locked for a look-up or for a change, and never while an answer is made or sent.
    store: Arc<Mutex<Store>>,
}

impl ResponseCache {
    /// A cache with nothing in it.
    pub fn new() -> ResponseCache {
        ResponseCache::with_capacity(CAPACITY)
    }

    /// A cache in a server with this memory budget. Entries are counted there, too, and take up an eighth of it at most: an
    /// entry is kept when nobody reads it, and clients must not find the budget used up by that.
    pub fn within(memory: MemoryBudget) -> ResponseCache {
        let max_bytes = CAPACITY.max_bytes.min(memory.limit() / 8);
        let max_object = CAPACITY.max_object.min(max_bytes / 2);
        let capacity = Capacity { max_bytes, max_object, ..CAPACITY };
        ResponseCache { memory, ..ResponseCache::with_capacity(capacity) }
    }

    /// A cache that keeps more, or less.
    pub fn with_capacity(capacity: Capacity) -> ResponseCache {
        ResponseCache {
            capacity,
            clock: Box::new(Instant::now),
            except: Vec::new(),
            memory: MemoryBudget::default(),
            store: Arc::new(Mutex::new(Store::new(capacity))),
        }
    }

    /// Takes the time from `clock`, which must never go back.
    pub fn with_clock(self, clock: impl Fn() -> Instant + Send + Sync + 'static) -> ResponseCache {
        ResponseCache { clock: Box::new(clock), ..self }
    }

    /// Never keeps what is asked of this path, or below it.
    pub fn except(mut self, prefix: &str) -> ResponseCache {
        self.except.push(PathPrefix::new(prefix));
        self
    }

    fn is_excepted(&self, target: &Target) -> bool {
        self.except.iter().any(|prefix| prefix.contains(target))
    }

    /// The entry for a request, if it is good enough for it.
    fn find(&self, request: &Request, key: &Key, asked: &CacheControl) -> Option<Arc<CacheEntry>> {
        if asked.has("no-cache") {
            return None;
        }
        let (now, youth) = ((self.clock)(), asked.time("max-age").unwrap_or(Duration::MAX));
        let has_name = request.headers().contains(AUTHORIZATION);
        lock(&self.store).find(key, request.headers(), now, |entry| {
            entry.age(now) < youth && (entry.is_public || !has_name)
        })
    }

    /// Answers with what is here: all of it, or that the client has it already.
    fn answer(&self, request: &mut Request, entry: &CacheEntry) -> Response {
        let mut response = if has_it(request.headers(), &entry.headers) {
            Response::new(Status::NOT_MODIFIED)
        } else {
            Response::new(Status::OK).with_body(shared(entry.body.clone()))
        };
        let is_whole = response.status() == Status::OK;
        for (name, value) in entry.headers.iter() {
            // What describes content is of no use where there is none (RFC 9110 section 15.4.5).
            if is_whole || ![header::CONTENT_TYPE, header::CONTENT_ENCODING].contains(name) {
                response.headers_mut().append(name.clone(), value.clone());
            }
        }
        if let Some(matched) = &entry.matched {
            request.set_matched(matched.clone());
        }
        let age = entry.age((self.clock)()).as_secs();
        response.with_header(AGE, age.into()).with_header(X_CACHE, HIT)
    }

    /// A write has succeeded: drops what it can have changed, that is its own path and what its response names on the
    /// same host (RFC 9111 section 4.4).
    fn invalidate(&self, key: &Key, response: &Headers) {
        let mut store = lock(&self.store);
        store.invalidate(key);
        let names = [header::LOCATION, CONTENT_LOCATION];
        let values = names.iter().flat_map(|name| response.get_all(name));
        for named in values.filter_map(|value| key.named_by(value)) {
            store.invalidate(&named);
        }
    }

    /// Lets the answer of a handler be kept as it is sent, if it may be kept.
    fn keep(&self, request: &Request, key: Key, mut response: Response, fetch: Fetch) -> Response {
        let Some((lifetime, is_public)) = may_be_kept(request, &response) else { return response };
        if response.body().length().is_some_and(|length| length > self.capacity.max_object as u64) {
            return response;
        }
        add_date(response.headers_mut());
        let arrived = (self.clock)();
        let delay = arrived.saturating_duration_since(fetch.begun);
        let initial_age = initial_age(response.headers(), delay);
        if initial_age >= lifetime {
            return response;
        }
        let entry = CacheEntry {
            key,
            selection: Selection::of(response.headers(), request.headers()),
            headers: to_be_kept(response.headers()),
            body: SharedBytes::default(),
            matched: request.matched().cloned(),
            is_public,
            arrived,
            initial_age,
            lifetime,
        };
        let (most, memory) = (self.capacity.max_object.min(RECORDED), self.memory.clone());
        let pending = Pending { entry, fetch, most, memory };
        let length = response.body().length();
        let body = match response.take_body() {
            ResponseBody::Empty => {
                pending.finish(SharedBytes::default());
                ResponseBody::Empty
            }
            ResponseBody::Bytes(bytes) => {
                // This first client, too, is sent the bytes of the entry.
                let bytes = SharedBytes::from(bytes.into_owned());
                pending.finish(bytes.clone());
                shared(bytes)
            }
            ResponseBody::Shared { bytes, range } => {
                pending.finish(bytes.get(range.clone()).unwrap_or_default().to_vec().into());
                ResponseBody::Shared { bytes, range }
            }
            ResponseBody::File { file, range } => {
                let part = FilePart::new(file, range);
                Recorder::body(Box::new(part), length, pending)
            }
            ResponseBody::Stream { reader, .. } => Recorder::body(reader, length, pending),
        };
        response.with_body(body)
    }
}

impl Default for ResponseCache {
    fn default() -> ResponseCache {
        ResponseCache::new()
    }
}

impl Middleware for ResponseCache {
    fn handle(&self, request: &mut Request, next: Next<'_>) -> Response {
        let (key, asked) = (Key::of(request), CacheControl::of(request.headers()));
        let method = request.method();
        let is_read = [Method::Get, Method::Head].contains(&method);
        let is_for_us = is_read
            && !self.is_excepted(request.target())
            && !asked.has("no-store")
            // Content is not in the key, and can mean anything.
            && request.body().is_empty()
            && !NOT_FOR_US.iter().any(|name| request.headers().contains(name));
        if is_for_us && let Some(entry) = self.find(request, &key, &asked) {
            return self.answer(request, &entry);
        }
        let word = if is_for_us { MISS } else { BYPASS };
        if is_read && asked.has("only-if-cached") {
            let error =
                HttpError::new(Status::GATEWAY_TIMEOUT, "not_cached", "it is not in the cache");
            return error.into_response().with_header(X_CACHE, word);
        }
        let is_kept = is_for_us && method == Method::Get;
        let fetch = is_kept.then(|| Fetch::begin(&self.store, &key, (self.clock)()));
        let response = next.run(request);
        let status = response.status();
        if !method.is_safe() && (status.is_success() || status.is_redirection()) {
            self.invalidate(&key, response.headers());
        }
        let response = match fetch {
            Some(fetch) => self.keep(request, key, response, fetch),
            None => response,
        };
        response.with_header(X_CACHE, word)
    }
}

/// A body with all of these bytes.
fn shared(bytes: SharedBytes) -> ResponseBody {
    ResponseBody::Shared { range: 0..bytes.len(), bytes }
}

/// For how long a response may be kept, and whether for everybody. `None` if it must not be (RFC 9111 section 3).
fn may_be_kept(request: &Request, response: &Response) -> Option<(Duration, bool)> {
    let control = CacheControl::of(response.headers());
    // s-maxage is for caches such as this one and outweighs max-age (section 5.2.2.10).
    let lifetime = control.time("s-maxage").or_else(|| control.time("max-age"))?;
    let is_public = control.has("public") || control.has("s-maxage");
    let is_kept = response.status() == Status::OK
        && !lifetime.is_zero()
        && !["no-store", "private", "no-cache"].iter().any(|name| control.has(name))
        // Whoever gets another one's cookie is that other one.
        && !response.headers().contains(header::SET_COOKIE)
        && !response.headers().list(header::VARY).any(|name| name == "*")
        && (is_public || !request.headers().contains(AUTHORIZATION));
    is_kept.then_some((lifetime, is_public))
}

/// Lets a response have the date of when it was made, also for those that get it later.
fn add_date(headers: &mut Headers) {
    if !headers.contains(header::DATE)
        && let Ok(now) = HeaderValue::try_from(date::imf_fixdate(date::now()))
    {
        headers.set(header::DATE, now);
    }
}

/// How old a response was when it arrived, which was so long after it was asked for (RFC 9111 section 4.2.3). Another
/// cache that it has passed says so in Age; one that says nothing is found out by the Date. An Age that is no number
/// does not count, and of several the first does (section 5.1).
fn initial_age(headers: &Headers, delay: Duration) -> Duration {
    let age = headers.list(AGE).next().filter(|it| it.bytes().all(|byte| byte.is_ascii_digit()));
    let age = age.map_or(0, |it| it.parse().unwrap_or(u64::MAX));
    let date = headers.get(header::DATE).and_then(HeaderValue::to_str);
    let date = date.and_then(date::parse_http_date);
    let apparent = date.and_then(|date| date::now().duration_since(date).ok()).unwrap_or_default();
    // A Date has whole seconds, so the rest of the second is no age.
    Duration::from_secs(apparent.as_secs()).max(Duration::from_secs(age).saturating_add(delay))
}

/// The fields that are the same for the next client. Age is said anew each time.
fn to_be_kept(headers: &Headers) -> Headers {
    let mut kept = headers.clone();
    let named: Vec<&str> = headers.list(header::CONNECTION).collect();
    for name in named.into_iter().chain(HOP_BY_HOP).chain([X_REQUEST_ID.as_str(), AGE.as_str()]) {
        kept.remove(name);
    }
    kept
}

/// Whether a client has the very state that is kept: then it need not get it again.
fn has_it(request: &Headers, kept: &Headers) -> bool {
    let etag =
        kept.get(header::ETAG).and_then(|value| conditional::parse_tag_list(value.as_bytes()));
    let Some(Tags::List(mut tags)) = etag else { return false };
    let Some(etag) = tags.pop() else { return false };
    let modified = kept.get(header::LAST_MODIFIED).and_then(HeaderValue::to_str);
    let modified = modified.and_then(date::parse_http_date);
    let kept = Validators { etag: Some(etag), modified };
    conditional::evaluate(Method::Get, request, Some(&kept)) == Evaluation::NotModified
}

fn lock(store: &Mutex<Store>) -> MutexGuard<'_, Store> {
    // No code of others runs under the lock, so a panic leaves nothing half done.
    store.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A response that is being made, as the store knows it until it is kept or dropped.
struct Fetch {
    store: Arc<Mutex<Store>>,
    number: u64,
    begun: Instant,
}

impl Fetch {
    fn begin(store: &Arc<Mutex<Store>>, key: &Key, now: Instant) -> Fetch {
        let number = lock(store).begin(key);
        Fetch { store: Arc::clone(store), number, begun: now }
    }
}

impl Drop for Fetch {
    fn drop(&mut self) {
        lock(&self.store).end(self.number);
    }
}

/// An entry that waits for its body.
struct Pending {
    entry: CacheEntry,
    fetch: Fetch,
    /// How many bytes of a stream may be recorded, and the budget that they are counted in.
    most: usize,
    memory: MemoryBudget,
}

impl Pending {
    fn finish(self, body: SharedBytes) {
        let Pending { entry, fetch, .. } = self;
        lock(&fetch.store).put(CacheEntry { body, ..entry }, fetch.number);
    }
}

/// Passes on what it reads, and keeps it once it has read all. A client that leaves in the middle ends the
/// reading, and then nothing is kept.
struct Recorder {
    reader: Box<dyn Read + Send>,
    bytes: Vec<u8>,
    /// For the capacity of `bytes`.
    reserved: Reservation,
    /// How many there will be, if anybody knows.
    length: Option<u64>,
    /// `None` when it is kept, or never will be.
    pending: Option<Pending>,
}

impl Recorder {
    /// A body that is kept when it has been sent.
    fn body(reader: Box<dyn Read + Send>, length: Option<u64>, pending: Pending) -> ResponseBody {
        let (bytes, reserved, pending) = (Vec::new(), Reservation::default(), Some(pending));
        let recorder = Recorder { reader, bytes, reserved, length, pending };
        ResponseBody::Stream { reader: Box::new(recorder), length }
    }

    /// Records what has been read. Returns `false` if that would be too much for an entry, or for the memory budget:
    /// the response is sent all the same, and not kept.
    fn record(&mut self, read: &[u8]) -> bool {
        let Some(pending) = &self.pending else { return false };
        let (needed, capacity) = (self.bytes.len() + read.len(), self.bytes.capacity());
        if needed > pending.most {
            return false;
        }
        if needed > capacity {
            let larger = needed.max(pending.most.min(2 * capacity));
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
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::http::Handler;
    use crate::middleware::Chain;

    /// A clock that a test moves, in milliseconds.
    #[derive(Clone, Default)]
    struct Hand(Arc<AtomicU64>);

    impl Hand {
        fn clock(&self) -> impl Fn() -> Instant + Send + Sync + 'static {
            let (start, hand) = (Instant::now(), self.clone());
            move || start + Duration::from_millis(hand.0.load(Ordering::SeqCst))
        }
    }

    /// A cache around a handler.
    fn cached(hand: &Hand, handler: impl Handler) -> Chain {
        Chain::around(handler).with(ResponseCache::new().with_clock(hand.clock()))
    }

    /// 200 for a minute.
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

    /// Asks, and reads the body as the encoder would, up to `most` bytes: status, X-Cache, Age and the bytes.
    fn ask(chain: &Chain, request: &mut Request, most: u64) -> (u16, String, String, Vec<u8>) {
        let response = chain.handle(request);
        let field = |name| {
            let value = response.headers().get(name).and_then(HeaderValue::to_str);
            value.unwrap_or_default().to_string()
        };
        let (status, cache, age) = (response.status().code(), field(X_CACHE), field(AGE));
        let length = response.body().length().unwrap_or(u64::MAX);
        let mut bytes = Vec::new();
        match response.into_parts().2 {
            ResponseBody::Bytes(own) => bytes.extend_from_slice(&own),
            ResponseBody::Stream { reader, .. } => {
                reader.take(length.min(most)).read_to_end(&mut bytes).unwrap();
            }
            ResponseBody::Shared { bytes: all, range } => bytes.extend_from_slice(&all[range]),
            ResponseBody::Empty | ResponseBody::File { .. } => {}
        }
        (status, cache, age, bytes)
    }

    fn get(chain: &Chain) -> (u16, String, String, Vec<u8>) {
        ask(chain, &mut Request::builder(Method::Get, "/").build(), u64::MAX)
    }

    #[test]
    fn an_answer_ages_until_it_is_too_old() {
        let hand = Hand::default();
        let chain = cached(&hand, |_: &mut Request| text());
        assert_eq!((get(&chain).1.as_str(), get(&chain).1.as_str()), ("MISS", "HIT"));
        for (milliseconds, word, age) in
            [(999, "HIT", "0"), (1_000, "HIT", "1"), (59_999, "HIT", "59"), (60_000, "MISS", "")]
        {
            hand.0.store(milliseconds, Ordering::SeqCst);
            let (status, cache, got, body) = get(&chain);
            assert_eq!((status, cache.as_str(), got.as_str()), (200, word, age));
            assert_eq!(body, b"text");
        }
    }

    /// Each client once got a copy: 500 that read slowly took up 500 times the memory of the entry.
    #[test]
    fn all_clients_are_sent_the_bytes_of_the_entry_and_no_copies_of_them() {
        let large = |_: &mut Request| {
            let minute = HeaderValue::from_static("max-age=60");
            Response::text("x".repeat(10 * MIB)).with_header(header::CACHE_CONTROL, minute)
        };
        let chain = cached(&Hand::default(), large);
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
    fn a_client_can_want_a_younger_one() {
        let hand = Hand::default();
        let chain = cached(&hand, |_: &mut Request| text());
        get(&chain);
        hand.0.store(10_000, Ordering::SeqCst);
        for (directive, word) in [("max-age=11", "HIT"), ("max-age=10", "MISS")] {
            let request = Request::builder(Method::Get, "/").header("Cache-Control", directive);
            assert_eq!(ask(&chain, &mut request.build(), u64::MAX).1, word, "{directive}");
        }
    }

    #[test]
    fn a_stream_is_kept_when_all_of_it_has_been_read() {
        for length in [None, Some(6)] {
            let chain = cached(&Hand::default(), stream(&["abc", "def"], length));
            let head = ask(&chain, &mut Request::builder(Method::Get, "/").build(), 3);
            assert_eq!((head.1.as_str(), &head.3[..]), ("MISS", &b"abc"[..]));
            assert_eq!(get(&chain).1, "MISS", "the first client left in the middle");
            let (_, cache, _, body) = get(&chain);
            assert_eq!((cache.as_str(), &body[..]), ("HIT", &b"abcdef"[..]));
        }
        let chain = cached(&Hand::default(), stream(&["abc"], Some(6)));
        get(&chain);
        assert_eq!(get(&chain).1, "MISS", "three bytes did not come");
    }

    #[test]
    fn what_becomes_too_large_is_sent_and_not_kept() {
        let capacity = Capacity { max_object: 5, ..CAPACITY };
        let cache = ResponseCache::with_capacity(capacity);
        let chain = Chain::around(stream(&["abc", "def"], None)).with(cache);
        for _ in 0..2 {
            let (_, cache, _, body) = get(&chain);
            assert_eq!((cache.as_str(), &body[..]), ("MISS", &b"abcdef"[..]));
        }
    }

    #[test]
    fn a_stream_for_which_there_is_no_memory_is_sent_and_not_kept() {
        for (limit, expected) in [(6, "HIT"), (5, "MISS")] {
            let memory = MemoryBudget::new(limit);
            let cache = ResponseCache { memory: memory.clone(), ..ResponseCache::new() };
            let chain = Chain::around(stream(&["abc", "def"], None)).with(cache);
            assert_eq!(get(&chain).3, b"abcdef", "{limit}");
            assert_eq!((get(&chain).1.as_str(), memory.held()), (expected, 0), "{limit}");
        }
    }

    #[test]
    fn an_entry_is_not_larger_than_a_small_budget_allows() {
        let cache = ResponseCache::within(MemoryBudget::new(16 * MIB));
        assert_eq!((cache.capacity.max_bytes, cache.capacity.max_object), (2 * MIB, MIB));
        assert_eq!(ResponseCache::within(MemoryBudget::default()).capacity, CAPACITY);
    }

    #[test]
    fn fields_of_one_connection_are_not_kept() {
        let mut headers = Headers::new();
        for (name, value) in
            [("Connection", "X-Hop, close"), ("x-hop", "1"), ("TE", "gzip"), ("X-Own", "1")]
        {
            let name = HeaderName::try_from(name).unwrap();
            headers.append(name, HeaderValue::try_from(value).unwrap());
        }
        let kept = to_be_kept(&headers);
        let names: Vec<&str> = kept.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["X-Own"]);
    }

    #[test]
    fn a_panic_in_a_handler_does_not_lock_the_cache_for_good() {
        let chain = cached(&Hand::default(), |request: &mut Request| {
            assert!(request.path() != "/panic", "this message is expected");
            text()
        });
        let ask = || chain.handle(&mut Request::builder(Method::Get, "/panic").build());
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(ask)).is_err());
        assert_eq!((get(&chain).1.as_str(), get(&chain).1.as_str()), ("MISS", "HIT"));
    }
}
