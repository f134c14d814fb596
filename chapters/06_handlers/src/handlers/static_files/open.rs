//! Opening what a path leads to: beneath the root, without waiting, and looked at once it is open.
//!
//! A check of a name is true at the moment of the check. Until the name is used, it may stand for something else: this
//! is a race, called time of check to time of use (TOCTOU). So all that counts is asked of the open file.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// What a path leads to.
#[derive(Debug)]
pub enum Found {
    /// A regular file, which is open.
    File(Opened),
    /// A folder, by its path without symbolic links.
    Folder(PathBuf),
}

/// An open file, and what was there when it was opened.
#[derive(Debug)]
pub struct Opened {
    /// From here on it is this file, even if another gets its name.
    pub file: File,
    /// Its type, length and times, as the open file has them.
    pub metadata: Metadata,
    /// Its path without symbolic links.
    pub path: PathBuf,
}

/// Opens what is at `relative` beneath `root`, which is a path without symbolic links. Links are followed as long as
/// they end beneath the root. `None` for what is outside, and for what is neither a file nor a folder.
///
/// # Errors
/// What the system reports.
pub fn beneath(root: &Path, relative: &Path) -> io::Result<Option<Found>> {
    let path = root.join(relative).canonicalize()?;
    if !path.starts_with(root) {
        return Ok(None);
    }
    // To open a device can already do something (a tape rewinds), so it is not only closed again.
    let kind = fs::metadata(&path)?.file_type();
    if kind.is_dir() {
        return Ok(Some(Found::Folder(path)));
    }
    if !kind.is_file() {
        return Ok(None);
    }
    let opened = open_and_look(root, &path)?;
    Ok(opened.map(Found::File))
}

/// Opens what was a file beneath the root a moment ago. By now its name may have been given to a FIFO, or a part of
/// its path to a link out of the root.
fn open_and_look(root: &Path, path: &Path) -> io::Result<Option<Opened>> {
    let file = without_waiting().open(path)?;
    let metadata = file.metadata()?;
    let path = path_of(&file, path)?;
    let is_served = metadata.is_file() && path.starts_with(root);
    Ok(is_served.then_some(Opened { file, metadata, path }))
}

/// To open a FIFO waits until another process opens it for writing (fifo(7)), which may be never. With `O_NONBLOCK` it
/// does not wait, and for a regular file it changes nothing, unless another process holds a lease on it (fcntl(2)).
#[cfg(unix)]
fn without_waiting() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = OpenOptions::new();
    let flag = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
    options.read(true).custom_flags(flag);
    options
}

/// A FIFO of Windows is in a file system of its own, `\\.\pipe`.
#[cfg(not(unix))]
fn without_waiting() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true);
    options
}

/// The path of an open file, as the kernel knows it: not the name under which it was opened, but where it is.
///
/// # Errors
/// When `/proc` is not mounted. Then nothing is served: what cannot be verified may be anything.
#[cfg(target_os = "linux")]
pub(super) fn path_of(file: &File, _: &Path) -> io::Result<PathBuf> {
    use std::os::fd::AsRawFd;
    fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).map_err(|error| {
        io::Error::other(format!("cannot verify an open file, is /proc mounted? {error}"))
    })
}

/// The path by which it was opened, if that leads to the same file once more and still has no links. This narrows
/// the race down, and does not close it: a name that is exchanged three times at the right moments can pass.
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

    /// Any other would wait for somebody at its other end, or never end.
    #[test]
    fn only_files_and_folders_are_found() {
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

    /// What an exchange between the check and the opening leads to: one opened the secret, the other never returned.
    #[cfg(target_os = "linux")]
    #[test]
    fn what_has_been_exchanged_since_the_check_is_not_served() {
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
            let opened = open_and_look(&root, &root.join(name)).unwrap();
            assert_eq!(opened.is_some(), expected, "{name}");
        }
    }
}
