//! A cache in memory, which reuses a stored response for later requests (RFC 9111).
//!
//! It is a shared cache: one client may get a response that was made for another. So it has to
//! decide not only how long a response may be reused, but also for which clients.
//!
//! - [`key`]: the key of an entry, from the resource and Vary.
//! - `freshness`: the time for which a response may be reused, and the clients that may get it.
//!   [`control`] parses Cache-Control.
//! - `revalidation`: a 304 for a client that already has the entry.
//! - `recorder`: records a body while it is sent.
//! - [`store`]: the entries, their limits, and invalidation by writes.

pub mod control;
mod freshness;
pub mod key;
mod recorder;
mod revalidation;
pub mod store;

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::basic_auth::AUTHORIZATION;
use super::request_id::X_REQUEST_ID;
use super::{Middleware, Next};
use crate::core::MemoryBudget;
use crate::core::sync::{Mutex, lock};
use crate::http::limits::MIB;
use crate::http::path_prefix::PathPrefix;
use crate::http::{
    HeaderName, HeaderValue, Headers, HttpError, IntoResponse, Method, Request, Response,
    SharedBytes, Status, Target, header,
};
use control::CacheControl;
use freshness::{AGE, add_date, initial_age, lifetime};
use key::{Key, Selection};
use recorder::{Fetch, Pending, shared};
use revalidation::has_current;
pub use store::Capacity;
use store::{CacheEntry, Store};

/// The URI of the resource that the content represents (RFC 9110 section 8.7).
const CONTENT_LOCATION: HeaderName = HeaderName::from_static("Content-Location");
/// The result of the cache lookup: HIT, MISS or BYPASS. No RFC defines this field, but many caches
/// send it.
const X_CACHE: HeaderName = HeaderName::from_static("X-Cache");

/// The response came from the cache.
const HIT: HeaderValue = HeaderValue::from_static("HIT");
/// The response was not in the cache, or was stale.
const MISS: HeaderValue = HeaderValue::from_static("MISS");
/// The request bypasses the cache.
const BYPASS: HeaderValue = HeaderValue::from_static("BYPASS");

/// Requests with these fields bypass the cache: they need a part of a response, or a condition that
/// only the handler can evaluate.
const NOT_FOR_US: [&str; 4] = ["Range", "If-Range", "If-Match", "If-Unmodified-Since"];

/// Fields that apply to one connection only (RFC 9110 section 7.6.1), in addition to the fields
/// that Connection lists.
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

/// The default limits: 1,024 responses, 32 MiB in total, and 16 MiB per response.
const CAPACITY: Capacity =
    Capacity { max_entries: 1024, max_bytes: 32 * MIB, max_object: 16 * MIB };

/// The maximum number of bytes of a stream that are recorded for an entry. Each slow client has its
/// own recording until its response has been sent.
const MAX_RECORDED: usize = MIB;

/// The clock, which tests replace.
type Clock = Box<dyn Fn() -> Instant + Send + Sync>;

/// A layer that stores responses to GET while they are fresh, and reuses them for later requests.
pub struct ResponseCache {
    capacity: Capacity,
    clock: Clock,
    /// The paths at or below these prefixes are not cached.
    except: Vec<PathPrefix>,
    /// The budget for bodies that are being recorded.
    memory: MemoryBudget,
    /// The entries. The lock is held for a lookup or a change, never while a response is generated
    /// or sent.
    store: Arc<Mutex<Store>>,
}

impl ResponseCache {
    /// Creates an empty cache with the default limits.
    pub fn new() -> ResponseCache {
        ResponseCache::with_capacity(CAPACITY)
    }

    /// Creates a cache that counts its entries in the server's memory budget, up to an eighth of
    /// it. Entries stay even when no client receives them, so without that bound they could use up
    /// the memory for clients.
    pub fn within(memory: MemoryBudget) -> ResponseCache {
        let max_bytes = CAPACITY.max_bytes.min(memory.limit() / 8);
        let max_object = CAPACITY.max_object.min(max_bytes / 2);
        let capacity = Capacity { max_bytes, max_object, ..CAPACITY };
        ResponseCache { memory, ..ResponseCache::with_capacity(capacity) }
    }

    /// Creates an empty cache with other limits.
    pub fn with_capacity(capacity: Capacity) -> ResponseCache {
        ResponseCache {
            capacity,
            clock: Box::new(Instant::now),
            except: Vec::new(),
            memory: MemoryBudget::default(),
            store: Arc::new(Mutex::new(Store::new(capacity))),
        }
    }

    /// Replaces the clock, which must be monotonic.
    pub fn with_clock(self, clock: impl Fn() -> Instant + Send + Sync + 'static) -> ResponseCache {
        ResponseCache { clock: Box::new(clock), ..self }
    }

    /// Excludes this path and every path below it from the cache.
    pub fn except(mut self, prefix: &str) -> ResponseCache {
        self.except.push(PathPrefix::new(prefix));
        self
    }

    fn is_excepted(&self, target: &Target) -> bool {
        self.except.iter().any(|prefix| prefix.contains(target))
    }

    /// Returns the stored response for a request, unless it is stale, or the request's directives
    /// or credentials rule it out.
    fn find(
        &self,
        request: &Request,
        key: &Key,
        directives: &CacheControl,
    ) -> Option<Arc<CacheEntry>> {
        if directives.has("no-cache") {
            return None;
        }
        let (now, max_age) = ((self.clock)(), directives.time("max-age").unwrap_or(Duration::MAX));
        let has_credentials = request.headers().contains(AUTHORIZATION);
        lock(&self.store).find(key, request.headers(), now, |entry| {
            entry.age(now) < max_age && (entry.is_public || !has_credentials)
        })
    }

    /// Creates the response from an entry: the whole response, or a 304.
    fn respond_with(&self, request: &mut Request, entry: &CacheEntry) -> Response {
        let mut response = if has_current(request.headers(), &entry.headers) {
            Response::new(Status::NOT_MODIFIED)
        } else {
            Response::new(Status::OK).with_body(shared(entry.body.clone()))
        };
        let is_whole = response.status() == Status::OK;
        for (name, value) in entry.headers.iter() {
            // A 304 has no content that these fields could describe (RFC 9110 section 15.4.5).
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

    /// Invalidates entries after a successful write: the entries of the request's own path, and of
    /// the resources on the same host that the response names (RFC 9111 section 4.4).
    fn invalidate(&self, key: &Key, response: &Headers) {
        let mut store = lock(&self.store);
        store.invalidate(key);
        let names = [header::LOCATION, CONTENT_LOCATION];
        let values = names.iter().flat_map(|name| response.get_all(name));
        for named in values.filter_map(|value| key.named_by(value)) {
            store.invalidate(&named);
        }
    }

    /// Stores the response of a handler while it is sent, if it may be stored.
    fn keep(&self, request: &Request, key: Key, mut response: Response, fetch: Fetch) -> Response {
        let Some((lifetime, is_public)) = lifetime(request, &response) else { return response };
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
        let (max_bytes, memory) = (self.capacity.max_object.min(MAX_RECORDED), self.memory.clone());
        let pending = Pending { entry, fetch, max_bytes, memory };
        let body = pending.keep(response.take_body());
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
        let (key, directives) = (Key::of(request), CacheControl::of(request.headers()));
        let method = request.method();
        let is_read = [Method::Get, Method::Head].contains(&method);
        let is_for_us = is_read
            && !self.is_excepted(request.target())
            && !directives.has("no-store")
            // Content of a GET or HEAD has no defined semantics (RFC 9110 section 9.3.1), but a
            // handler may still use it, and the key does not cover it (cache poisoning).
            && request.body().is_empty()
            && !NOT_FOR_US.iter().any(|name| request.headers().contains(name));
        if is_for_us && let Some(entry) = self.find(request, &key, &directives) {
            return self.respond_with(request, &entry);
        }
        let outcome = if is_for_us { MISS } else { BYPASS };
        if is_read && directives.has("only-if-cached") {
            let error =
                HttpError::new(Status::GATEWAY_TIMEOUT, "not_cached", "it is not in the cache");
            return error.into_response().with_header(X_CACHE, outcome);
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
        response.with_header(X_CACHE, outcome)
    }
}

/// Returns the fields to store, without Age, which is computed for each response.
fn to_be_kept(headers: &Headers) -> Headers {
    let mut kept = headers.clone();
    let named: Vec<&str> = headers.list(header::CONNECTION).collect();
    for name in named.into_iter().chain(HOP_BY_HOP).chain([X_REQUEST_ID.as_str(), AGE.as_str()]) {
        kept.remove(name);
    }
    kept
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::http::Handler;
    use crate::middleware::Chain;

    /// A clock that a test advances, in milliseconds.
    #[derive(Clone, Default)]
    struct Hand(Arc<AtomicU64>);

    impl Hand {
        fn clock(&self) -> impl Fn() -> Instant + Send + Sync + 'static {
            let (start, hand) = (Instant::now(), self.clone());
            move || start + Duration::from_millis(hand.0.load(Ordering::SeqCst))
        }
    }

    /// Puts a cache around a handler.
    fn cached(hand: &Hand, handler: impl Handler) -> Chain {
        Chain::around(handler).with(ResponseCache::new().with_clock(hand.clock()))
    }

    /// Returns a 200 that is fresh for a minute.
    fn text() -> Response {
        let minute = HeaderValue::from_static("max-age=60");
        Response::text("text").with_header(header::CACHE_CONTROL, minute)
    }

    /// Sends a request, and returns the status, X-Cache and Age.
    fn ask(chain: &Chain, request: &mut Request) -> (u16, String, String) {
        let response = chain.handle(request);
        let field = |name| {
            let value = response.headers().get(name).and_then(HeaderValue::to_str);
            value.unwrap_or_default().to_string()
        };
        (response.status().code(), field(X_CACHE), field(AGE))
    }

    fn get(chain: &Chain) -> (u16, String, String) {
        ask(chain, &mut Request::builder(Method::Get, "/").build())
    }

    #[test]
    fn a_response_ages_until_it_is_too_old() {
        let hand = Hand::default();
        let chain = cached(&hand, |_: &mut Request| text());
        assert_eq!((get(&chain).1.as_str(), get(&chain).1.as_str()), ("MISS", "HIT"));
        for (milliseconds, word, age) in
            [(999, "HIT", "0"), (1_000, "HIT", "1"), (59_999, "HIT", "59"), (60_000, "MISS", "")]
        {
            hand.0.store(milliseconds, Ordering::SeqCst);
            let (status, outcome, got) = get(&chain);
            assert_eq!((status, outcome.as_str(), got.as_str()), (200, word, age));
        }
    }

    #[test]
    fn a_client_can_require_a_younger_response() {
        let hand = Hand::default();
        let chain = cached(&hand, |_: &mut Request| text());
        get(&chain);
        hand.0.store(10_000, Ordering::SeqCst);
        for (directive, word) in [("max-age=11", "HIT"), ("max-age=10", "MISS")] {
            let request = Request::builder(Method::Get, "/").header("Cache-Control", directive);
            assert_eq!(ask(&chain, &mut request.build()).1, word, "{directive}");
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
