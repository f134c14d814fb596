//! The files that a run would write: planning writes nothing.

use std::collections::{BTreeMap, BTreeSet};
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
    /// The carry before this run.
    pub last: Carry,
    /// The tree of the files before this run.
    pub found: String,
    /// The conflicts that are left, by file: a sentence with the first line.
    pub unfinished: BTreeMap<String, String>,
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
        last: Carry,
        found: String,
    ) -> anyhow::Result<Plan<'a>> {
        Ok(Plan {
            workspace,
            git,
            chapter: workspace.chapter(&last.chapter)?,
            unfinished: unfinished(git, &last.carried, &found)?,
            last,
            found,
            // Without the list, the report has no reasons.
            lessons: Lessons::load(workspace).unwrap_or_default(),
            files: Files::new(),
            pending: BTreeSet::new(),
            conflicts: Vec::new(),
            text: String::new(),
        })
    }

    /// # Errors
    /// When a file that carry would write is a link, or has changes that are in no commit and that no carry has made. The
    /// chapter's own files may have changed: that is the change.
    pub(super) fn must_be_clean(&self) -> anyhow::Result<()> {
        let own = format!("{}/", self.chapter.folder);
        let mut dirty = String::new();
        for (path, after) in &self.files {
            let is_own = path.starts_with(&own) || is_scratch(path);
            if is_own || self.git.show(&self.found, path)? == *after {
                continue;
            }
            let full = self.workspace.path(path);
            if full.is_symlink() {
                bail!(
                    "{path} is a link, and carry writes only files: replace it with a copy of its file, commit it, \
                     and carry again. Nothing was written"
                );
            }
            let is_dirty = disk::read(&full)? != self.git.show("HEAD", path)?;
            if is_dirty && !self.is_of_carry(path)? {
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

    /// Whether carry has written the file: then what it has carried there is in no commit yet. A file in which a person
    /// had to decide has carried nothing so far.
    fn is_of_carry(&self, path: &str) -> anyhow::Result<bool> {
        if self.last.is_waiting && self.last.files.contains(path) {
            return Ok(true);
        }
        let carried = self.carried(path)?;
        Ok(self.before(path)? != carried && self.git.show(&self.last.head, path)? != carried)
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
        self.git.show(&self.last.carried, path)
    }

    /// The file at the commit before the change.
    pub(super) fn before(&self, path: &str) -> anyhow::Result<Content> {
        self.git.show(&self.last.revision, path)
    }

    /// The files of all runs, without the change itself. In its own chapter, carry writes only patches.
    pub(super) fn touched(&self) -> BTreeSet<String> {
        let own = format!("{}/", self.chapter.folder);
        let is_change = |path: &String| {
            path.strip_prefix(&own).is_some_and(|within| !within.starts_with("exercises/"))
        };
        let touched = self.files.keys().filter(|path| !is_change(path));
        touched.chain(&self.last.files).cloned().collect()
    }

    /// The files that have reached the later chapters after this run.
    pub(super) fn reached(&self) -> Files {
        let has_reached = |path: &String| !self.pending.contains(path) && !is_scratch(path);
        let files = self.files.iter().filter(|(path, _)| has_reached(path));
        files.map(|(path, content)| (path.clone(), content.clone())).collect()
    }

    /// Plans to write a file, or to leave it as it is: then a later run knows that it is carried.
    pub(super) fn put(&mut self, path: &str, after: Content) {
        self.files.insert(path.to_string(), after);
    }
}

/// The first conflict marker that was left over in each file, as git finds them. Lines that a file had before are none,
/// because a text may have such a line.
fn unfinished(git: &Git, carried: &str, found: &str) -> anyhow::Result<BTreeMap<String, String>> {
    let form = ["diff-tree", "-r", "--check", "--find-renames", "--relative", carried, found];
    // The status says whether there are any, and a line after `+` is the content of a file.
    let printed = String::from_utf8_lossy(&git.output(&form)?.stdout).into_owned();
    let mut unfinished = BTreeMap::new();
    for line in printed.lines().filter(|line| !line.starts_with('+')) {
        if let Some(place) = line.strip_suffix(": leftover conflict marker")
            && let Some((path, _)) = place.rsplit_once(':')
        {
            unfinished.entry(path.to_string()).or_insert(line.to_string());
        }
    }
    Ok(unfinished)
}
