//! What a run would write, found without writing anything.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anyhow::bail;

use super::journal::{Content, Entry, is_scratch};

use super::{Source, manifest};
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

/// One file and what is to be merged into it.
#[expect(clippy::option_option, reason = "a file that is not there can be merged into")]
pub(super) struct Step<'a> {
    /// Of the file that is written, from the root.
    pub path: &'a str,
    /// What is merged into, when no person has decided yet; `None` is the file as it was found.
    pub current: Option<Option<Vec<u8>>>,
    pub base: Option<Vec<u8>>,
    pub theirs: Option<Vec<u8>>,
    /// At the markers of a conflict: current, base, theirs.
    pub labels: [&'a str; 3],
}

/// What becomes of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Same,
    Absent,
    Merged(Option<Vec<u8>>),
    /// A person decided that it is this.
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

    /// What a person has made of a file since the last run, with what had been merged into it then.
    pub(super) fn decision(&self, path: &str) -> anyhow::Result<Option<(Content, Content)>> {
        let Some(entry) = self.previous.get(path) else { return Ok(None) };
        let now = self.now(path)?;
        let decided = if now == entry.after {
            entry.decided || entry.conflict
        } else if is_scratch(path) && now.is_none() {
            false
        } else if now == entry.before {
            // What was carried and is as it was before has been taken back, perhaps with git.
            entry.conflict
        } else {
            true
        };
        Ok(decided.then(|| (now, entry.incoming.clone())))
    }

    /// Decides about one file, and notes what is to be written.
    pub(super) fn settle(&mut self, step: &Step<'_>) -> anyhow::Result<Outcome> {
        let now = self.now(step.path)?;
        let before = self.before(step.path)?;
        let decision = self.decision(step.path)?;
        let decided = decision.is_some();
        let merged = if let Some((made, incoming)) = decision {
            if let Some(told) = self.unfinished(step, made.as_deref())? {
                // Not edited, or not to the end: the next run asks again.
                if let Some(entry) = self.entries.get_mut(step.path) {
                    entry.decided |= made != entry.after;
                    (entry.found, entry.after, entry.conflict) = (made.clone(), made, true);
                }
                self.conflicts.push(told);
                return Ok(Outcome::Conflict);
            }
            // What has been merged since the person decided is merged into the decision.
            let again = merged(step, made.as_deref(), incoming.as_deref())?;
            match again {
                Merged::Same | Merged::Absent => Merged::Clean(made),
                other => other,
            }
        } else {
            if let Some(told) = self.unfinished(step, now.as_deref())? {
                self.conflicts.push(told);
                return Ok(Outcome::Conflict);
            }
            let current = step.current.clone().unwrap_or_else(|| before.clone());
            merged(step, current.as_deref(), step.base.as_deref())?
        };
        Ok(match merged {
            Merged::Same => {
                self.entries.remove(step.path);
                if now != before {
                    // The run before had more to merge.
                    self.note(step, [&before, &now], before.clone(), [false, false]);
                }
                Outcome::Same
            }
            Merged::Absent => Outcome::Absent,
            Merged::Clean(result) => {
                self.note(step, [&before, &now], result.clone(), [decided, false]);
                if decided { Outcome::Decided(result) } else { Outcome::Merged(result) }
            }
            Merged::Conflict(content) => {
                self.note(step, [&before, &now], Some(content), [false, true]);
                self.conflicts.push(both_sides(step.path));
                Outcome::Conflict
            }
            Merged::Undecided(why) => {
                self.note(step, [&before, &now], now.clone(), [false, true]);
                self.conflicts.push(format!("{}: {why}", step.path));
                Outcome::Conflict
            }
        })
    }

    /// What a person still has to edit in a file, if there is anything.
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
            Some((number, line)) => Some(leftover(step.path, *number, line)),
            None => None,
        })
    }

    fn note(
        &mut self,
        step: &Step<'_>,
        [before, now]: [&Option<Vec<u8>>; 2],
        after: Option<Vec<u8>>,
        [decided, conflict]: [bool; 2],
    ) {
        let entry = Entry {
            before: before.clone(),
            found: now.clone(),
            after,
            incoming: step.theirs.clone(),
            decided,
            conflict,
        };
        self.entries.insert(step.path.to_string(), entry);
    }

    /// A file that is to be written without a merge: a patch, or one that has only another path now. `incoming` is
    /// what is in it of the change.
    pub(super) fn write(
        &mut self,
        path: &str,
        after: Vec<u8>,
        incoming: Content,
        decided: bool,
    ) -> anyhow::Result<()> {
        let entry = Entry {
            before: self.before(path)?,
            found: self.now(path)?,
            after: Some(after),
            incoming,
            decided,
            conflict: false,
        };
        self.entries.insert(path.to_string(), entry);
        Ok(())
    }
}

/// Merges the step into `current`, which has `base` in it already.
fn merged(step: &Step<'_>, current: Option<&[u8]>, base: Option<&[u8]>) -> anyhow::Result<Merged> {
    let theirs = step.theirs.as_deref();
    if base == theirs {
        return Ok(Merged::Same);
    }
    let manifests = [current, base, theirs].map(|content| {
        content
            .filter(|_| step.path.ends_with("/Cargo.toml"))
            .and_then(|content| std::str::from_utf8(content).ok())
    });
    let [Some(current), Some(base), Some(theirs)] = manifests else {
        return merge::merge(current, base, theirs, step.labels);
    };
    let (rest, close) = manifest::open(current);
    let [base, theirs] = [base, theirs].map(manifest::carried);
    let theirs = manifest::without_known(&theirs, &base, current);
    if base == theirs {
        return Ok(Merged::Same);
    }
    let sides = [&rest, &base, &theirs].map(|text| Some(text.as_bytes()));
    let whole = |merged: &[u8]| close(&String::from_utf8_lossy(merged)).into_bytes();
    Ok(match merge::merge(sides[0], sides[1], sides[2], step.labels)? {
        Merged::Clean(Some(merged)) => Merged::Clean(Some(whole(&merged))),
        Merged::Conflict(merged) => Merged::Conflict(whole(&merged)),
        other => other,
    })
}

fn both_sides(path: &str) -> String {
    format!("{path} has both sides between <<<<<<< and >>>>>>>")
}

/// What is said of a marker without its others.
pub(super) fn leftover(path: &str, line: usize, marker: &str) -> String {
    format!("{path}: line {line} is left of a conflict: {marker}")
}
