//! Remembers which conflicts a run left for a person, so that the next run takes what that person made of
//! them and does not merge again. Forgotten with the next commit.

use std::collections::BTreeSet;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;

use super::Source;
use crate::patch;

/// The file that remembers, from the root.
const STORED: &str = "target/carry-conflicts";

pub(super) struct Resolved {
    root: PathBuf,
    revision: String,
    /// Lines of revision, fingerprint of what was merged, path.
    lines: BTreeSet<String>,
}

impl Resolved {
    pub(super) fn load(source: &Source<'_>) -> Resolved {
        let revision = source.revision.clone();
        // That there is no such file is the usual case.
        let stored = fs::read_to_string(source.workspace.path(STORED)).unwrap_or_default();
        let lines = stored.lines().filter(|line| line.starts_with(&revision));
        let lines = lines.map(String::from).collect();
        Resolved { root: source.workspace.root().to_owned(), revision, lines }
    }

    pub(super) fn save(&self) -> anyhow::Result<()> {
        let lines: Vec<String> = self.lines.iter().map(|line| format!("{line}\n")).collect();
        patch::write(&self.root, STORED, lines.concat().as_bytes())
    }

    /// Whether this file had a conflict with the same incoming content.
    pub(super) fn contains(&self, path: &str, incoming: Option<&[u8]>) -> bool {
        self.lines.contains(&self.line(path, incoming))
    }

    pub(super) fn add(&mut self, path: &str, incoming: Option<&[u8]>) {
        self.lines.insert(self.line(path, incoming));
    }

    fn line(&self, path: &str, incoming: Option<&[u8]>) -> String {
        let mut hasher = DefaultHasher::new();
        incoming.hash(&mut hasher);
        format!("{} {:016x} {path}", self.revision, hasher.finish())
    }
}
