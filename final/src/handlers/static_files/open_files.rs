//! A cache of open files: a file that was requested a moment ago stays open, together with its
//! header fields.
//!
//! The cache keeps the result of a path lookup for a second. Each request checks on the open file
//! whether it has changed.

use std::fs::File;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::core::GenerationalMap;
use crate::core::files::{self, Stat};
use crate::core::sync::{Mutex, lock};
use crate::http::validators::Validators;
use crate::http::{Headers, ResponseBody, SharedBytes};

/// The time for which a lookup is valid. A file that replaces another one by a rename may become
/// visible this much later. Writes to the open file are visible at once.
const FRESH: Duration = Duration::from_secs(1);

/// The maximum size in bytes of a file whose content is kept in memory as well. If all files are
/// small, this is 4 MiB in total.
pub const SMALL: u64 = 16 * 1024;

/// The bounds on the number of open files: 256, and an eighth of the limit on file descriptors of
/// the process.
const MAX_OPEN_FILES: usize = 256;
const PART: u64 = 8;

/// A file that can be served.
#[derive(Debug)]
pub struct OpenFile {
    /// The open file. All responses that send it share it, and each has its own position.
    pub file: Arc<File>,
    /// The content of a small file, so that one system call can send it together with the header
    /// section.
    pub bytes: Option<SharedBytes>,
    /// The file's metadata when the fields below were built.
    pub stat: Stat,
    /// Whether every later change to the file will change its `stat`. If a file changed a moment
    /// ago, it may change again with the same timestamps.
    pub is_settled: bool,
    /// The length of the file in bytes.
    pub length: u64,
    /// The validators of this version.
    pub validators: Validators,
    /// The header fields that identify the version. A 304 has no other fields of the file.
    pub state: Headers,
    /// The header fields of a response with the whole file or with a part of it.
    pub whole: Headers,
}

/// The open files by request path, each with the time of its lookup.
#[derive(Debug)]
pub struct OpenFiles {
    files: Mutex<GenerationalMap<String, (Instant, Arc<OpenFile>)>>,
}

impl Default for OpenFiles {
    fn default() -> OpenFiles {
        let part = files::limit().and_then(|limit| usize::try_from(limit / PART).ok());
        let max_files = part.unwrap_or(MAX_OPEN_FILES).min(MAX_OPEN_FILES);
        OpenFiles { files: Mutex::new(GenerationalMap::new(max_files, GENERATION)) }
    }
}

/// The minimum time that a file stays open when no client requests it. The maximum is about twice
/// as long.
const GENERATION: Duration = Duration::from_secs(10);

impl OpenFile {
    /// Returns whether the file is still the same version. A strong tag must not be sent with the
    /// bytes of another version.
    pub fn is_unchanged(&self) -> bool {
        files::stat(&self.file).is_ok_and(|now| files::is_unchanged(&self.stat, &now))
    }

    /// Returns the response body for this range of the file.
    pub fn body(&self, range: Range<u64>) -> ResponseBody {
        let in_memory = |bytes: &SharedBytes| {
            let start = usize::try_from(range.start).ok()?;
            let range = start..usize::try_from(range.end).ok()?;
            Some(ResponseBody::Shared { bytes: bytes.clone(), range })
        };
        self.bytes.as_ref().and_then(in_memory).unwrap_or_else(|| ResponseBody::File {
            file: Arc::clone(&self.file),
            range: range.clone(),
        })
    }
}

impl OpenFiles {
    /// Returns the file at this path, if it was looked up within the last second and has not
    /// changed since.
    pub fn get(&self, path: &str, now: Instant) -> Option<Arc<OpenFile>> {
        self.find(path, now).filter(|file| file.is_unchanged())
    }

    fn find(&self, path: &str, now: Instant) -> Option<Arc<OpenFile>> {
        let mut files = lock(&self.files);
        let (found, file) = files.get(path, now)?;
        (now.saturating_duration_since(*found) < FRESH).then(|| Arc::clone(file))
    }

    /// Adds a file that was just looked up.
    pub fn insert(&self, path: &str, file: &Arc<OpenFile>, now: Instant) {
        lock(&self.files).insert(path.to_string(), (now, Arc::clone(file)), 1, now);
    }

    /// Closes all files that no response is sending, because the process has run out of file
    /// descriptors.
    pub fn close_unused(&self) {
        lock(&self.files).retain(|_, _| false);
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn file() -> Arc<OpenFile> {
        let file = tempfile::tempfile().unwrap();
        let metadata = file.metadata().unwrap();
        let validators = Validators::of(&metadata, std::time::SystemTime::UNIX_EPOCH);
        let (state, whole) = (Headers::new(), Headers::new());
        let (stat, file) = (files::stat(&file).unwrap(), Arc::new(file));
        let is_settled = true;
        Arc::new(OpenFile {
            file,
            bytes: None,
            stat,
            is_settled,
            length: 0,
            validators,
            state,
            whole,
        })
    }

    #[test]
    fn a_lookup_is_valid_for_a_second() {
        let (files, start) = (OpenFiles::default(), Instant::now());
        assert!(files.get("/a", start).is_none());
        files.insert("/a", &file(), start);
        assert!(files.get("/a", start + Duration::from_millis(999)).is_some());
        assert!(files.get("/a", start + FRESH).is_none());
        assert!(files.get("/b", start).is_none());
    }

    #[test]
    fn the_number_of_open_files_is_bounded_and_unused_ones_are_closed() {
        let (files, start) = (OpenFiles::default(), Instant::now());
        let shared = file();
        for number in 0..10 * MAX_OPEN_FILES {
            files.insert(&number.to_string(), &shared, start);
        }
        assert!(Arc::strong_count(&shared) <= MAX_OPEN_FILES + 1);
        let later = start + 3 * GENERATION;
        files.get("/x", later);
        files.get("/x", later + GENERATION);
        assert_eq!(Arc::strong_count(&shared), 1);
    }

    /// Regression test: for a second, a changed file was served with its old length and tag, and a
    /// small file even with its old bytes.
    #[test]
    fn a_changed_file_is_looked_up_again() {
        let (files, start) = (OpenFiles::default(), Instant::now());
        let file = file();
        files.insert("/a", &file, start);
        assert!(files.get("/a", start).is_some());
        io::Write::write_all(&mut &*file.file, b"x").unwrap();
        assert!(files.get("/a", start).is_none());
    }

    #[test]
    fn close_unused_closes_files() {
        let (files, start) = (OpenFiles::default(), Instant::now());
        let file = file();
        files.insert("/a", &file, start);
        files.close_unused();
        assert_eq!(Arc::strong_count(&file), 1);
        assert!(files.get("/a", start).is_none());
    }
}
