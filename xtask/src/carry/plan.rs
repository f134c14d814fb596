//! The files that a run would write: planning writes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anyhow::bail;

use super::journal::{Content, Entry, is_scratch};
use super::source::Source;
use crate::disk;
use crate::lessons::Lessons;
use crate::merge;
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
    /// The files of all chapters that the run has touched, before and after it, for the patches.
    pub touched: [Files; 2],
    /// These of them wait for a person.
    pub waiting: BTreeSet<String>,
}

/// Files of one directory, by their path from there. A file that a side does not list is missing there.
#[derive(Default)]
pub(super) struct Sides {
    pub ours: Files,
    pub base: Files,
    pub theirs: Files,
}

/// What has become of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Same,
    Merged,
    /// A person has edited it.
    Decided,
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
            touched: [Files::new(), Files::new()],
            waiting: BTreeSet::new(),
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

    /// Notes for the patches that a file of a chapter has changed.
    pub(super) fn touch(&mut self, path: &str, before: Content, after: Content) {
        let [old, new] = &mut self.touched;
        old.insert(path.to_string(), before);
        new.insert(path.to_string(), after);
    }

    /// The file as it is on the disk.
    pub(super) fn now(&self, path: &str) -> anyhow::Result<Content> {
        disk::read(&self.source.workspace.path(path))
    }

    /// The file as it was before the first run.
    pub(super) fn before(&self, path: &str) -> anyhow::Result<Content> {
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

    /// Merges the files of one directory, and plans them to be written. Into a file in which a person has decided, only
    /// what is new since then is merged.
    pub(super) fn merge(
        &mut self,
        folder: &str,
        mut sides: Sides,
        labels: &dyn Fn(&str) -> [String; 3],
    ) -> anyhow::Result<BTreeMap<String, (Outcome, Content)>> {
        let mut outcomes = BTreeMap::new();
        let (incoming, mut decided) = (sides.theirs.clone(), BTreeSet::new());
        for path in incoming.keys() {
            let full = format!("{folder}/{path}");
            let now = self.now(&full)?;
            let decision = self.decision(&full, &now);
            if let Some(sentence) = unfinished(&full, &now, &sides.ours[path]) {
                // Not edited, or only half: the next run looks again.
                if let Some(entry) = self.entries.get_mut(&full).filter(|_| decision.is_some()) {
                    entry.decided |= now != entry.after;
                    (entry.found, entry.after, entry.conflict) = (now.clone(), now, true);
                }
                self.ask(&full, sentence, labels(path));
                outcomes.insert(path.clone(), (Outcome::Conflict, None));
                sides.leave_out(path);
            } else if let Some(merged_then) = decision {
                sides.base.insert(path.clone(), merged_then);
                sides.ours.insert(path.clone(), now);
                decided.insert(path.clone());
            }
        }
        let Sides { ours, base, theirs } = &sides;
        let mut merged = merge::merge(self.source.git, [ours, base, theirs], labels)?;
        for (path, after) in merged.files {
            let full = format!("{folder}/{path}");
            let (before, found) = (self.before(&full)?, self.now(&full)?);
            let (incoming, mut decided) = (incoming[&path].clone(), decided.contains(&path));
            let mut conflict = false;
            if let Some(sentence) = merged.conflicts.remove(&path) {
                self.ask(&full, sentence, labels(&path));
                (conflict, decided) = (true, false);
            }
            let entry = Entry { before, found, incoming, after, decided, conflict };
            outcomes.insert(path, (outcome(&entry), entry.after.clone()));
            self.record(full, entry);
        }
        Ok(outcomes)
    }

    fn record(&mut self, full: String, entry: Entry) {
        let is_needed = match outcome(&entry) {
            Outcome::Same => entry.before != entry.found,
            // No person has to see a solved file without a conflict.
            Outcome::Merged => !is_scratch(&full),
            Outcome::Decided | Outcome::Conflict => true,
        };
        self.entries.remove(&full);
        if is_needed {
            self.entries.insert(full, entry);
        }
    }

    /// Asks the person to decide about a file.
    fn ask(&mut self, full: &str, sentence: String, [label, ..]: [String; 3]) {
        self.conflicts.push(if is_scratch(full) {
            format!(
                "{label}: the solved file with both sides is {full}; the patch is made of what you make of it"
            )
        } else {
            sentence
        });
    }

    /// Plans a file without a merge, such as a patch.
    pub(super) fn write(
        &mut self,
        path: &str,
        after: Content,
        decided: bool,
    ) -> anyhow::Result<()> {
        let (before, found) = (self.before(path)?, self.now(path)?);
        let entry = Entry { before, found, after, decided, ..Entry::default() };
        self.entries.insert(path.to_string(), entry);
        Ok(())
    }

    /// Plans to remove a file that has another path now, unless a person has made it again.
    pub(super) fn remove(&mut self, path: &str) -> anyhow::Result<()> {
        if self.decision(path, &self.now(path)?).is_some() {
            return Ok(());
        }
        self.write(path, None, false)
    }
}

impl Sides {
    fn leave_out(&mut self, path: &str) {
        for side in [&mut self.ours, &mut self.base, &mut self.theirs] {
            side.remove(path);
        }
    }
}

fn outcome(entry: &Entry) -> Outcome {
    match entry {
        Entry { conflict: true, .. } => Outcome::Conflict,
        Entry { decided: true, .. } => Outcome::Decided,
        Entry { before, after, .. } if before == after => Outcome::Same,
        _ => Outcome::Merged,
    }
}

/// A sentence about the markers that a person still has to edit, if there are any.
fn unfinished(path: &str, now: &Content, before: &Content) -> Option<String> {
    let left = merge::leftovers(now.as_deref()?, before.as_deref().unwrap_or_default());
    let has = |sign: &str| left.iter().any(|(_, line)| line.starts_with(sign));
    let (number, line) = left.first()?;
    Some(if has("<<<<<<<") && has(">>>>>>>") {
        merge::both_sides(path)
    } else {
        merge::leftover(path, *number, line)
    })
}
