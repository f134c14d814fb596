//! Waits until the reader saves a file of the chapter.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How long the files must be unchanged, so that an editor has written all of them.
const SETTLED: Duration = Duration::from_millis(200);

/// The modification time and the length of each file.
type Seen = BTreeMap<PathBuf, (Option<SystemTime>, u64)>;

/// A snapshot of the files below a directory, or of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Snapshot {
    folder: PathBuf,
    files: Seen,
}

impl Snapshot {
    pub(crate) fn of(folder: &Path) -> Snapshot {
        let mut files = Seen::new();
        collect(folder, &mut files);
        Snapshot { folder: folder.to_owned(), files }
    }

    /// Whether a file has changed. If so, waits until the files have been unchanged for a moment, because an editor
    /// saves in several steps. Returns the name of a changed file.
    pub(crate) fn settled_change(&self) -> Option<String> {
        let mut now = Snapshot::of(&self.folder);
        let name = self.changed(&now)?;
        loop {
            std::thread::sleep(SETTLED);
            let later = Snapshot::of(&self.folder);
            if later == now {
                return Some(name);
            }
            now = later;
        }
    }

    /// The first file that was added, deleted or written, relative to the directory.
    fn changed(&self, now: &Snapshot) -> Option<String> {
        let mut names = self.files.keys().chain(now.files.keys());
        let name = names.find(|name| self.files.get(*name) != now.files.get(*name))?;
        Some(name.strip_prefix(&self.folder).unwrap_or(name).display().to_string())
    }
}

fn collect(folder: &Path, files: &mut Seen) {
    if let Ok(metadata) = fs::metadata(folder)
        && metadata.is_file()
    {
        files.insert(folder.to_owned(), (metadata.modified().ok(), metadata.len()));
        return;
    }
    // A directory that is deleted in the meantime is a change, too.
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        // Files that editors write beside the saved file.
        let scratch = name.starts_with('.') || name.ends_with('~') || name == "4913";
        let Ok(metadata) = entry.metadata() else { continue };
        if metadata.is_dir() && name != "target" && !scratch {
            collect(&entry.path(), files);
        } else if metadata.is_file() && !scratch {
            files.insert(entry.path(), (metadata.modified().ok(), metadata.len()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::tests::folder_with;

    #[test]
    fn a_file_that_is_new_gone_or_longer_is_a_change() {
        let folder = folder_with(&[("src/app.rs", "1"), ("src/old.rs", "")]);
        let write = |name: &str| fs::write(folder.path().join(name), "more").unwrap();
        let look = || Snapshot::of(folder.path());
        let before = look();
        assert_eq!(before.changed(&look()), None);
        for scratch in ["src/.app.rs.swp", "src/app.rs~", "src/4913"] {
            write(scratch);
        }
        assert_eq!(before.changed(&look()), None);
        write("src/app.rs");
        let expected = Path::new("src").join("app.rs").display().to_string();
        assert_eq!(before.changed(&look()), Some(expected));
        let before = look();
        write("src/new.rs");
        assert!(before.changed(&look()).unwrap().ends_with("new.rs"));
        let before = look();
        fs::remove_file(folder.path().join("src/old.rs")).unwrap();
        assert!(before.changed(&look()).unwrap().ends_with("old.rs"));
    }

    #[test]
    fn one_file_can_be_watched_alone() {
        let folder = folder_with(&[("server", "1"), ("other", "")]);
        let before = Snapshot::of(&folder.path().join("server"));
        fs::write(folder.path().join("other"), "more").unwrap();
        assert_eq!(before.settled_change(), None);
        fs::write(folder.path().join("server"), "longer").unwrap();
        assert!(before.settled_change().is_some());
    }

    #[test]
    fn a_save_is_a_change_once_the_files_stay_the_same() {
        let folder = folder_with(&[("app.rs", "1")]);
        let before = Snapshot::of(folder.path());
        fs::write(folder.path().join("app.rs"), "longer").unwrap();
        assert_eq!(before.settled_change().as_deref(), Some("app.rs"));
    }
}
