//! A cache of open files: a file that was requested a moment ago stays open, together with its
//! header fields.
//!
//! The cache keeps the result of a path lookup for a second. Each request checks on the open file
//! whether it has changed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::open_file::OpenFile;
use crate::core::sync::{Mutex, lock};
use crate::core::{GenerationalMap, files};

/// The time for which a lookup is valid. A file that replaces another file by a rename may become
/// visible this much later. Writes to the open file are visible at once.
const FRESH: Duration = Duration::from_secs(1);

/// The bounds on the number of open files: 256, and an eighth of the limit on file descriptors of
/// the process.
const MAX_OPEN_FILES: usize = 256;
const PART: u64 = 8;

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
    use std::path::PathBuf;

    use super::super::caching::Caching;
    use super::super::open::Opened;
    use super::*;

    fn file() -> Arc<OpenFile> {
        let file = tempfile::tempfile().unwrap();
        let metadata = file.metadata().unwrap();
        let opened = Opened { file, metadata, path: PathBuf::new() };
        Arc::new(OpenFile::new(opened, "a.txt", &Caching::default()).unwrap())
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
