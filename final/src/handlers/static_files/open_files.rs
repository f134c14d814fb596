//! A cache of open files: a file that was requested a moment ago stays open, with its header fields ready.
//!
//! The cache keeps the result of a path lookup for a second. Whether the file has changed is checked on the open file
//! for each request.

use std::fs::File;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::core::GenerationalMap;
use crate::core::files::{self, Stat};
use crate::core::sync::{Mutex, lock};
use crate::http::validators::Validators;
use crate::http::{Headers, ResponseBody, SharedBytes};

/// How long a lookup is valid. A file that is published by renaming may become visible this much later. Writes into the
/// open file are visible at once.
const FRESH: Duration = Duration::from_secs(1);

/// Files of at most this many bytes are kept in memory as well: 4 MiB in all, if all files are small.
pub const SMALL: u64 = 16 * 1024;

/// The maximum number of open files, and the share of the process's descriptor limit that they may use.
const MAX_OPEN_FILES: usize = 256;
const PART: u64 = 8;

/// A file that can be served.
#[derive(Debug)]
pub struct OpenFile {
    /// The open file. All responses that send it share it, and each has a position of its own.
    pub file: Arc<File>,
    /// The content, if the file is small: then one system call sends it together with the header section.
    pub bytes: Option<SharedBytes>,
    /// The file's metadata when the fields below were built.
    pub stat: Stat,
    /// Whether every later change will show in its `stat`. A file changed a moment ago may change again with the same
    /// timestamps.
    pub is_settled: bool,
    /// Its length in bytes.
    pub length: u64,
    /// The validators of this version.
    pub validators: Validators,
    /// The header fields that identify the version: those of a 304.
    pub state: Headers,
    /// The header fields of a response with the file, or with a part of it.
    pub whole: Headers,
}

/// The open files by their request paths, each with the time at which it was found.
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

/// How long a file stays open when no client requests it: at least this long, and about twice at most.
const GENERATION: Duration = Duration::from_secs(10);

impl OpenFile {
    /// Whether the file is still the same version. A strong tag must not be sent with other bytes.
    pub fn is_unchanged(&self) -> bool {
        files::stat(&self.file).is_ok_and(|now| files::is_unchanged(&self.stat, &now))
    }

    /// The response body for this range of the file.
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
    /// The file of this path, if it was looked up within the last second and has not changed since.
    pub fn get(&self, path: &str, now: Instant) -> Option<Arc<OpenFile>> {
        self.find(path, now).filter(|file| file.is_unchanged())
    }

    fn find(&self, path: &str, now: Instant) -> Option<Arc<OpenFile>> {
        let mut files = lock(&self.files);
        let (found, file) = files.get(path, now)?;
        (now.saturating_duration_since(*found) < FRESH).then(|| Arc::clone(file))
    }

    /// Keeps a file that was just looked up.
    pub fn insert(&self, path: &str, file: &Arc<OpenFile>, now: Instant) {
        lock(&self.files).insert(path.to_string(), (now, Arc::clone(file)), 1, now);
    }

    /// Closes all files that no response is sending, because the process has run out of file descriptors.
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

    /// Regression test: a changed file was served with its old length and tag (and, if small, its old bytes) for a
    /// second.
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
