//! From the segments of a path to a file below the root, or to nothing.
//!
//! Everything is refused that could lead out of the root, and everything that another system would read in
//! another way than we do. The client learns no difference between "refused" and "not there".

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

/// The folder whose files are served.
#[derive(Debug, Clone)]
pub struct Root(PathBuf);

impl Root {
    /// A folder as a root: without symbolic links in its path, so that others can be compared with it.
    ///
    /// # Errors
    /// When it is not there, or is not a folder.
    pub fn new(folder: &Path) -> io::Result<Root> {
        let folder = folder.canonicalize()?;
        if !folder.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Root(folder))
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// What is at the end of these segments, with all symbolic links followed; `None` if there is nothing
    /// that may be served.
    ///
    /// # Errors
    /// What the system reports, except that there is no such file.
    pub fn resolve(&self, segments: &[String]) -> io::Result<Option<PathBuf>> {
        let Some(relative) = relative_path(segments) else { return Ok(None) };
        match self.0.join(relative).canonicalize() {
            Ok(path) => Ok(self.serves(&path).then_some(path)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether a path without symbolic links is inside the root and not hidden there. A link inside may
    /// point outside, and a link with an open name at a hidden file.
    pub fn serves(&self, path: &Path) -> bool {
        path.strip_prefix(&self.0).is_ok_and(|relative| {
            relative.components().all(|component| match component {
                Component::Normal(name) => !is_hidden(name),
                _ => false,
            })
        })
    }
}

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
    names.iter().all(|name| is_plain_name(name)).then(|| names.iter().collect())
}

/// Whether this is the name of one file in one folder, on every system.
///
/// A slash came as `%2F` and is no separator to the router; it would be one to the kernel. So would a backslash
/// on Windows. NUL ends a path in C. Names that begin with a dot are hidden: `.git`, `.env`, `.htpasswd`, and
/// with them `.` and `..`; but `a..b` is a name.
fn is_plain_name(name: &str) -> bool {
    let is_more = name.is_empty()
        || is_hidden(OsStr::new(name))
        || name.contains(['/', '\\', '\0'])
        || (cfg!(windows) && means_something_to_windows(name));
    !is_more
}

/// Whether the name of a file asks not to be shown.
pub fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

/// Names that Windows does not take for themselves: a drive (`C:`), a stream of a file (`a.txt::$DATA`), a dot or
/// a space at the end, which it drops, and devices, whatever their extension.
fn means_something_to_windows(name: &str) -> bool {
    const DEVICES: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    let is_port = ["COM", "LPT"]
        .iter()
        .filter_map(|port| stem.strip_prefix(port))
        .any(|number| number.chars().count() == 1);
    name.contains(':') || name.ends_with(['.', ' ']) || DEVICES.contains(&&*stem) || is_port
}

/// Whether an error says that there is no file of this name, or none for us. Others, such as too many open
/// files, are the server's own trouble: as a 404 they would be remembered by caches.
pub fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::InvalidFilename
    )
}

/// Whether the path without symbolic links is a folder or a file. Others are not served: to open a FIFO waits
/// until somebody opens it for writing (fifo(7)), and a device may never end.
pub fn kind(path: &Path) -> io::Result<Option<Kind>> {
    let kind = fs::metadata(path)?.file_type();
    Ok(match () {
        () if kind.is_file() => Some(Kind::File),
        () if kind.is_dir() => Some(Kind::Folder),
        () => None,
    })
}

/// What can be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::http::{Method, Target};

    fn segments(target: &str) -> Vec<String> {
        Target::parse(Method::Get, target).unwrap().segments().to_vec()
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
            ("/a%5c..%5cb", None),
            ("/..\\a", None),
            ("/a%00.txt", None),
            ("/%2fetc%2fpasswd", None),
            ("//etc/passwd", None),
            ("/a//b", None),
            ("/.git/config", None),
            ("/a/.env", None),
        ];
        for (target, expected) in table {
            assert_eq!(relative(target), expected.map(PathBuf::from), "{target}");
        }
    }

    #[test]
    fn names_with_a_meaning_for_windows_are_known() {
        for name in
            ["C:", "a.txt::$DATA", "a.", "a ", "NUL", "con.txt", "com1", "LPT9.x", "nul .txt"]
        {
            assert!(means_something_to_windows(name), "{name:?}");
        }
        for name in ["a.txt", "console", "com", "com10", "a..b", "null"] {
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
        let found = |target| root.resolve(&segments(target)).unwrap();
        assert_eq!(found("/sub/a..b"), Some(root.path().join("sub").join("a..b")));
        assert_eq!(found("/sub/"), Some(root.path().join("sub")));
        assert_eq!(found("/"), Some(root.path().to_path_buf()));
        let long = format!("/{}", "a".repeat(5000));
        for target in ["/missing", "/sub/a..b/deeper", "/sub/../sub", long.as_str()] {
            assert_eq!(found(target), None, "{target}");
        }
    }

    #[test]
    fn a_path_with_a_step_upwards_is_not_served_wherever_it_leads() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::new(folder.path()).unwrap();
        assert!(root.serves(&root.path().join("a")));
        for path in ["..", "../a", "a/../b", "a/../../b"] {
            assert!(!root.serves(&root.path().join(path)), "{path}");
        }
    }

    #[test]
    fn a_name_that_leads_nowhere_is_absent_and_trouble_of_our_own_is_not() {
        use io::ErrorKind as Kind;
        for kind in [
            Kind::NotFound,
            Kind::NotADirectory,
            Kind::PermissionDenied,
            Kind::InvalidInput,
            Kind::InvalidFilename,
        ] {
            assert!(is_absent(&kind.into()), "{kind}");
        }
        for kind in [Kind::OutOfMemory, Kind::Interrupted, Kind::TimedOut, Kind::Other] {
            assert!(!is_absent(&kind.into()), "{kind}");
        }
    }

    /// Any other place would wait for somebody at its other end, or never end.
    #[cfg(unix)]
    #[test]
    fn only_files_and_folders_can_be_served() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        fs::write(folder.path().join("file"), "").unwrap();
        assert_eq!(kind(&socket).unwrap(), None);
        assert_eq!(kind(&folder.path().join("file")).unwrap(), Some(Kind::File));
        assert_eq!(kind(folder.path()).unwrap(), Some(Kind::Folder));
    }

    #[cfg(unix)]
    #[test]
    fn links_that_go_in_circles_are_trouble_of_our_own() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("circle", folder.path().join("circle")).unwrap();
        let root = Root::new(folder.path()).unwrap();
        assert!(root.resolve(&segments("/circle")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_followed_but_not_out_of_the_root_or_to_what_is_hidden() {
        use std::os::unix::fs::symlink;
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret"), "").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "").unwrap();
        fs::write(at(".hidden"), "").unwrap();
        symlink("file", at("inside")).unwrap();
        symlink(outside.path().join("secret"), at("out")).unwrap();
        symlink(outside.path(), at("folder")).unwrap();
        symlink("..", at("up")).unwrap();
        symlink(".hidden", at("shown")).unwrap();
        symlink("nowhere", at("dangling")).unwrap();
        let root = Root::new(folder.path()).unwrap();
        let found = |target| root.resolve(&segments(target)).unwrap();
        assert_eq!(found("/inside"), Some(root.path().join("file")));
        for target in ["/out", "/folder/secret", "/folder/", "/up", "/shown", "/dangling"] {
            assert_eq!(found(target), None, "{target}");
        }
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
                && let Some(path) = root.resolve(target.segments()).unwrap()
            {
                prop_assert!(path.starts_with(root.path()), "{raw} is {path:?}");
            }
        }
    }
}
