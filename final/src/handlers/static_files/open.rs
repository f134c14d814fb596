//! Opens files: only below the root, without blocking, and with all checks made on the open file.
//!
//! A check of a name holds only at the moment of the check. Before the name is used, it may be
//! given to another file: a race called time of check to time of use (TOCTOU). So everything that
//! matters is checked on the open file.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// The result of the look-up of a path.
#[derive(Debug)]
pub enum Found {
    /// A regular file, which has been opened.
    File(Opened),
    /// A directory, as a path without symbolic links.
    Folder(PathBuf),
}

/// An open file, and its metadata when it was opened.
#[derive(Debug)]
pub struct Opened {
    /// The open file, which stays the same even if another file gets its name.
    pub file: File,
    /// The type, the length and the times, read from the open file.
    pub metadata: Metadata,
    /// The path of the file without symbolic links.
    pub path: PathBuf,
}

/// Opens the file at `relative` below `root`, which is a path without symbolic links. Links are
/// followed as long as they end below the root. Returns `None` for a path outside of the root, and
/// for anything but a file or directory.
///
/// # Errors
/// Returns the error from the system call.
pub fn beneath(root: &Path, relative: &Path) -> io::Result<Option<Found>> {
    let path = root.join(relative).canonicalize()?;
    if !path.starts_with(root) {
        return Ok(None);
    }
    // Opening a device can have side effects (opening `/dev/watchdog` starts its timer), so it is
    // too late to check the type only after opening.
    let kind = fs::metadata(&path)?.file_type();
    if kind.is_dir() {
        return Ok(Some(Found::Folder(path)));
    }
    if !kind.is_file() {
        return Ok(None);
    }
    let opened = open_and_check(root, &path)?;
    Ok(opened.map(Found::File))
}

/// Opens a file that was below the root when it was looked up. Since then its name may have been
/// given to a FIFO, or a part of its path to a link out of the root.
fn open_and_check(root: &Path, path: &Path) -> io::Result<Option<Opened>> {
    let file = non_blocking().open(path)?;
    let metadata = file.metadata()?;
    let path = path_of(&file, path)?;
    let is_served = metadata.is_file() && path.starts_with(root);
    Ok(is_served.then_some(Opened { file, metadata, path }))
}

/// Returns the options for opening a file without blocking. Opening a FIFO waits until another
/// process opens it for writing (fifo(7)), which may never happen, but not with `O_NONBLOCK`. For a
/// regular file the flag changes nothing, unless another process holds a lease on it (fcntl(2)).
#[cfg(unix)]
fn non_blocking() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = OpenOptions::new();
    let flag = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
    options.read(true).custom_flags(flag);
    options
}

/// Returns the options for opening a file. They need no flag on Windows, where named pipes are in a
/// file system, `\\.\pipe`.
#[cfg(not(unix))]
fn non_blocking() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true);
    options
}

/// Returns the path of an open file from the kernel: its real location, and not the name under
/// which it was opened.
///
/// # Errors
/// Returns an error when `/proc` is not mounted. No file is served then, because no path can be
/// verified.
#[cfg(target_os = "linux")]
pub(super) fn path_of(file: &File, _: &Path) -> io::Result<PathBuf> {
    use std::os::fd::AsRawFd;
    fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).map_err(|error| {
        io::Error::other(format!("cannot verify an open file, is /proc mounted? {error}"))
    })
}

/// Returns the path by which the file was opened, if it still leads to the same file and still has
/// no links. This makes the race window smaller, but does not close it: a name that is exchanged
/// three times at the right moments can still pass.
#[cfg(not(target_os = "linux"))]
pub(super) fn path_of(file: &File, path: &Path) -> io::Result<PathBuf> {
    let path = path.canonicalize()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let (open, named) = (file.metadata()?, fs::metadata(&path)?);
        if (open.dev(), open.ino()) != (named.dev(), named.ino()) {
            return Err(io::ErrorKind::NotFound.into());
        }
    }
    #[cfg(not(unix))]
    let _ = file;
    Ok(path)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// Opening any other kind of file could wait for a peer, and reading it might never end.
    #[test]
    fn only_files_and_directories_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let _listener = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
        fs::write(root.join("file"), "text").unwrap();
        assert!(beneath(&root, Path::new("socket")).unwrap().is_none());
        assert!(matches!(beneath(&root, Path::new("")).unwrap(), Some(Found::Folder(_))));
        let found = beneath(&root, Path::new("file")).unwrap();
        let Some(Found::File(opened)) = found else { panic!("{found:?}") };
        assert_eq!((opened.metadata.len(), opened.path), (4, root.join("file")));
    }

    #[test]
    fn a_link_is_followed_as_long_as_it_ends_beneath_the_root() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap().join("root");
        fs::create_dir(&root).unwrap();
        fs::create_dir(folder.path().join("root-2")).unwrap();
        fs::write(folder.path().join("root-2/secret"), "").unwrap();
        fs::write(root.join(".hidden"), "").unwrap();
        let table = [
            ("relative", ".hidden".into(), true),
            ("absolute", root.join(".hidden"), true),
            ("out-and-in", "../root/.hidden".into(), true),
            ("out", "../root-2/secret".into(), false),
            ("absolute-out", folder.path().join("root-2/secret"), false),
            ("up", "..".into(), false),
        ];
        for (name, target, expected) in table {
            symlink(target, root.join(name)).unwrap();
            assert_eq!(beneath(&root, Path::new(name)).unwrap().is_some(), expected, "{name}");
        }
    }

    /// Regression test for a file that is replaced between check and open (TOCTOU). In an earlier
    /// version a symbolic link led out of the root, and opening a FIFO blocked forever.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_exchanged_after_the_check_is_not_served() {
        use rustix::fs::{CWD, FileType, Mode, mknodat};
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap().join("root");
        fs::create_dir_all(root.join("sub")).unwrap();
        for path in [folder.path().join("file"), root.join("file"), root.join("sub/file")] {
            fs::write(path, "text").unwrap();
        }
        symlink("..", root.join("folder")).unwrap();
        symlink("../file", root.join("out")).unwrap();
        symlink("sub", root.join("in")).unwrap();
        mknodat(CWD, root.join("fifo"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let table = [
            ("file", true),
            ("in/file", true),
            ("folder/file", false),
            ("out", false),
            ("fifo", false),
            ("sub", false),
        ];
        for (name, expected) in table {
            let opened = open_and_check(&root, &root.join(name)).unwrap();
            assert_eq!(opened.is_some(), expected, "{name}");
        }
    }
}
