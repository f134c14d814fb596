//! The files of the process: how many there may be, which are sockets too, and how several threads read one.

use std::fs::File;
use std::io;

#[cfg(unix)]
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// More than this macOS does not allow, whatever it says the hard limit is (`OPEN_MAX`).
#[cfg(unix)]
const MAX_DESCRIPTORS: Option<u64> = if cfg!(target_os = "macos") { Some(10_240) } else { None };

/// Raises the soft limit of open files to the hard one. The soft one, often 1,024, is low for the sake of
/// programs that use select(2), which this one does not. Returns the limit; `None` if there is none.
#[cfg(unix)]
pub fn raise_limit() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    let current = [limit.maximum, MAX_DESCRIPTORS].into_iter().flatten().min();
    // Should it fail, the old limit holds, and too many clients are told so.
    let _ = setrlimit(Resource::Nofile, Rlimit { current, maximum: limit.maximum });
    getrlimit(Resource::Nofile).current
}

/// Windows has no such limit.
#[cfg(windows)]
pub fn raise_limit() -> Option<u64> {
    None
}

/// How many files, sockets too, the process may have open; `None` if there is no limit.
#[cfg(unix)]
pub fn limit() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

/// Windows has no such limit.
#[cfg(windows)]
pub fn limit() -> Option<u64> {
    None
}

/// Whether an error says that the process, or the whole system, has no more files.
#[cfg(unix)]
pub fn is_exhausted(error: &io::Error) -> bool {
    use rustix::io::Errno;
    [Errno::MFILE, Errno::NFILE].iter().any(|it| error.raw_os_error() == Some(it.raw_os_error()))
}

/// Windows has no such limit.
#[cfg(windows)]
pub fn is_exhausted(_: &io::Error) -> bool {
    false
}

/// What the system knows of an open file.
#[cfg(unix)]
pub type Stat = rustix::fs::Stat;
/// What the system knows of an open file.
#[cfg(windows)]
pub type Stat = std::fs::Metadata;

/// fstat(2). It takes 0.26 microseconds where the statx(2) of the standard library takes 0.44.
///
/// # Errors
/// What the system reports.
#[cfg(unix)]
pub fn stat(file: &File) -> io::Result<Stat> {
    Ok(rustix::fs::fstat(file)?)
}

/// The metadata, by what the standard library has.
///
/// # Errors
/// What the system reports.
#[cfg(windows)]
pub fn stat(file: &File) -> io::Result<Stat> {
    file.metadata()
}

/// Whether an open file has not been written to between two looks, as far as its length and times tell.
#[cfg(unix)]
pub fn is_unchanged(before: &Stat, now: &Stat) -> bool {
    before.st_size == now.st_size
        && (before.st_ctime, before.st_ctime_nsec) == (now.st_ctime, now.st_ctime_nsec)
        && (before.st_mtime, before.st_mtime_nsec) == (now.st_mtime, now.st_mtime_nsec)
}

/// Whether an open file has not been written to between two looks, as far as its length and time tell.
#[cfg(windows)]
pub fn is_unchanged(before: &Stat, now: &Stat) -> bool {
    (before.len(), before.modified().ok()) == (now.len(), now.modified().ok())
}

/// pread(2): reads at a place of the file, whatever its position is, and does not move it.
///
/// # Errors
/// What the system reports.
#[cfg(unix)]
pub fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, at)
}

/// Reads at a place of the file, whatever its position is. Windows moves it; nobody here relies on it.
///
/// # Errors
/// What the system reports.
#[cfg(windows)]
pub fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, at)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_becomes_the_hard_one_and_is_what_is_said() {
        let before = getrlimit(Resource::Nofile);
        let most = [before.maximum, MAX_DESCRIPTORS].into_iter().flatten().min();
        let lower = most.map_or(4096, |most| most - 1);
        setrlimit(Resource::Nofile, Rlimit { current: Some(lower), maximum: before.maximum })
            .unwrap();
        assert_eq!(raise_limit(), most);
        assert_eq!(getrlimit(Resource::Nofile).current, most);
    }
}
