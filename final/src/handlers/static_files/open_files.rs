//! Files that were asked for a moment ago are still open, and what is to be said of them is known.

use std::collections::HashMap;
use std::fs::File;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::validators::Validators;
use crate::core::files::Identity;
use crate::http::{Headers, ResponseBody};

/// How long a file is served without looking whether it is still the same. Somebody who publishes a file may
/// have to wait this long for it to be seen.
const FRESH: Duration = Duration::from_secs(1);

/// Files of at most so many bytes are kept in memory as well. To send them from there takes less time than to have the
/// kernel find each of their pages.
pub const SMALL: u64 = 128 * 1024;

/// Bytes that are kept in memory at most, of all files.
const KEPT: usize = 16 * 1024 * 1024;

/// How many files are open at most. Each needs a file of the process.
const MOST: usize = 256;

/// A file that can be served.
#[derive(Debug)]
pub struct OpenFile {
    /// The open file. All who send it share it, and each knows by itself where it is.
    pub file: Arc<File>,
    /// All of it, if it is small: then it is sent together with the head, by one call.
    pub bytes: Option<Arc<[u8]>>,
    /// Whether it is still the same can be told by this.
    pub identity: Option<Identity>,
    /// Its length in bytes.
    pub length: u64,
    /// Which state of it this is.
    pub validators: Validators,
    /// The fields of an answer that says which state this is.
    pub state: Headers,
    /// Those of an answer that has the file, or a part of it.
    pub whole: Headers,
}

/// What is known of a path.
#[derive(Debug)]
pub struct Known {
    /// The file that was found.
    pub file: Arc<OpenFile>,
    /// Whether that was so short a time ago that nobody has to look again.
    pub is_fresh: bool,
}

/// The open files, by the path that was asked for.
#[derive(Debug, Default)]
pub struct OpenFiles {
    files: Mutex<Generations>,
}

/// As long as a file is asked for, it is among the young. From time to time the young become the old, and the
/// old are closed: nobody has asked for them since.
#[derive(Debug, Default)]
struct Generations {
    young: HashMap<String, (Instant, Arc<OpenFile>)>,
    old: HashMap<String, (Instant, Arc<OpenFile>)>,
    since: Option<Instant>,
    /// Bytes in memory of those who have become young since then.
    bytes: usize,
}

/// How long a file stays open for which nobody asks: this long at least, and twice at most.
const GENERATION: Duration = Duration::from_secs(10);

impl OpenFile {
    /// How many of its bytes are in memory.
    fn in_memory(&self) -> usize {
        self.bytes.as_ref().map_or(0, |bytes| bytes.len())
    }

    /// What is in memory of it, if the file that is found now is still this one. One that has just been written may be
    /// written again and look the same: its tag is weak.
    pub fn bytes_if_same(&self, identity: Option<Identity>) -> Option<Arc<[u8]>> {
        let is_same = identity.is_some() && identity == self.identity;
        self.bytes.clone().filter(|_| is_same && !self.validators.etag.is_weak)
    }

    /// A part of it, to be sent.
    pub fn body(&self, range: Range<u64>) -> ResponseBody {
        let in_memory = |bytes: &Arc<[u8]>| {
            let start = usize::try_from(range.start).ok()?;
            let range = start..usize::try_from(range.end).ok()?;
            Some(ResponseBody::Shared { bytes: Arc::clone(bytes), range })
        };
        self.bytes.as_ref().and_then(in_memory).unwrap_or_else(|| ResponseBody::File {
            file: Arc::clone(&self.file),
            range: range.clone(),
        })
    }
}

impl OpenFiles {
    /// The file of this path, if it was found not long ago.
    pub fn get(&self, path: &str, now: Instant) -> Option<Known> {
        let mut files = self.lock();
        files.grow_old(now);
        let is_fresh = |found: Instant| now.saturating_duration_since(found) < FRESH;
        if let Some((found, file)) = files.young.get(path) {
            return Some(Known { file: Arc::clone(file), is_fresh: is_fresh(*found) });
        }
        let (path, (found, file)) = files.old.remove_entry(path)?;
        files.add(path, found, Arc::clone(&file));
        Some(Known { file, is_fresh: is_fresh(found) })
    }

    /// Keeps a file that has just been found.
    pub fn insert(&self, path: &str, file: &Arc<OpenFile>, now: Instant) {
        let mut files = self.lock();
        files.grow_old(now);
        files.old.remove(path);
        files.add(path.to_string(), now, Arc::clone(file));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Generations> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generations {
    fn add(&mut self, path: String, found: Instant, file: Arc<OpenFile>) {
        self.bytes += file.in_memory();
        if let Some((_, before)) = self.young.insert(path, (found, file)) {
            self.bytes -= before.in_memory();
        }
    }

    fn grow_old(&mut self, now: Instant) {
        let since = *self.since.get_or_insert(now);
        let is_full = self.young.len() >= MOST / 2 || self.bytes >= KEPT / 2;
        if is_full || now.saturating_duration_since(since) >= GENERATION {
            self.old = std::mem::take(&mut self.young);
            self.since = Some(now);
            self.bytes = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    /// A file of which so many bytes are in memory. It was last changed long before `now`, or a moment ago.
    fn file(in_memory: Option<usize>, now: SystemTime) -> OpenFile {
        let file = tempfile::tempfile().unwrap();
        let metadata = file.metadata().unwrap();
        OpenFile {
            file: Arc::new(file),
            bytes: in_memory.map(|length| vec![0; length].into()),
            identity: Some((1, 2, 3, 4, 5)),
            length: 0,
            validators: Validators::of(&metadata, now),
            state: Headers::new(),
            whole: Headers::new(),
        }
    }

    fn shared(in_memory: Option<usize>) -> Arc<OpenFile> {
        Arc::new(file(in_memory, SystemTime::UNIX_EPOCH))
    }

    #[test]
    fn a_file_is_known_for_a_second_and_remembered_for_some_more() {
        let (files, start) = (OpenFiles::default(), Instant::now());
        let is_fresh = |path, after| Some(files.get(path, start + after)?.is_fresh);
        assert_eq!(is_fresh("/a", Duration::ZERO), None);
        files.insert("/a", &shared(None), start);
        assert_eq!(is_fresh("/a", Duration::from_millis(999)), Some(true));
        assert_eq!(is_fresh("/a", FRESH), Some(false));
        assert_eq!(
            is_fresh("/a", GENERATION),
            Some(false),
            "it was among the old, and is asked for"
        );
        assert_eq!(is_fresh("/a", 2 * GENERATION), Some(false));
        assert_eq!(is_fresh("/b", FRESH), None);
    }

    #[test]
    fn there_are_never_more_than_the_most_and_what_nobody_wants_is_closed() {
        let (files, start) = (OpenFiles::default(), Instant::now());
        let shared = shared(None);
        for number in 0..10 * MOST {
            files.insert(&number.to_string(), &shared, start);
        }
        assert!(Arc::strong_count(&shared) <= MOST + 1);
        let later = start + 3 * GENERATION;
        files.get("/x", later);
        files.get("/x", later + GENERATION);
        assert_eq!(Arc::strong_count(&shared), 1);
    }

    #[test]
    fn no_more_bytes_are_in_memory_than_may_be() {
        let (files, start) = (OpenFiles::default(), Instant::now());
        let shared = shared(Some(KEPT / 32));
        for number in 0..100 {
            files.insert(&number.to_string(), &shared, start);
            files.get(&(number / 2).to_string(), start);
            // Each file is one owner more, and it may be the last one that was too much.
            assert!(Arc::strong_count(&shared) <= 1 + 32 + 1, "{number}");
        }
        // One that takes the place of another is not counted twice.
        let files = OpenFiles::default();
        files.insert("kept", &shared, start);
        for _ in 0..100 {
            files.insert("/a", &shared, start);
        }
        assert_eq!(files.lock().young.len(), 2);
    }

    #[test]
    fn what_is_in_memory_is_kept_as_long_as_the_file_is_the_same_for_sure() {
        let settled = SystemTime::now() + Duration::from_secs(60);
        let same = Some((1, 2, 3, 4, 5));
        for (in_memory, now, identity, is_kept) in [
            (Some(1), settled, same, true),
            (Some(1), settled, Some((1, 2, 3, 4, 6)), false),
            (Some(1), settled, None, false),
            (Some(1), SystemTime::UNIX_EPOCH, same, false),
            (None, settled, same, false),
        ] {
            let bytes = file(in_memory, now).bytes_if_same(identity);
            assert_eq!(bytes.is_some(), is_kept, "{in_memory:?} {now:?} {identity:?}");
        }
        let nameless = OpenFile { identity: None, ..file(Some(1), settled) };
        assert!(nameless.bytes_if_same(None).is_none());
    }
}
