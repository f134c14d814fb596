//! From the segments of a path to a file below the root, or to nothing.
//!
//! Everything is refused that could lead out of the root, and everything that another system would read in
//! another way than we do. The client learns no difference between "refused" and "not there".

use std::io;
use std::path::{Path, PathBuf};

use super::open::{self, Found};

/// The folder whose files are served.
///
/// It may be a link to the release of now. So it is followed with each request, and never kept as what it led to.
#[derive(Debug, Clone)]
pub struct Root(PathBuf);

impl Root {
    /// A folder as a root, whatever the working directory of the process will be.
    ///
    /// # Errors
    /// When it is not there, or is not a folder.
    pub fn new(folder: &Path) -> io::Result<Root> {
        if !folder.metadata()?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        std::path::absolute(folder).map(Root)
    }

    /// Asks for the root itself, as a request does.
    ///
    /// # Errors
    /// When it is not there, or is not a folder.
    pub fn check(&self) -> io::Result<()> {
        match self.find(&[])? {
            Some(Found::Folder(_)) => Ok(()),
            _ => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    /// What is at the end of these segments; `None` if there is nothing that may be served.
    ///
    /// # Errors
    /// What the system reports, except that there is no such file. That the root is not there is an error.
    pub fn find(&self, segments: &[String]) -> io::Result<Option<Found>> {
        let Some(relative) = relative_path(segments) else { return Ok(None) };
        let root = self.0.canonicalize().map_err(|error| self.is_gone(&error))?;
        match open::beneath(&root, &relative) {
            Err(error) if is_absent(&error) => Ok(None),
            found => found,
        }
    }

    /// With a kind of its own: this file or that being absent is another matter.
    fn is_gone(&self, error: &io::Error) -> io::Error {
        io::Error::other(format!("the root {} cannot be used: {error}", self.0.display()))
    }
}

/// What is below it at the root is for the public (RFC 8615), unlike what else begins with a dot.
const WELL_KNOWN: &str = ".well-known";

/// The segments, which were decoded once, as a path that only leads downwards. `None` if one of them is more
/// than a name.
///
/// It is not decoded again: `%252e` is `%2e` here, a name as any other, and would be a dot after a second time.
/// An empty segment may only be the last one: the slash at the end of a folder's path.
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

/// Whether this is the name of one file in one folder.
///
/// A slash came as `%2F` and is no separator to the router; it would be one to the kernel. So would a backslash
/// on Windows, while elsewhere it is a letter like any other. NUL ends a path in C.
fn is_plain_name(name: &str) -> bool {
    let is_more = name.is_empty()
        || name.contains(['/', '\0'])
        || (cfg!(windows) && means_something_to_windows(name));
    !is_more
}

/// Whether the name of a file asks not to be shown: `.git`, `.env`, `.htpasswd`, and with them `.` and `..`; but
/// `a..b` is a name.
///
/// The **requested** name counts. A link with a name for all to see shows what it leads to, whatever that is called:
/// whoever can make a link could as well copy the file.
fn is_hidden(name: &str) -> bool {
    name.starts_with('.')
}

/// Names that Windows does not take for themselves: one with a backslash, a drive (`C:`), a stream of a file
/// (`a.txt::$DATA`), a dot or a space at the end, which it drops, the short name of another file (`GIT~1` may be
/// `.git`), and devices, whatever their extension.
fn means_something_to_windows(name: &str) -> bool {
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

/// Whether an error says that there is no file of this name, or none for us. Others, such as too many open
/// files, are the server's own trouble: as a 404 they would be remembered by caches.
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
    is_kind || leads_nowhere(error)
}

/// Errors for which the standard library has no kind: links that go in circles, a socket, and a device that is not
/// there. The first two have other numbers on every Unix.
#[cfg(unix)]
fn leads_nowhere(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let kin = [Errno::LOOP, Errno::NXIO, Errno::NODEV, Errno::OPNOTSUPP];
    kin.iter().any(|it| error.raw_os_error() == Some(it.raw_os_error()))
}

#[cfg(not(unix))]
fn leads_nowhere(_: &io::Error) -> bool {
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
    fn only_names_lead_anywhere_and_only_downwards() {
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
    fn names_with_a_meaning_for_windows_are_known() {
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
            assert!(means_something_to_windows(name), "{name:?}");
        }
        for name in ["a.txt", "console", "com", "com10", "a..b", "null", "a~b", "a~", "~"] {
            assert!(!means_something_to_windows(name), "{name:?}");
        }
    }

    #[test]
    fn a_root_is_a_folder_that_is_there() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Root::new(folder.path()).is_ok());
        assert!(Root::new(&folder.path().join("missing")).is_err());
        fs::write(folder.path().join("file"), "").unwrap();
        assert!(Root::new(&folder.path().join("file")).is_err());
    }

    #[test]
    fn what_is_there_is_found_and_everything_else_is_nothing() {
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
    fn a_root_that_is_gone_is_trouble_of_our_own() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::new(folder.path()).unwrap();
        assert!(root.check().is_ok());
        folder.close().unwrap();
        assert!(root.check().is_err());
        let error = root.find(&segments("/a")).unwrap_err();
        assert!(!is_absent(&error) && error.to_string().starts_with("the root "), "{error}");
    }

    #[test]
    fn a_name_that_leads_nowhere_is_absent_and_trouble_of_our_own_is_not() {
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
    fn links_that_go_in_circles_lead_nowhere_and_too_many_open_files_are_our_own_trouble() {
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
