//! What a carry has found, what it writes and how far it has come.
//!
//! It is stored, whole and in one file, before the first file of a chapter is touched. From it a carry that
//! was interrupted is finished or taken back. It is in the folder of git, where neither `cargo clean` nor
//! `git clean` finds it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use super::disk::{self, FOLDER};
use crate::git::Git;

#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Journal {
    /// The folder of the chapter whose change is carried.
    pub chapter: String,
    /// The commit before the change.
    pub revision: String,
    /// The last commit when the carry began.
    pub head: String,
    pub phase: Phase,
    /// By the path from the root.
    pub entries: BTreeMap<String, Entry>,
    /// What a person must decide: a sentence for each.
    pub conflicts: Vec<String>,
    /// What the person has been told, or shall be once everything is written.
    pub report: String,
}

impl Journal {
    /// Whether it changes any file.
    pub(super) fn wrote_something(&self) -> bool {
        self.entries.values().any(|entry| entry.before != entry.after)
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Phase {
    /// Files are being written.
    #[default]
    Writing,
    /// A person must decide.
    Waiting,
    /// Everything is carried. The journal stays, so that it can be carried again and taken back.
    Done,
    /// Everything is being taken back.
    Aborting,
}

/// One file that carry changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Before the first run.
    pub before: Content,
    /// Before the run that wrote `after`.
    pub found: Content,
    pub after: Content,
    /// What was merged into it.
    pub incoming: Content,
    /// A person made it what it is.
    pub decided: bool,
    /// A person must make it what it shall be.
    pub conflict: bool,
}

/// The content of a file; `None` when it is not there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Content(Option<Stored>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Stored {
    Text(String),
    Bytes(Vec<u8>),
}

impl From<Option<Vec<u8>>> for Content {
    fn from(bytes: Option<Vec<u8>>) -> Content {
        Content(bytes.map(|bytes| match String::from_utf8(bytes) {
            Ok(text) => Stored::Text(text),
            Err(error) => Stored::Bytes(error.into_bytes()),
        }))
    }
}

impl From<&Option<Vec<u8>>> for Content {
    fn from(bytes: &Option<Vec<u8>>) -> Content {
        bytes.clone().into()
    }
}

impl Content {
    pub(super) fn bytes(&self) -> Option<&[u8]> {
        self.0.as_ref().map(|stored| match stored {
            Stored::Text(text) => text.as_bytes(),
            Stored::Bytes(bytes) => bytes,
        })
    }

    pub(super) fn owned(&self) -> Option<Vec<u8>> {
        self.bytes().map(<[u8]>::to_vec)
    }
}

/// The stored journal, which one run at a time may use.
pub(super) struct Store {
    root: PathBuf,
    path: PathBuf,
    _lock: File,
}

impl Store {
    pub(super) fn open(root: &Path) -> anyhow::Result<Store> {
        let path = Git::at(root).run(&["rev-parse", "--git-path", "carry.json"])?;
        let path = root.join(String::from_utf8_lossy(&path).trim_end());
        let lock = File::create(path.with_extension("lock"))
            .with_context(|| path.display().to_string())?;
        // A process that is just being started has the lock too, until it is.
        let patience = Instant::now() + Duration::from_secs(2);
        while lock.try_lock().is_err() {
            if Instant::now() > patience {
                bail!("another `cargo xtask carry` is running");
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(Store { root: root.to_owned(), path, _lock: lock })
    }

    pub(super) fn load(&self) -> anyhow::Result<Option<Journal>> {
        let Some(text) = disk::read(&self.path)? else { return Ok(None) };
        let journal = serde_json::from_slice(&text).with_context(|| {
            format!("{}: it says how to take a carry back; keep it", self.path.display())
        })?;
        Ok(Some(journal))
    }

    pub(super) fn save(&self, journal: &Journal) -> anyhow::Result<()> {
        let text = serde_json::to_vec(journal)?;
        // In the folder of git, which may be on another disk than the files.
        disk::replace(&self.path.with_extension("parts"), &self.path, &text)
    }

    pub(super) fn forget(&self) -> anyhow::Result<()> {
        disk::remove(&self.path)
    }

    /// Writes what the journal says. A file that somebody has changed since is left as it is.
    pub(super) fn write(&self, journal: &Journal) -> anyhow::Result<()> {
        for (path, entry) in &journal.entries {
            let now = Content::from(disk::read(&self.root.join(path))?);
            if now == entry.found && now != entry.after {
                disk::put(&self.root, path, entry.after.bytes())?;
            }
        }
        Ok(())
    }

    /// The files in which a person has decided, and that are still as they were then.
    pub(super) fn decided(&self, journal: &Journal) -> anyhow::Result<BTreeSet<String>> {
        let mut decided = BTreeSet::new();
        for (path, entry) in journal.entries.iter().filter(|(_, entry)| entry.decided) {
            if Content::from(disk::read(&self.root.join(path))?) == entry.after {
                decided.insert(path.clone());
            }
        }
        Ok(decided)
    }

    /// Takes back what the journal says was written. What a person has made of a file since is kept in a
    /// folder, which is returned.
    pub(super) fn take_back(&self, journal: &Journal) -> anyhow::Result<Option<String>> {
        let mut changed = Vec::new();
        let mut edited = Vec::new();
        for (path, entry) in &journal.entries {
            let now = disk::read(&self.root.join(path))?;
            let content = Content::from(&now);
            if content == entry.before {
                continue;
            }
            changed.push((path, entry));
            // `found` is what a run before has made, unless a person did.
            let ours = content == entry.after && !entry.decided;
            if let (false, Some(now)) = (ours, now) {
                edited.push((path, now));
            }
        }
        let kept = (!edited.is_empty()).then(|| self.unused_folder());
        if let Some(kept) = &kept {
            for (path, now) in &edited {
                disk::put(&self.root, &format!("{kept}/{path}"), Some(now))?;
            }
        }
        for (path, entry) in changed {
            disk::put(&self.root, path, entry.before.bytes())?;
        }
        Ok(kept)
    }

    fn unused_folder(&self) -> String {
        let folders = (1_u32..).map(|number| format!("{FOLDER}/kept/{number}"));
        let unused = |folder: &String| !self.root.join(folder).exists();
        folders.into_iter().find(unused).unwrap_or_else(|| format!("{FOLDER}/kept/0"))
    }

    /// Removes the files of solutions in which a person has decided, once they are of no use.
    pub(super) fn sweep(&self, journal: &Journal) {
        for path in journal.entries.keys().filter(|path| is_scratch(path)) {
            // They are ignored by git, and in nobody's way.
            let _ = fs::remove_file(self.root.join(path));
        }
    }
}

/// Whether a file is there only for a person to decide in.
pub(super) fn is_scratch(path: &str) -> bool {
    path.starts_with(FOLDER)
}
