//! Where a cache keeps its entries: so many, and so many bytes. Whoever has not been used for longest goes first.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::http::routes::Matched;
use crate::http::{HeaderValue, Headers, Method, Request, SharedBytes, Target, header};

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Entries at the same time.
    pub max_entries: usize,
    /// Bytes of all entries together, their fields included.
    pub max_bytes: usize,
    /// Bytes of the body of one entry.
    pub max_object: usize,
}

/// What is asked for, but for the fields that Vary names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    host: String,
    path: String,
    query: Option<String>,
}

impl Key {
    /// The key of a request. A host has no upper and lower case; a query is taken as it came.
    pub fn of(request: &Request) -> Key {
        Key {
            host: request.host().unwrap_or_default().to_ascii_lowercase(),
            path: request.path().to_string(),
            query: request.target().query().map(str::to_string),
        }
    }

    /// What Location or Content-Location in the response to a request with this key names: a path, or a whole URL. `None`
    /// if it is on another host or port. The scheme is not compared, since TLS may end before us.
    pub fn named_by(&self, reference: &HeaderValue) -> Option<Key> {
        let (url, _) = reference.to_str()?.split_once('#').unwrap_or((reference.to_str()?, ""));
        let target = Target::parse(Method::Get, url).ok()?;
        let host = target.authority().unwrap_or(&self.host).to_ascii_lowercase();
        (host == self.host).then(|| Key { host, path: target.path().to_string(), query: None })
    }

    /// Whether it is for the same path of the same host, whatever the query.
    fn is_beside(&self, other: &Key) -> bool {
        (&self.host, &self.path) == (&other.host, &other.path)
    }
}

/// The fields of a request that a response was chosen by, with the lines that the request had of each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection(Vec<(String, Vec<HeaderValue>)>);

impl Selection {
    /// What the Vary of a response names, out of the request for it.
    pub fn of(response: &Headers, request: &Headers) -> Selection {
        let mut names: Vec<String> =
            response.list(header::VARY).map(str::to_ascii_lowercase).collect();
        names.sort_unstable();
        names.dedup();
        let with_lines = |name: String| {
            let lines = request.get_all(&name).cloned().collect();
            (name, lines)
        };
        Selection(names.into_iter().map(with_lines).collect())
    }

    /// Whether another request has the same lines.
    fn fits(&self, request: &Headers) -> bool {
        self.0.iter().all(|(name, lines)| request.get_all(name).eq(lines))
    }

    fn has_names_of(&self, other: &Selection) -> bool {
        self.0.iter().map(|(name, _)| name).eq(other.0.iter().map(|(name, _)| name))
    }
}

/// A response with the status 200 that may be used again.
#[derive(Debug, Clone)]
pub struct CacheEntry {
    /// What it answers.
    pub key: Key,
    /// And to whom.
    pub selection: Selection,
    /// Its fields.
    pub headers: Headers,
    /// Its bytes, shared with every response that is sending them.
    pub body: SharedBytes,
    /// The route that it came from, for the log and for those who count.
    pub matched: Option<Matched>,
    /// Whether those who say who they are may have it too.
    pub is_public: bool,
    /// When it arrived here.
    pub arrived: Instant,
    /// How old it was then (RFC 9111 section 4.2.3).
    pub initial_age: Duration,
    /// The age up to which it may be used.
    pub lifetime: Duration,
}

impl CacheEntry {
    /// How old it is now.
    pub fn age(&self, now: Instant) -> Duration {
        self.initial_age.saturating_add(now.saturating_duration_since(self.arrived))
    }

    fn size(&self) -> usize {
        let fields =
            self.headers.iter().map(|(name, value)| name.as_str().len() + value.as_bytes().len());
        let key = self.key.path.len() + self.key.query.as_ref().map_or(0, String::len);
        self.body.len() + key + fields.sum::<usize>()
    }
}

/// The entries, the one used last at the end. There are so few that a search from end to end costs nothing
/// beside what it saves.
#[derive(Debug)]
pub struct Store {
    capacity: Capacity,
    entries: Vec<Arc<CacheEntry>>,
    bytes: usize,
    /// What responses are being made for, each with a number of its own. A change takes out all that it concerns.
    fetches: BTreeMap<u64, Key>,
    last_fetch: u64,
}

impl Store {
    /// An empty one.
    pub fn new(capacity: Capacity) -> Store {
        let (entries, fetches) = (Vec::new(), BTreeMap::new());
        Store { capacity, entries, bytes: 0, fetches, last_fetch: 0 }
    }

    /// The entry that answers this request, unless it is too old by now or `suits` says no.
    pub fn find(
        &mut self,
        key: &Key,
        request: &Headers,
        now: Instant,
        suits: impl Fn(&CacheEntry) -> bool,
    ) -> Option<Arc<CacheEntry>> {
        self.drop_if(|entry| entry.age(now) >= entry.lifetime);
        let fits = |entry: &Arc<CacheEntry>| entry.key == *key && entry.selection.fits(request);
        let place = self.entries.iter().position(|entry| fits(entry) && suits(entry))?;
        let entry = self.entries.remove(place);
        self.entries.push(Arc::clone(&entry));
        Some(entry)
    }

    /// Notes that a response for this key is being made. The number is for [`Store::put`] or [`Store::end`].
    pub fn begin(&mut self, key: &Key) -> u64 {
        self.last_fetch += 1;
        self.fetches.insert(self.last_fetch, key.clone());
        self.last_fetch
    }

    /// The response of that number will not be kept. It may have been kept already.
    pub fn end(&mut self, fetch: u64) {
        self.fetches.remove(&fetch);
    }

    /// Keeps an entry in place of the one for the same requests. Not if its path has been changed since the response
    /// was begun: then the response may be from before the change, and the change be lost.
    pub fn put(&mut self, entry: CacheEntry, fetch: u64) {
        let size = entry.size();
        let is_too_large =
            entry.body.len() > self.capacity.max_object || size > self.capacity.max_bytes;
        if self.fetches.remove(&fetch).is_none() || is_too_large {
            return;
        }
        // If the names in Vary are no longer the same, the old ones say nothing any more.
        self.drop_if(|old| {
            old.key == entry.key
                && (old.selection == entry.selection
                    || !old.selection.has_names_of(&entry.selection))
        });
        while self.entries.len() >= self.capacity.max_entries.max(1)
            || self.bytes + size > self.capacity.max_bytes
        {
            let oldest = self.entries.remove(0);
            self.bytes -= oldest.size();
        }
        self.bytes += size;
        self.entries.push(Arc::new(entry));
    }

    /// Drops all that is kept of a path, whatever its query, and lets nothing be kept that is being made for it. Other
    /// paths are not concerned: a cache that every write empties would be empty where there are many writes.
    pub fn invalidate(&mut self, changed: &Key) {
        self.fetches.retain(|_, key| !key.is_beside(changed));
        self.drop_if(|entry| entry.key.is_beside(changed));
    }

    fn drop_if(&mut self, is_unwanted: impl Fn(&CacheEntry) -> bool) {
        self.entries.retain(|entry| {
            let is_kept = !is_unwanted(entry);
            if !is_kept {
                self.bytes -= entry.size();
            }
            is_kept
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An entry for a path with a body of so many bytes.
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

    #[test]
    fn the_entry_that_was_not_used_for_longest_makes_room() {
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
    fn there_are_never_more_bytes_than_allowed() {
        let mut store = store(100, 250);
        for number in 0..50 {
            put(&mut store, entry(&get(&format!("/{number}")), "", 1 + number * 2));
            let bytes: usize = store.entries.iter().map(|entry| entry.size()).sum();
            assert!(bytes <= 250 && bytes == store.bytes, "{bytes} {}", store.bytes);
        }
        put(&mut store, entry(&get("/large"), "", 101));
        assert!(!has(&mut store, &get("/large")) && has(&mut store, &get("/49")));
    }

    #[test]
    fn an_entry_takes_the_place_of_the_one_for_the_same_requests() {
        let mut store = store(10, 1000);
        let client = |kind: &str| Request::builder(Method::Get, "/").header("X-Kind", kind).build();
        for kind in ["a", "b", "a"] {
            put(&mut store, entry(&client(kind), "x-kind", 1));
        }
        assert_eq!((store.entries.len(), has(&mut store, &client("b"))), (2, true));
        assert!(!has(&mut store, &client("c")));
        // From now on it is something else that matters.
        put(&mut store, entry(&client("c"), "Accept", 1));
        assert_eq!((store.entries.len(), has(&mut store, &client("b"))), (1, true));
    }

    #[test]
    fn what_a_change_has_overtaken_is_not_kept_and_all_else_is() {
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
    fn nothing_is_left_of_a_response_that_is_not_kept() {
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

    /// An entry of 24 bytes: path, query, field and body.
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
    fn the_room_is_used_to_the_last_byte() {
        let mut full = store(10, 48);
        for target in ["/abc?x=1", "/abc?x=2"] {
            put(&mut full, of_24_bytes(target));
        }
        assert_eq!(full.entries.len(), 2);
        let mut large = store(10, 1000);
        put(&mut large, entry(&get("/"), "", 100));
        assert!(has(&mut large, &get("/")), "it is as large as the largest");
    }

    #[test]
    fn the_room_of_what_has_been_dropped_is_free_again() {
        let mut store = store(10, 48);
        for _ in 0..5 {
            for target in ["/abc?x=1", "/abc?x=1", "/abc?x=2"] {
                put(&mut store, of_24_bytes(target));
            }
            assert_eq!((store.entries.len(), store.bytes), (2, 48));
            store.invalidate(&Key::of(&get("/abc")));
            assert_eq!((store.entries.len(), store.bytes), (0, 0));
        }
    }
}
