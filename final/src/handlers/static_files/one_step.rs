//! openat2(2), with which the kernel resolves a path without leaving the root.
//!
//! When a path is checked and then opened in two steps, the name may be given to another file in
//! between. openat2 is a single step. Where openat2 cannot decide, the path is checked and opened
//! in several steps as in part 5, and verified after opening.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};
use rustix::io::Errno;

use super::open::{Found, Opened, path_of};

/// The maximum number of attempts to open a path while other processes rename parts of it.
const TRIES: usize = 4;

/// Returns whether openat2 could not decide: the kernel is older than 5.6 (`ENOSYS`), a sandbox
/// does not allow the call (`EPERM`), names on the path were changed again and again (`EAGAIN`), or
/// a link leads out of the root (`EXDEV`). Such a link may still lead back into the root: a link
/// with an absolute target is served if the target is inside the root.
pub fn is_undecided(error: &io::Error) -> bool {
    let undecided = [Errno::NOSYS, Errno::PERM, Errno::AGAIN, Errno::XDEV];
    undecided.iter().any(|it| error.raw_os_error() == Some(it.raw_os_error()))
}

/// Opens the root. Paths are resolved from this descriptor, even if the name of the root later
/// refers to another directory.
pub fn open_root(root: &Path) -> io::Result<File> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(File::from(openat(CWD, root, flags, Mode::empty())?))
}

/// Opens the file at `relative` below `root`, a directory whose path is `root_path`. Returns `None`
/// for anything but a file or a directory.
///
/// # Errors
/// Returns the error from the system call; see [`is_undecided`].
pub fn beneath(root: &File, root_path: &Path, relative: &Path) -> io::Result<Option<Found>> {
    let name = if relative.as_os_str().is_empty() { Path::new(".") } else { relative };
    // Without NONBLOCK, opening a FIFO waits for a writer. Without NOCTTY, a terminal could become
    // the server's controlling terminal.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let within = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let mut left = TRIES;
    let file = loop {
        left -= 1;
        match openat2(root, name, flags, Mode::empty(), within) {
            // A name changed while the kernel resolved a `..`, so the kernel cannot verify where
            // the path leads.
            Err(Errno::AGAIN) if left > 0 => {}
            opened => break File::from(opened?),
        }
    };
    inspect(file, root_path.join(relative))
}

/// Classifies the opened file by its type. The path is only used for the name of the file, so the
/// function works without `/proc`.
fn inspect(file: File, path: PathBuf) -> io::Result<Option<Found>> {
    let metadata = file.metadata()?;
    let path = path_of(&file, &path).unwrap_or(path);
    Ok(match () {
        () if metadata.is_file() => Some(Found::File(Opened { file, metadata, path })),
        () if metadata.is_dir() => Some(Found::Folder(path)),
        () => None,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use rustix::fs::{FileType, mknodat};

    use super::*;

    #[test]
    fn the_kernel_resolves_all_but_links_out_of_the_root() {
        let folder = tempfile::tempdir().unwrap();
        let root_path = folder.path().join("root");
        let at = |name: &str| root_path.join(name);
        fs::create_dir_all(at("sub")).unwrap();
        fs::write(at("sub/file"), "").unwrap();
        fs::write(folder.path().join("secret"), "").unwrap();
        let links = [
            ("inside", "sub/file".into()),
            ("up-and-down", "sub/../sub/file".into()),
            ("out", "../secret".into()),
            ("out-and-in", "../root/sub/file".into()),
            ("absolute", at("sub/file")),
            ("proc", PathBuf::from("/proc/self/cwd")),
        ];
        for (name, target) in links {
            symlink(target, at(name)).unwrap();
        }
        symlink("circle", at("circle")).unwrap();
        mknodat(CWD, at("fifo"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let table = [
            ("", "folder"),
            ("sub", "folder"),
            ("sub/file", "file"),
            ("inside", "file"),
            ("up-and-down", "file"),
            ("fifo", "nothing"),
            ("missing", "error"),
            ("circle", "error"),
            ("out", "undecided"),
            ("out-and-in", "undecided"),
            ("absolute", "undecided"),
            ("proc", "undecided"),
            ("../secret", "undecided"),
            ("/etc/passwd", "undecided"),
        ];
        let root = open_root(&root_path).unwrap();
        for (name, expected) in table {
            let outcome = match beneath(&root, &root_path, Path::new(name)) {
                Ok(Some(Found::File(_))) => "file",
                Ok(Some(Found::Folder(_))) => "folder",
                Ok(None) => "nothing",
                Err(error) if is_undecided(&error) => "undecided",
                Err(_) => "error",
            };
            assert_eq!(outcome, expected, "{name}");
        }
    }

    #[test]
    fn a_root_that_is_not_a_directory_cannot_be_opened() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(open_root(file.path()).is_err());
        assert!(open_root(&file.path().join("missing")).is_err());
    }
}
