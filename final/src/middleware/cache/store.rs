//! The entries of the cache, bounded in number and in bytes. Eviction is approximately least
//! recently used (LRU).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::key::{Key, Selection};
use crate::core::GenerationalMap;
use crate::http::matched::Matched;
use crate::http::{Headers, SharedBytes};

/// The limits of the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// The maximum number of entries.
    pub max_entries: usize,
    /// The maximum number of bytes of all entries, including their fields.
    pub max_bytes: usize,
    /// The maximum number of bytes of one body.
    pub max_object: usize,
}

/// A stored response with the status 200.
#[derive(Debug, Clone)]
pub struct CacheEntry {
    /// The resource of the response.
    pub key: Key,
    /// The request fields that select this response.
    pub selection: Selection,
    /// The fields of the response.
    pub headers: Headers,
    /// The bytes of the body, shared with every response that is sending them.
    pub body: SharedBytes,
    /// The route of the original request, for the log and the metrics.
    pub matched: Option<Matched>,
    /// Whether the entry may be used for requests with Authorization.
    pub is_public: bool,
    /// The time at which the response arrived in the cache.
    pub arrived: Instant,
    /// The age of the response when it arrived (RFC 9111 section 4.2.3).
    pub initial_age: Duration,
    /// The age up to which the entry may be used.
    pub lifetime: Duration,
}

impl CacheEntry {
    /// Returns the age of the entry at `now`.
    pub fn age(&self, now: Instant) -> Duration {
        self.initial_age.saturating_add(now.saturating_duration_since(self.arrived))
    }

    /// Returns whether the entry may still be reused at `now`.
    fn is_fresh(&self, now: Instant) -> bool {
        self.age(now) < self.lifetime
    }

    /// Returns the memory that the entry uses, in bytes.
    fn size(&self) -> usize {
        let fields =
            self.headers.iter().map(|(name, value)| name.as_str().len() + value.as_bytes().len());
        self.body.len() + self.key.size() + fields.sum::<usize>()
    }
}

/// The entries of the cache, and the responses in progress.
#[derive(Debug)]
pub struct Store {
    capacity: Capacity,
    /// The variants of each resource, the latest last. The weight of each is its size in bytes, or
    /// its share of `max_bytes` if that is more. So the weight bounds both the bytes and the number
    /// of entries.
    entries: GenerationalMap<Key, Vec<Arc<CacheEntry>>>,
    /// The resource of each response in progress, by a number. A write to the resource removes the
    /// response from this map.
    fetches: BTreeMap<u64, Key>,
    last_fetch: u64,
}

impl Store {
    /// Creates an empty store.
    pub fn new(capacity: Capacity) -> Store {
        // An unused entry may stay for any length of time, as long as it is fresh and there is
        // room.
        let entries = GenerationalMap::new(capacity.max_bytes, Duration::MAX);
        Store { capacity, entries, fetches: BTreeMap::new(), last_fetch: 0 }
    }

    /// Returns the entry for this request, unless it is stale or `suits` returns `false`.
    pub fn find(
        &mut self,
        key: &Key,
        request: &Headers,
        now: Instant,
        suits: impl Fn(&CacheEntry) -> bool,
    ) -> Option<Arc<CacheEntry>> {
        let variants = self.entries.get(key, now)?;
        let fits = |entry: &CacheEntry| entry.is_fresh(now) && entry.selection.fits(request);
        variants.iter().find(|entry| fits(entry) && suits(entry)).cloned()
    }

    /// Registers a response in progress for this key. The returned number is the argument of
    /// [`Store::put`] or [`Store::end`].
    pub fn begin(&mut self, key: &Key) -> u64 {
        self.last_fetch += 1;
        self.fetches.insert(self.last_fetch, key.clone());
        self.last_fetch
    }

    /// Unregisters a response in progress. It may have been stored already.
    pub fn end(&mut self, fetch: u64) {
        self.fetches.remove(&fetch);
    }

    /// Stores an entry, and replaces the entry for the same requests. The entry is dropped if the
    /// path was changed after the response was begun, because the response may be older than the
    /// change.
    pub fn put(&mut self, entry: CacheEntry, fetch: u64) {
        let now = entry.arrived;
        let is_too_large =
            entry.body.len() > self.capacity.max_object || entry.size() > self.capacity.max_bytes;
        if self.fetches.remove(&fetch).is_none() || is_too_large {
            return;
        }
        self.entries.retain(|_, variants| variants.iter().any(|entry| entry.is_fresh(now)));
        let key = entry.key.clone();
        let mut variants = self.entries.get(&key, now).map(std::mem::take).unwrap_or_default();
        // If Vary now lists other fields, the older variants were selected by the wrong fields.
        variants.retain(|old| {
            old.selection != entry.selection && old.selection.has_names_of(&entry.selection)
        });
        variants.push(Arc::new(entry));
        while self.weight(&variants) > self.capacity.max_bytes {
            variants.remove(0);
        }
        let weight = self.weight(&variants);
        self.entries.insert(key, variants, weight, now);
    }

    fn weight(&self, variants: &[Arc<CacheEntry>]) -> usize {
        let share = self.capacity.max_bytes / self.capacity.max_entries.max(1);
        variants.iter().map(|entry| entry.size().max(share)).sum()
    }

    /// Drops all entries for the path of `changed`, whatever their query, and keeps responses in
    /// progress for that path from being stored. Other paths keep their entries: if every write
    /// emptied the cache, frequent writes would make it useless.
    pub fn invalidate(&mut self, changed: &Key) {
        self.fetches.retain(|_, key| !key.has_path_of(changed));
        self.entries.retain(|key, _| !key.has_path_of(changed));
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::http::{HeaderValue, Method, Request, header};

    /// Creates an entry for a path, with a body of this many bytes.
    fn entry(request: &Request, vary: &'static str, length: usize) -> CacheEntry {
        let mut headers = Headers::new();
        headers.append(header::VARY, HeaderValue::from_static(vary));
        let selection = Selection::of(&headers, request.headers());
        CacheEntry {
            key: Key::of(request),
            selection,
            headers: Headers::new(),
            body: vec![0; length].into(),
            matched: None,
            is_public: false,
            arrived: Instant::now(),
            initial_age: Duration::ZERO,
            lifetime: Duration::from_secs(60),
        }
    }

    fn get(target: &str) -> Request {
        Request::builder(Method::Get, target).build()
    }

    fn has(store: &mut Store, request: &Request) -> bool {
        let now = Instant::now();
        store.find(&Key::of(request), request.headers(), now, |_| true).is_some()
    }

    fn put(store: &mut Store, entry: CacheEntry) {
        let fetch = store.begin(&entry.key);
        store.put(entry, fetch);
    }

    fn store(max_entries: usize, max_bytes: usize) -> Store {
        Store::new(Capacity { max_entries, max_bytes, max_object: 100 })
    }

    /// Returns the number of stored responses, and their total size in bytes.
    fn totals(store: &mut Store) -> (usize, usize) {
        let totals = Cell::new((0, 0));
        store.entries.retain(|_, variants| {
            let (count, bytes) = totals.get();
            let more: usize = variants.iter().map(|entry| entry.size()).sum();
            totals.set((count + variants.len(), bytes + more));
            true
        });
        totals.get()
    }

    #[test]
    fn the_least_recently_used_entry_is_dropped() {
        let mut store = store(2, 1000);
        for path in ["/a", "/b"] {
            put(&mut store, entry(&get(path), "", 1));
        }
        assert!(has(&mut store, &get("/a")));
        put(&mut store, entry(&get("/c"), "", 1));
        let kept = ["/a", "/b", "/c"].map(|path| has(&mut store, &get(path)));
        assert_eq!(kept, [true, false, true]);
    }

    #[test]
    fn the_number_of_bytes_is_bounded() {
        let mut store = store(100, 250);
        for number in 0..50 {
            put(&mut store, entry(&get(&format!("/{number}")), "", 1 + number * 2));
            assert!(totals(&mut store).1 <= 250);
        }
        put(&mut store, entry(&get("/large"), "", 101));
        assert!(!has(&mut store, &get("/large")) && has(&mut store, &get("/49")));
    }

    #[test]
    fn an_entry_replaces_the_one_for_the_same_requests() {
        let mut store = store(10, 1000);
        let client = |kind: &str| Request::builder(Method::Get, "/").header("X-Kind", kind).build();
        for kind in ["a", "b", "a"] {
            put(&mut store, entry(&client(kind), "x-kind", 1));
        }
        assert_eq!((totals(&mut store).0, has(&mut store, &client("b"))), (2, true));
        assert!(!has(&mut store, &client("c")));
        // From here on, another field selects the response.
        put(&mut store, entry(&client("c"), "Accept", 1));
        assert_eq!((totals(&mut store).0, has(&mut store, &client("b"))), (1, true));
    }

    #[test]
    fn a_response_from_before_a_change_is_not_stored() {
        let mut store = store(10, 1000);
        for target in ["/a?x", "/b"] {
            put(&mut store, entry(&get(target), "", 1));
        }
        let [same, query, other] =
            ["/a", "/a?y", "/c"].map(|target| (store.begin(&Key::of(&get(target))), target));
        store.invalidate(&Key::of(&get("/a")));
        let new = (store.begin(&Key::of(&get("/a?z"))), "/a?z");
        for (fetch, target) in [same, query, other, new] {
            store.put(entry(&get(target), "", 1), fetch);
        }
        let kept = ["/a?x", "/a", "/a?y", "/a?z", "/b", "/c"];
        let kept = kept.map(|target| has(&mut store, &get(target)));
        assert_eq!(kept, [false, false, false, true, true, true]);
        assert!(store.fetches.is_empty());
    }

    #[test]
    fn a_response_that_is_not_stored_leaves_nothing_behind() {
        let mut store = store(10, 1000);
        let fetch = store.begin(&Key::of(&get("/")));
        store.end(fetch);
        assert!(store.fetches.is_empty());
        store.put(entry(&get("/"), "", 1), fetch);
        assert!(!has(&mut store, &get("/")));
        let fetch = store.begin(&Key::of(&get("/")));
        store.put(entry(&get("/"), "", 101), fetch);
        assert!(store.fetches.is_empty() && !has(&mut store, &get("/")));
    }

    /// Creates an entry of 24 bytes: path, query, field and body.
    fn of_24_bytes(target: &str) -> CacheEntry {
        let mut headers = Headers::new();
        headers.append(header::ETAG, HeaderValue::from_static("abc"));
        CacheEntry { headers, ..entry(&get(target), "", 10) }
    }

    #[test]
    fn an_entry_takes_the_bytes_of_its_path_query_fields_and_body() {
        for (max_bytes, is_kept) in [(24, true), (23, false)] {
            let mut store = store(10, max_bytes);
            put(&mut store, of_24_bytes("/abc?x=1"));
            assert_eq!(has(&mut store, &get("/abc?x=1")), is_kept, "{max_bytes}");
        }
    }

    #[test]
    fn the_capacity_is_used_to_the_last_byte() {
        let mut full = store(10, 48);
        for target in ["/abc?x=1", "/abc?x=2"] {
            put(&mut full, of_24_bytes(target));
        }
        assert_eq!(totals(&mut full).0, 2);
        let mut large = store(10, 1000);
        put(&mut large, entry(&get("/"), "", 100));
        assert!(has(&mut large, &get("/")), "it is as large as the largest");
    }

    #[test]
    fn of_too_many_variants_the_latest_ones_are_kept() {
        let mut store = store(4, 400);
        let client = |kind: usize| {
            Request::builder(Method::Get, "/").header("X-Kind", &kind.to_string()).build()
        };
        for kind in 0..50 {
            put(&mut store, entry(&client(kind), "x-kind", 10));
            assert!(totals(&mut store).0 <= 4);
        }
        let kept = [0, 45, 46, 49].map(|kind| has(&mut store, &client(kind)));
        assert_eq!(kept, [false, false, true, true]);
    }

    #[test]
    fn a_stale_entry_is_not_found() {
        let mut store = store(10, 1000);
        let (request, old) = (get("/"), entry(&get("/"), "", 1));
        let start = old.arrived;
        put(&mut store, old);
        let mut find = |now| store.find(&Key::of(&request), request.headers(), now, |_| true);
        assert!(find(start + Duration::from_millis(59_999)).is_some());
        assert!(find(start + Duration::from_secs(60)).is_none());
    }

    #[test]
    fn the_space_of_dropped_entries_is_free_again() {
        let mut store = store(10, 48);
        for _ in 0..5 {
            for target in ["/abc?x=1", "/abc?x=1", "/abc?x=2"] {
                put(&mut store, of_24_bytes(target));
            }
            assert_eq!(totals(&mut store), (2, 48));
            store.invalidate(&Key::of(&get("/abc")));
            assert_eq!(totals(&mut store), (0, 0));
        }
    }
}
