//! Where a cache keeps its entries: so many, and so many bytes. Whoever has not been used for longest goes first.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::http::routes::Matched;
use crate::http::{HeaderValue, Headers, Request, SharedBytes, header};

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
pub struct Entry {
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
    /// When it was made.
    pub made: Instant,
    /// For how long it may be used.
    pub lifetime: Duration,
}

impl Entry {
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
    entries: Vec<Arc<Entry>>,
    bytes: usize,
    /// How often something has been dropped because it was changed.
    changes: u64,
}

impl Store {
    /// An empty one.
    pub fn new(capacity: Capacity) -> Store {
        Store { capacity, entries: Vec::new(), bytes: 0, changes: 0 }
    }

    /// The entry that answers this request, unless it is too old by now or `suits` says no.
    pub fn find(
        &mut self,
        key: &Key,
        request: &Headers,
        now: Instant,
        suits: impl Fn(&Entry) -> bool,
    ) -> Option<Arc<Entry>> {
        self.drop_if(|entry| now.saturating_duration_since(entry.made) >= entry.lifetime);
        let fits = |entry: &Arc<Entry>| entry.key == *key && entry.selection.fits(request);
        let place = self.entries.iter().position(|entry| fits(entry) && suits(entry))?;
        let entry = self.entries.remove(place);
        self.entries.push(Arc::clone(&entry));
        Some(entry)
    }

    /// What [`Store::put`] wants to be told.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Keeps an entry in place of the one for the same requests. Not if something has been dropped since the
    /// number of changes was this: then the response may be from before a change, and the change be lost.
    pub fn put(&mut self, entry: Entry, changes: u64) {
        let size = entry.size();
        let is_too_large =
            entry.body.len() > self.capacity.max_object || size > self.capacity.max_bytes;
        if is_too_large || changes != self.changes {
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

    /// Drops all that is kept of a path, whatever its query, and what is on the way to be kept.
    pub fn forget(&mut self, changed: &Key) {
        self.changes += 1;
        self.drop_if(|entry| entry.key.host == changed.host && entry.key.path == changed.path);
    }

    fn drop_if(&mut self, is_unwanted: impl Fn(&Entry) -> bool) {
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
    use crate::http::Method;

    /// An entry for a path with a body of so many bytes.
    fn entry(request: &Request, vary: &'static str, length: usize) -> Entry {
        let mut headers = Headers::new();
        headers.append(header::VARY, HeaderValue::from_static(vary));
        let selection = Selection::of(&headers, request.headers());
        Entry {
            key: Key::of(request),
            selection,
            headers: Headers::new(),
            body: vec![0; length].into(),
            matched: None,
            is_public: false,
            made: Instant::now(),
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

    fn store(max_entries: usize, max_bytes: usize) -> Store {
        Store::new(Capacity { max_entries, max_bytes, max_object: 100 })
    }

    #[test]
    fn the_entry_that_was_not_used_for_longest_makes_room() {
        let mut store = store(2, 1000);
        for path in ["/a", "/b"] {
            store.put(entry(&get(path), "", 1), 0);
        }
        assert!(has(&mut store, &get("/a")));
        store.put(entry(&get("/c"), "", 1), 0);
        let kept = ["/a", "/b", "/c"].map(|path| has(&mut store, &get(path)));
        assert_eq!(kept, [true, false, true]);
    }

    #[test]
    fn there_are_never_more_bytes_than_allowed() {
        let mut store = store(100, 250);
        for number in 0..50 {
            store.put(entry(&get(&format!("/{number}")), "", 1 + number * 2), 0);
            let bytes: usize = store.entries.iter().map(|entry| entry.size()).sum();
            assert!(bytes <= 250 && bytes == store.bytes, "{bytes} {}", store.bytes);
        }
        store.put(entry(&get("/large"), "", 101), 0);
        assert!(!has(&mut store, &get("/large")) && has(&mut store, &get("/49")));
    }

    #[test]
    fn an_entry_takes_the_place_of_the_one_for_the_same_requests() {
        let mut store = store(10, 1000);
        let client = |kind: &str| Request::builder(Method::Get, "/").header("X-Kind", kind).build();
        for kind in ["a", "b", "a"] {
            store.put(entry(&client(kind), "x-kind", 1), 0);
        }
        assert_eq!((store.entries.len(), has(&mut store, &client("b"))), (2, true));
        assert!(!has(&mut store, &client("c")));
        // From now on it is something else that matters.
        store.put(entry(&client("c"), "Accept", 1), 0);
        assert_eq!((store.entries.len(), has(&mut store, &client("b"))), (1, true));
    }

    #[test]
    fn what_was_asked_for_before_a_change_is_not_kept_after_it() {
        let mut store = store(10, 1000);
        store.put(entry(&get("/a?x"), "", 1), 0);
        store.put(entry(&get("/b"), "", 1), 0);
        let before = store.changes();
        store.forget(&Key::of(&get("/a")));
        store.put(entry(&get("/a"), "", 1), before);
        let kept = ["/a?x", "/a", "/b"].map(|target| has(&mut store, &get(target)));
        assert_eq!(kept, [false, false, true]);
    }

    /// An entry of 24 bytes: path, query, field and body.
    fn of_24_bytes(target: &str) -> Entry {
        let mut headers = Headers::new();
        headers.append(header::ETAG, HeaderValue::from_static("abc"));
        Entry { headers, ..entry(&get(target), "", 10) }
    }

    #[test]
    fn an_entry_takes_the_bytes_of_its_path_query_fields_and_body() {
        for (max_bytes, is_kept) in [(24, true), (23, false)] {
            let mut store = store(10, max_bytes);
            store.put(of_24_bytes("/abc?x=1"), 0);
            assert_eq!(has(&mut store, &get("/abc?x=1")), is_kept, "{max_bytes}");
        }
    }

    #[test]
    fn the_room_is_used_to_the_last_byte() {
        let mut full = store(10, 48);
        for target in ["/abc?x=1", "/abc?x=2"] {
            full.put(of_24_bytes(target), 0);
        }
        assert_eq!(full.entries.len(), 2);
        let mut large = store(10, 1000);
        large.put(entry(&get("/"), "", 100), 0);
        assert!(has(&mut large, &get("/")), "it is as large as the largest");
    }

    #[test]
    fn the_room_of_what_has_been_dropped_is_free_again() {
        let mut store = store(10, 48);
        for _ in 0..5 {
            let changes = store.changes();
            store.put(of_24_bytes("/abc?x=1"), changes);
            store.put(of_24_bytes("/abc?x=1"), changes);
            store.put(of_24_bytes("/abc?x=2"), changes);
            assert_eq!((store.entries.len(), store.bytes), (2, 48));
            store.forget(&Key::of(&get("/abc")));
            assert_eq!((store.entries.len(), store.bytes), (0, 0));
        }
    }
}
