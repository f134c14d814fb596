//! The files that a run would write: planning writes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anyhow::bail;

use super::journal::{Content, Entry, is_scratch};

use super::manifest;
use super::source::Source;
use crate::disk;
use crate::lessons::Lessons;
use crate::merge::{self, Merged};
use crate::patch::Files;

pub(super) struct Plan<'a> {
    pub source: Source<'a>,
    pub lessons: Lessons,
    /// The result of the run before: a person may have edited it since.
    previous: BTreeMap<String, Entry>,
    /// The files of the last carry since the last commit, whose changes are in no commit yet.
    pub carried: BTreeSet<String>,
    /// The decisions of a carry of the same change that is committed since.
    pub committed: BTreeSet<String>,
    pub entries: BTreeMap<String, Entry>,
    pub conflicts: Vec<String>,
    pub text: String,
    /// Files of the chapters before and after the change, for the patches.
    pub touched: Touched,
}

/// All files that the run has touched, in the chapter itself and in later ones, by their path from the root.
#[derive(Default)]
pub(super) struct Touched {
    pub before: Files,
    pub after: Files,
    /// These wait for a person.
    pub waiting: BTreeSet<String>,
}

impl Touched {
    pub(super) fn add(&mut self, path: &str, before: Option<Vec<u8>>, after: Option<Vec<u8>>) {
        self.before.insert(path.to_string(), before);
        self.after.insert(path.to_string(), after);
    }
}

/// One file, and the change to be merged into it.
#[expect(clippy::option_option, reason = "a file that is not there can be merged into")]
pub(super) struct Step<'a> {
    /// The path of the file, from the root.
    pub path: &'a str,
    /// The content before the merge, when no person has decided yet; `None` is the file as it was found.
    pub current: Option<Option<Vec<u8>>>,
    pub base: Option<Vec<u8>>,
    pub theirs: Option<Vec<u8>>,
    /// At the markers of a conflict: current, base, theirs.
    pub labels: [&'a str; 3],
}

/// The result of a step.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Same,
    Absent,
    Merged(Option<Vec<u8>>),
    /// A person has edited it.
    Decided(Option<Vec<u8>>),
    /// A person must decide.
    Conflict,
}

impl<'a> Plan<'a> {
    pub(super) fn new(source: Source<'a>) -> Plan<'a> {
        Plan {
            // Without the list, the report has no reasons.
            lessons: Lessons::load(source.workspace).unwrap_or_default(),
            source,
            previous: BTreeMap::new(),
            carried: BTreeSet::new(),
            committed: BTreeSet::new(),
            entries: BTreeMap::new(),
            conflicts: Vec::new(),
            text: String::new(),
            touched: Touched::default(),
        }
    }

    /// Continues from the result of the run before.
    pub(super) fn resume(&mut self, entries: BTreeMap<String, Entry>) {
        self.entries.clone_from(&entries);
        self.previous = entries;
    }

    /// # Errors
    /// When a file that carry would write has changes that are in no commit and that no carry has made. The chapter's own
    /// files may have changed: that is the change.
    pub(super) fn must_be_clean(&self) -> anyhow::Result<()> {
        let own = format!("{}/", self.source.chapter.folder);
        let mut dirty = String::new();
        for (path, entry) in &self.entries {
            let is_known =
                self.carried.contains(path) || path.starts_with(&own) || is_scratch(path);
            let is_written = entry.before != entry.after && !is_known;
            if is_written && self.source.git.show(&self.source.head, path)? != entry.before {
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

    /// The file as it is on the disk.
    pub(super) fn now(&self, path: &str) -> anyhow::Result<Option<Vec<u8>>> {
        disk::read(&self.source.workspace.path(path))
    }

    /// The file as it was before the first run.
    pub(super) fn before(&self, path: &str) -> anyhow::Result<Option<Vec<u8>>> {
        match self.previous.get(path) {
            Some(entry) => Ok(entry.before.clone()),
            None => self.now(path),
        }
    }

    /// Whether a person has edited a file since the last run. Returns the content that had been merged into it then.
    pub(super) fn decision(&self, path: &str, now: &Content) -> Option<Content> {
        let entry = self.previous.get(path)?;
        let is_decided = if *now == entry.after {
            entry.decided || entry.conflict
        } else if is_scratch(path) && now.is_none() {
            false
        } else if *now == entry.before {
            // Restored, perhaps with git: that resolves a conflict, and otherwise the file is merged again.
            entry.conflict
        } else {
            true
        };
        is_decided.then(|| entry.incoming.clone())
    }

    /// Merges one step, and plans the file to be written.
    pub(super) fn settle(&mut self, step: &Step<'_>) -> anyhow::Result<Outcome> {
        let now = self.now(step.path)?;
        let decision = self.decision(step.path, &now);
        let is_decided = decision.is_some();
        if let Some(sentence) = self.unfinished(step, now.as_deref())? {
            // Not edited, or only half: the next run looks again.
            if let Some(entry) = self.entries.get_mut(step.path).filter(|_| is_decided) {
                entry.decided |= now != entry.after;
                (entry.found, entry.after, entry.conflict) = (now.clone(), now, true);
            }
            self.conflicts.push(sentence);
            return Ok(Outcome::Conflict);
        }
        let merged = if let Some(incoming) = decision {
            // The change may have become better since the decision: the difference is merged into it.
            match merge_into(step, now.as_deref(), incoming.as_deref())? {
                Merged::Same | Merged::Absent => Merged::Clean(now.clone()),
                other => other,
            }
        } else {
            let before = self.before(step.path)?;
            let current = step.current.as_ref().unwrap_or(&before);
            merge_into(step, current.as_deref(), step.base.as_deref())?
        };
        self.record(step, merged, now, is_decided)
    }

    fn record(
        &mut self,
        step: &Step<'_>,
        merged: Merged,
        now: Content,
        is_decided: bool,
    ) -> anyhow::Result<Outcome> {
        let (before, incoming) = (self.before(step.path)?, step.theirs.clone());
        let mut entry = Entry { before, found: now.clone(), incoming, ..Entry::default() };
        let outcome = match merged {
            Merged::Absent => return Ok(Outcome::Absent),
            Merged::Same if entry.before == now => {
                self.entries.remove(step.path);
                return Ok(Outcome::Same);
            }
            // The run before had more to merge.
            Merged::Same => {
                entry.after.clone_from(&entry.before);
                Outcome::Same
            }
            Merged::Clean(result) => {
                (entry.after, entry.decided) = (result.clone(), is_decided);
                if is_decided { Outcome::Decided(result) } else { Outcome::Merged(result) }
            }
            Merged::Conflict(content) => {
                (entry.after, entry.conflict) = (Some(content), true);
                self.conflicts.push(both_sides(step.path));
                Outcome::Conflict
            }
            Merged::Undecided(why) => {
                (entry.after, entry.conflict) = (now, true);
                self.conflicts.push(format!("{}: {why}", step.path));
                Outcome::Conflict
            }
        };
        self.entries.insert(step.path.to_string(), entry);
        Ok(outcome)
    }

    /// A sentence about the markers that a person still has to edit, if there are any.
    fn unfinished(
        &self,
        step: &Step<'_>,
        content: Option<&[u8]>,
    ) -> anyhow::Result<Option<String>> {
        let Some(content) = content.filter(|content| merge::has_markers(content)) else {
            return Ok(None);
        };
        let current = match &step.current {
            Some(current) => current.clone(),
            None => self.source.git.show("HEAD", step.path)?,
        };
        let sides = [&current, &step.base, &step.theirs];
        let sides = sides.map(|side| side.as_deref().unwrap_or_default());
        let left = merge::leftovers(content, sides);
        let has = |sign: &str| left.iter().any(|(_, line)| line.starts_with(sign));
        Ok(match left.first() {
            Some(_) if has("<<<<<<<") && has(">>>>>>>") => Some(both_sides(step.path)),
            Some((number, line)) => Some(merge::leftover(step.path, *number, line)),
            None => None,
        })
    }

    /// Plans a file without a merge: a patch, or a file that has only another path now. `incoming` is its part of the
    /// change.
    pub(super) fn write(
        &mut self,
        path: &str,
        after: Vec<u8>,
        incoming: Content,
        decided: bool,
    ) -> anyhow::Result<()> {
        let (before, found) = (self.before(path)?, self.now(path)?);
        let entry = Entry { before, found, incoming, after: Some(after), decided, conflict: false };
        self.entries.insert(path.to_string(), entry);
        Ok(())
    }
}

/// Merges the step into `current`, which has `base` in it already.
fn merge_into(
    step: &Step<'_>,
    current: Option<&[u8]>,
    base: Option<&[u8]>,
) -> anyhow::Result<Merged> {
    let sides = [current, base, step.theirs.as_deref()];
    if sides[1] == sides[2] {
        return Ok(Merged::Same);
    }
    if step.path.ends_with("/Cargo.toml") {
        return manifest::merge(sides, step.labels);
    }
    merge::merge(current, base, sides[2], step.labels)
}

fn both_sides(path: &str) -> String {
    format!("{path} has both sides between <<<<<<< and >>>>>>>")
}
