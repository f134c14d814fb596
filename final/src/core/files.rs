//! The files of the process: how many there may be, which are sockets too, and how several threads read one.

use std::fs::File;
use std::io;

#[cfg(unix)]
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// More than this macOS does not allow, whatever it says the hard limit is (`OPEN_MAX`).
#[cfg(unix)]
const MOST: Option<u64> = if cfg!(target_os = "macos") { Some(10_240) } else { None };

/// Raises the soft limit of open files to the hard one. The soft one, often 1,024, is low for the sake of
/// programs that use select(2), which this one does not. Returns the limit; `None` if there is none.
#[cfg(unix)]
pub fn raise_limit() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    let current = [limit.maximum, MOST].into_iter().flatten().min();
    // Should it fail, the old limit holds, and too many clients are told so.
    let _ = setrlimit(Resource::Nofile, Rlimit { current, maximum: limit.maximum });
    getrlimit(Resource::Nofile).current
}

/// Windows has no such limit.
#[cfg(windows)]
pub fn raise_limit() -> Option<u64> {
    None
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
        let most = [before.maximum, MOST].into_iter().flatten().min();
        let lower = most.map_or(4096, |most| most - 1);
        setrlimit(Resource::Nofile, Rlimit { current: Some(lower), maximum: before.maximum })
            .unwrap();
        assert_eq!(raise_limit(), most);
        assert_eq!(getrlimit(Resource::Nofile).current, most);
    }
}
