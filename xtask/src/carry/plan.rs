//! The files that a run would write: planning writes nothing.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anyhow::bail;

use super::store::{Carry, Entries, Entry, is_scratch};
use crate::disk;
use crate::git::Git;
use crate::lessons::Lessons;
use crate::merge::Content;
use crate::ui;
use crate::workspace::{Chapter, Workspace};

pub(super) struct Plan<'a> {
    pub workspace: &'a Workspace,
    pub git: &'a Git,
    /// The chapter whose change is carried.
    pub chapter: &'a Chapter,
    /// The id of the commit before the change.
    pub revision: String,
    /// The id of the last commit when the carry began.
    pub head: String,
    pub lessons: Lessons,
    /// What was carried since the last commit.
    pub previous: Option<Carry>,
    pub entries: Entries,
    /// Sentences about what a person must decide.
    pub conflicts: Vec<String>,
    /// The files that wait for a person.
    pub waiting: BTreeSet<String>,
    /// The report.
    pub text: String,
}

impl Plan<'_> {
    /// # Errors
    /// When a file that carry would write is a link, or has changes that are in no commit and that no carry has made. The
    /// chapter's own files may have changed: that is the change.
    pub(super) fn must_be_clean(&self) -> anyhow::Result<()> {
        let own = format!("{}/", self.chapter.folder);
        let mut dirty = String::new();
        for (path, entry) in &self.entries {
            let was_carried =
                self.previous.as_ref().is_some_and(|carry| carry.entries.contains_key(path));
            let is_known = was_carried || path.starts_with(&own) || is_scratch(path);
            let is_written = entry.found != entry.after && !is_known;
            if is_written && self.workspace.path(path).is_symlink() {
                bail!(
                    "{path} is a link, and carry writes only files: replace it with a copy of its file, commit it, \
                     and carry again. Nothing was written"
                );
            }
            if is_written && self.git.show(&self.head, path)? != entry.found {
                let _ = writeln!(dirty, "  {path}");
            }
        }
        if dirty.is_empty() {
            return Ok(());
        }
        bail!(
            "carry would write these files, and they have changes that are in no commit:\n{dirty}Commit the changes, or \
             put them aside with `git stash push --include-untracked -- FILES`, and carry again. Nothing was written"
        )
    }

    pub(super) fn line(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    pub(super) fn painted(&mut self, before: &str, style: anstyle::Style, what: &str) {
        self.line(&format!("{before} {}", ui::paint(style, what)));
    }

    /// The file as this run leaves it.
    pub(super) fn now(&self, path: &str) -> anyhow::Result<Content> {
        match self.entries.get(path).filter(|entry| entry.found != entry.after) {
            Some(entry) => Ok(entry.after.clone()),
            None => disk::read(&self.workspace.path(path)),
        }
    }

    /// The file at the commit before the change.
    pub(super) fn before(&self, path: &str) -> anyhow::Result<Content> {
        self.git.show(&self.revision, path)
    }

    /// The part of the file that has reached the later chapters: what differs from it is carried.
    pub(super) fn carried(&self, path: &str) -> anyhow::Result<Content> {
        match &self.previous {
            Some(carry) => carry.carried(self.git, path),
            None => self.before(path),
        }
    }

    /// Plans to write a file, or to leave it as it is: then a later run knows that it is carried.
    pub(super) fn put(&mut self, path: &str, after: Content) -> anyhow::Result<()> {
        let found = disk::read(&self.workspace.path(path))?;
        let start = match self.entries.remove(path) {
            Some(entry) => entry.start,
            None => found.clone(),
        };
        self.entries.insert(path.to_string(), Entry { start, found, after });
        Ok(())
    }

    /// The paths of the files that differ from those before the carry.
    pub(super) fn changed(&self) -> impl Iterator<Item = &str> {
        let changed = self.entries.iter().filter(|(_, entry)| entry.start != entry.after);
        changed.map(|(path, _)| path.as_str()).filter(|path| !is_scratch(path))
    }
}
