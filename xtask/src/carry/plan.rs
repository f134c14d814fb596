//! The files that a run would write: planning writes nothing.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anyhow::bail;

use super::store::{Carry, is_scratch};
use crate::disk;
use crate::git::Git;
use crate::lessons::Lessons;
use crate::merge::Content;
use crate::patch::Files;
use crate::ui;
use crate::workspace::{Chapter, Workspace};

pub(super) struct Plan<'a> {
    pub workspace: &'a Workspace,
    pub git: &'a Git,
    /// The chapter whose change is carried.
    pub chapter: &'a Chapter,
    /// The commit before the change.
    pub revision: String,
    /// The last commit when the carry began.
    pub head: String,
    /// The tree of the files before this run.
    pub found: String,
    /// The tree of what has reached the later chapters: what differs from it is carried.
    pub carried: String,
    /// The files of the last run.
    known: BTreeSet<String>,
    pub lessons: Lessons,
    /// The files that this run writes, or leaves as they are because they have the change.
    pub files: Files,
    /// Those of them that wait for a person, so that they are not carried yet.
    pub pending: BTreeSet<String>,
    /// Sentences about what a person must decide.
    pub conflicts: Vec<String>,
    /// The report.
    pub text: String,
}

impl<'a> Plan<'a> {
    pub(super) fn new(
        workspace: &'a Workspace,
        git: &'a Git,
        chapter: &'a Chapter,
        [revision, head]: [String; 2],
        found: String,
        previous: Option<Carry>,
    ) -> Plan<'a> {
        let (carried, known) = match previous {
            Some(carry) => (carry.carried, carry.files),
            None => (revision.clone(), BTreeSet::new()),
        };
        Plan {
            workspace,
            git,
            chapter,
            revision,
            head,
            found,
            carried,
            known,
            // Without the list, the report has no reasons.
            lessons: Lessons::load(workspace).unwrap_or_default(),
            files: Files::new(),
            pending: BTreeSet::new(),
            conflicts: Vec::new(),
            text: String::new(),
        }
    }

    /// # Errors
    /// When a file that carry would write is a link, or has changes that are in no commit and that no carry has made. The
    /// chapter's own files may have changed: that is the change.
    pub(super) fn must_be_clean(&self) -> anyhow::Result<()> {
        let own = format!("{}/", self.chapter.folder);
        let mut dirty = String::new();
        for (path, after) in &self.files {
            let is_known = path.starts_with(&own) || is_scratch(path) || self.known.contains(path);
            if is_known || self.git.show(&self.found, path)? == *after {
                continue;
            }
            let full = self.workspace.path(path);
            if full.is_symlink() {
                bail!(
                    "{path} is a link, and carry writes only files: replace it with a copy of its file, commit it, \
                     and carry again. Nothing was written"
                );
            }
            if disk::read(&full)? != self.git.show("HEAD", path)? {
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
        match self.files.get(path) {
            Some(content) => Ok(content.clone()),
            None => self.git.show(&self.found, path),
        }
    }

    /// The part of the file that has reached the later chapters: what differs from it is carried.
    pub(super) fn carried(&self, path: &str) -> anyhow::Result<Content> {
        self.git.show(&self.carried, path)
    }

    /// The files of this run, without the change itself. In its own chapter, carry writes only patches.
    pub(super) fn touched(&self) -> impl Iterator<Item = String> {
        let own = format!("{}/", self.chapter.folder);
        let is_change = move |path: &str| {
            path.strip_prefix(&own).is_some_and(|within| !within.starts_with("exercises/"))
        };
        self.files.keys().filter(move |path| !is_change(path)).cloned()
    }

    /// The files that have reached the later chapters after this run.
    pub(super) fn reached(&self) -> Files {
        let files = self.files.iter().filter(|(path, _)| !self.pending.contains(*path));
        files.map(|(path, content)| (path.clone(), content.clone())).collect()
    }

    /// Plans to write a file, or to leave it as it is: then a later run knows that it is carried.
    pub(super) fn put(&mut self, path: &str, after: Content) {
        self.files.insert(path.to_string(), after);
    }
}
