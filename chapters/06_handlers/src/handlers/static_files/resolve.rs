//! Resolves the segments of a path to a file below the root, or to nothing.
//!
//! A path is rejected if it could lead out of the root, or if another operating system would
//! interpret it differently. The client cannot distinguish a rejected path from a missing file.

use std::io;
use std::path::{Path, PathBuf};

use super::open::{self, Found};

/// The directory whose files are served.
///
/// It may be a link to the current release, so the link is followed for each request, and its
/// target is never cached.
#[derive(Debug, Clone)]
pub struct Root(PathBuf);

impl Root {
    /// Makes a directory the root. The path is made absolute, so a later change of the working
    /// directory does not matter.
    ///
    /// # Errors
    /// Returns an error when the path does not exist or is not a directory.
    pub fn new(folder: &Path) -> io::Result<Root> {
        if !folder.metadata()?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        std::path::absolute(folder).map(Root)
    }

    /// Looks up the root as a request does, to check that it exists.
    ///
    /// # Errors
    /// Returns an error when the path does not exist or is not a directory.
    pub fn check(&self) -> io::Result<()> {
        match self.find(&[])? {
            Some(Found::Folder(_)) => Ok(()),
            _ => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    /// Finds the file or directory at these segments. Returns `None` if there is none that may be
    /// served.
    ///
    /// # Errors
    /// Returns the error from the system call, except for a missing file, which is `None`. A
    /// missing root is an error.
    pub fn find(&self, segments: &[String]) -> io::Result<Option<Found>> {
        let Some(relative) = relative_path(segments) else { return Ok(None) };
        let root = self.0.canonicalize().map_err(|error| self.is_gone(&error))?;
        match open::beneath(&root, &relative) {
            Err(error) if is_absent(&error) => Ok(None),
            found => found,
        }
    }

    /// Changes the kind of an error that concerns the root, so that it is not taken for a missing
    /// file.
    fn is_gone(&self, error: &io::Error) -> io::Error {
        io::Error::other(format!("the root {} cannot be used: {error}", self.0.display()))
    }
}

/// The directory that is public at the root (RFC 8615), unlike all other names that begin with a
/// dot.
const WELL_KNOWN: &str = ".well-known";

/// Converts the segments to a path that only leads downwards. Returns `None` if a segment is not a
/// plain file name.
///
/// The segments were decoded once, and must not be decoded again: `%252e` is `%2e` here, which is
/// an ordinary name and would become a dot. An empty segment may only be the last one: it is the
/// slash at the end of a directory's path.
pub fn relative_path(segments: &[String]) -> Option<PathBuf> {
    let names = match segments {
        [names @ .., last] if last.is_empty() => names,
        names => names,
    };
    let is_served = |(depth, name): (usize, &String)| {
        is_plain_name(name) && (!is_hidden(name) || (depth == 0 && name == WELL_KNOWN))
    };
    names.iter().enumerate().all(is_served).then(|| names.iter().collect())
}

/// Returns whether `name` is the name of one file in one directory.
///
/// A slash from `%2F` does not separate segments in the router, but would do so in the kernel, and
/// so would a backslash on Windows. NUL ends a path in C.
fn is_plain_name(name: &str) -> bool {
    let is_more = name.is_empty()
        || name.contains(['/', '\0'])
        || (cfg!(windows) && is_special_on_windows(name));
    !is_more
}

/// Returns whether a file name is hidden by convention: `.git`, `.env`, `.htpasswd`, and also `.`
/// and `..`; but `a..b` is an ordinary name.
///
/// The **requested** name decides. A link with a visible name serves its target, even one with a
/// hidden name: a user who can create a link there could as well copy the file.
fn is_hidden(name: &str) -> bool {
    name.starts_with('.')
}

/// Returns whether Windows interprets a name in a special way: a backslash, a drive (`C:`), an
/// alternate data stream (`a.txt::$DATA`), a dot or a space at the end, which Windows drops, the
/// short name of another file (`GIT~1` may be `.git`), and device names with any extension.
fn is_special_on_windows(name: &str) -> bool {
    const DEVICES: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    let is_port = ["COM", "LPT"]
        .iter()
        .filter_map(|port| stem.strip_prefix(port))
        .any(|number| number.chars().count() == 1);
    let has_number = |behind: &str| behind.starts_with(|it: char| it.is_ascii_digit());
    let is_short_name = name.split('~').skip(1).any(has_number);
    name.contains([':', '\\'])
        || name.ends_with(['.', ' '])
        || is_short_name
        || DEVICES.contains(&&*stem)
        || is_port
}

/// Returns whether an error means that the file does not exist, or that the server may not read it.
/// Other errors, such as too many open files, must not become a 404, which a cache may store
/// (RFC 9110 section 15.5.5).
pub fn is_absent(error: &io::Error) -> bool {
    let is_kind = matches!(
        error.kind(),
        io::ErrorKind::NotFound
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::IsADirectory
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::InvalidFilename
            | io::ErrorKind::StaleNetworkFileHandle
    );
    is_kind || is_dead_end(error)
}

/// Returns whether the error means that the path leads to a loop of links, a socket or a missing
/// device. The standard library has no stable kinds for these errors, and the numbers of the first
/// two differ between Unix systems.
#[cfg(unix)]
fn is_dead_end(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let kin = [Errno::LOOP, Errno::NXIO, Errno::NODEV, Errno::OPNOTSUPP];
    kin.iter().any(|it| error.raw_os_error() == Some(it.raw_os_error()))
}

#[cfg(not(unix))]
fn is_dead_end(_: &io::Error) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Component;

    use proptest::prelude::*;

    use super::*;
    use crate::http::{Method, Target};

    fn segments(target: &str) -> Vec<String> {
        Target::parse(Method::Get, target).unwrap().segments()
    }

    fn relative(target: &str) -> Option<PathBuf> {
        relative_path(&segments(target))
    }

    #[test]
    fn only_plain_names_make_a_path_and_only_downwards() {
        let table = [
            ("/", Some("")),
            ("/a", Some("a")),
            ("/a/b.txt", Some("a/b.txt")),
            ("/a/", Some("a")),
            ("/a..b/c...", if cfg!(windows) { None } else { Some("a..b/c...") }),
            ("/%61", Some("a")),
            ("/caf%C3%A9", Some("café")),
            ("/%252e%252e/a", Some("%2e%2e/a")),
            ("/..", None),
            ("/../a", None),
            ("/a/../b", None),
            ("/./a", None),
            ("/%2e%2e/a", None),
            ("/.%2e/a", None),
            ("/..%2fa", None),
            ("/%2e%2e%2fa", None),
            ("/..%5ca", None),
            ("/a%5c..%5cb", if cfg!(windows) { None } else { Some("a\\..\\b") }),
            ("/..\\a", None),
            ("/a%00.txt", None),
            ("/%2fetc%2fpasswd", None),
            ("//etc/passwd", None),
            ("/a//b", None),
            ("/.git/config", None),
            ("/a/.env", None),
            ("/.well-known/security.txt", Some(".well-known/security.txt")),
            ("/.well-known/.env", None),
            ("/.well-knowns/a", None),
            ("/a/.well-known/security.txt", None),
        ];
        for (target, expected) in table {
            assert_eq!(relative(target), expected.map(PathBuf::from), "{target}");
        }
    }

    #[test]
    fn names_that_windows_interprets_are_detected() {
        for name in [
            "C:",
            "a.txt::$DATA",
            "a.",
            "a ",
            "NUL",
            "con.txt",
            "com1",
            "LPT9.x",
            "nul .txt",
            "a\\b",
            "GIT~1",
            "A~B~12.HTM",
        ] {
            assert!(is_special_on_windows(name), "{name:?}");
        }
        for name in ["a.txt", "console", "com", "com10", "a..b", "null", "a~b", "a~", "~"] {
            assert!(!is_special_on_windows(name), "{name:?}");
        }
    }

    #[test]
    fn a_root_is_an_existing_directory() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Root::new(folder.path()).is_ok());
        assert!(Root::new(&folder.path().join("missing")).is_err());
        fs::write(folder.path().join("file"), "").unwrap();
        assert!(Root::new(&folder.path().join("file")).is_err());
    }

    #[test]
    fn existing_files_are_found_and_everything_else_is_none() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("sub")).unwrap();
        fs::write(folder.path().join("sub/a..b"), "").unwrap();
        let root = Root::new(folder.path()).unwrap();
        let found = |target| root.find(&segments(target)).unwrap();
        assert!(matches!(found("/sub/a..b"), Some(Found::File(_))));
        for target in ["/sub/", "/sub", "/"] {
            assert!(matches!(found(target), Some(Found::Folder(_))), "{target}");
        }
        let long = format!("/{}", "a".repeat(5000));
        for target in ["/missing", "/sub/a..b/deeper", "/sub/../sub", long.as_str()] {
            assert!(found(target).is_none(), "{target}");
        }
    }

    #[test]
    fn a_missing_root_is_a_server_error() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::new(folder.path()).unwrap();
        assert!(root.check().is_ok());
        folder.close().unwrap();
        assert!(root.check().is_err());
        let error = root.find(&segments("/a")).unwrap_err();
        assert!(!is_absent(&error) && error.to_string().starts_with("the root "), "{error}");
    }

    #[test]
    fn a_dead_end_is_absent_and_a_server_error_is_not() {
        use io::ErrorKind;
        for kind in [
            ErrorKind::NotFound,
            ErrorKind::NotADirectory,
            ErrorKind::IsADirectory,
            ErrorKind::PermissionDenied,
            ErrorKind::InvalidInput,
            ErrorKind::InvalidFilename,
            ErrorKind::StaleNetworkFileHandle,
        ] {
            assert!(is_absent(&kind.into()), "{kind}");
        }
        for kind in
            [ErrorKind::OutOfMemory, ErrorKind::Interrupted, ErrorKind::TimedOut, ErrorKind::Other]
        {
            assert!(!is_absent(&kind.into()), "{kind}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_loop_of_links_is_absent_and_too_many_open_files_are_a_server_error() {
        use rustix::io::Errno;
        assert!(is_absent(&Errno::LOOP.into()));
        for errno in [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::IO] {
            assert!(!is_absent(&errno.into()), "{errno}");
        }
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("circle", folder.path().join("circle")).unwrap();
        let root = Root::new(folder.path()).unwrap();
        assert!(root.find(&segments("/circle")).unwrap().is_none());
    }

    proptest! {
        #[test]
        fn a_path_never_leads_upwards(
            segments in proptest::collection::vec("[a.%/\\\\\0 :é-]{0,5}", 0..5),
        ) {
            if let Some(path) = relative_path(&segments) {
                let downwards = path.components().all(|part| matches!(part, Component::Normal(_)));
                prop_assert!(downwards, "{path:?}");
                let names = segments.iter().filter(|segment| !segment.is_empty()).count();
                prop_assert_eq!(path.components().count(), names);
            }
        }

        #[test]
        fn no_target_leads_out_of_the_root(raw in "/([./a%25\\\\]|%2e|%2f|%5c|%00|\\.\\.){0,12}") {
            let folder = std::env::temp_dir();
            let root = Root::new(&folder).unwrap();
            if let Ok(target) = Target::parse(Method::Get, &raw)
                && let Some(Found::Folder(path)) = root.find(&target.segments()).unwrap()
            {
                prop_assert!(path.starts_with(folder.canonicalize().unwrap()), "{raw} is {path:?}");
            }
        }
    }
}
