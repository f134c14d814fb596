//! Files of the process: the limit on file descriptors, and reads of one file by several threads at
//! the same time.

use std::fs::File;
use std::io;

#[cfg(unix)]
use rustix::io::Errno;
#[cfg(unix)]
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The maximum on macOS (`OPEN_MAX`), which holds even if the reported hard limit is higher.
#[cfg(unix)]
const MAX_DESCRIPTORS: Option<u64> = if cfg!(target_os = "macos") { Some(10_240) } else { None };

/// Raises the soft limit on open files to the hard limit and returns it, see [`limit`]. The soft
/// limit is often 1,024 for the sake of programs that use select(2), which this program does not.
pub fn raise_limit() -> Option<u64> {
    #[cfg(unix)]
    {
        let limit = getrlimit(Resource::Nofile);
        let current = [limit.maximum, MAX_DESCRIPTORS].into_iter().flatten().min();
        // If the call fails, the old limit stays, and clients over the limit are rejected.
        let _ = setrlimit(Resource::Nofile, Rlimit { current, maximum: limit.maximum });
    }
    limit()
}

/// Returns the maximum number of files, including sockets, that the process may have open, or
/// `None` if there is no limit, as on Windows.
pub fn limit() -> Option<u64> {
    #[cfg(unix)]
    {
        getrlimit(Resource::Nofile).current
    }
    #[cfg(windows)]
    None
}

/// Returns whether an error means that the process or the system has no file descriptor left
/// (`EMFILE`, `ENFILE`), which does not happen on Windows.
pub fn is_exhausted(error: &io::Error) -> bool {
    #[cfg(unix)]
    let exhausted = [Errno::MFILE, Errno::NFILE].map(Errno::raw_os_error);
    #[cfg(windows)]
    let exhausted: [i32; 0] = [];
    error.raw_os_error().is_some_and(|number| exhausted.contains(&number))
}

/// The metadata of an open file.
#[cfg(unix)]
pub type Stat = rustix::fs::Stat;
/// The metadata of an open file.
#[cfg(windows)]
pub type Stat = std::fs::Metadata;

/// Returns the metadata of a file with fstat(2), which takes 0.26 microseconds, while the standard
/// library's statx(2) takes 0.44.
#[cfg(unix)]
pub fn stat(file: &File) -> io::Result<Stat> {
    Ok(rustix::fs::fstat(file)?)
}

/// Returns the metadata of an open file.
#[cfg(windows)]
pub fn stat(file: &File) -> io::Result<Stat> {
    file.metadata()
}

/// Returns whether an open file is unchanged between two calls to [`stat`], by its length, mtime
/// and ctime.
#[cfg(unix)]
pub fn is_unchanged(before: &Stat, now: &Stat) -> bool {
    before.st_size == now.st_size
        && (before.st_ctime, before.st_ctime_nsec) == (now.st_ctime, now.st_ctime_nsec)
        && (before.st_mtime, before.st_mtime_nsec) == (now.st_mtime, now.st_mtime_nsec)
}

/// Returns whether an open file is unchanged between two calls to [`stat`], by its length and
/// modification time.
#[cfg(windows)]
pub fn is_unchanged(before: &Stat, now: &Stat) -> bool {
    (before.len(), before.modified().ok()) == (now.len(), now.modified().ok())
}

/// Reads at an offset with pread(2), which neither uses nor changes the position of the file. On
/// Windows the position changes, but no caller depends on it.
pub fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    #[cfg(unix)]
    {
        std::os::unix::fs::FileExt::read_at(file, buffer, at)
    }
    #[cfg(windows)]
    {
        std::os::windows::fs::FileExt::seek_read(file, buffer, at)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_becomes_the_hard_limit_and_is_returned() {
        let before = getrlimit(Resource::Nofile);
        let most = [before.maximum, MAX_DESCRIPTORS].into_iter().flatten().min();
        let lower = most.map_or(4096, |most| most - 1);
        setrlimit(Resource::Nofile, Rlimit { current: Some(lower), maximum: before.maximum })
            .unwrap();
        assert_eq!(raise_limit(), most);
        assert_eq!(getrlimit(Resource::Nofile).current, most);
    }
}
