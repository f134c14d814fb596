//! The change that a person has made in the chapter, file by file.

use std::collections::BTreeSet;

use anyhow::bail;

use super::changed::{self, Changed};
use super::manifest;
use super::source::Source;
use crate::disk;
use crate::git::split_zero;
use crate::merge;
use crate::patch::Files;
use crate::workspace::Chapter;

/// A file of the chapter that a person has changed; its path is from the chapter's directory.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub path: String,
    /// Its path before a rename.
    pub was: Option<String>,
    pub old: Option<Vec<u8>>,
    pub new: Option<Vec<u8>>,
    /// The commits that made it, and the directories of the chapters that all these commits changed too.
    carried: (Vec<String>, BTreeSet<String>),
}

impl Change {
    pub(super) fn path_in(&self, chapter: &Chapter) -> String {
        format!("{}/{}", chapter.folder, self.path)
    }

    pub(super) fn path_before(&self, chapter: &Chapter) -> Option<String> {
        self.was.as_ref().map(|was| format!("{}/{was}", chapter.folder))
    }

    /// Whether the commits of the change have changed this chapter too.
    pub(super) fn is_carried_to(&self, chapter: &Chapter) -> bool {
        self.carried.1.contains(&chapter.folder)
    }

    /// The commits that have changed a later chapter already.
    pub(super) fn carried_in(&self) -> impl Iterator<Item = &str> {
        let (commits, chapters) = &self.carried;
        commits.iter().map(String::as_str).filter(|_| !chapters.is_empty())
    }

    /// Only the targets of exercises and steps have changed, which belong to this chapter.
    pub(super) fn is_of_exercises(&self) -> bool {
        let text = |content: &Option<Vec<u8>>| {
            content.as_deref().map(|content| manifest::carried(&String::from_utf8_lossy(content)))
        };
        self.path == "Cargo.toml" && text(&self.old) == text(&self.new)
    }
}

/// The changed files of the chapter. Its exercises and steps stay where they are.
pub(super) fn changes(source: &Source<'_>) -> anyhow::Result<Vec<Change>> {
    let mut changes = Vec::new();
    for changed in changed::since(source)? {
        changes.extend(change(source, &changed)?);
    }
    Ok(changes)
}

/// The changed files, by their path from the root.
pub(super) fn files(changes: &[Change], chapter: &Chapter) -> Files {
    let mut files = Files::new();
    for change in changes {
        files.extend(change.path_before(chapter).map(|was| (was, None)));
        files.insert(change.path_in(chapter), change.new.clone());
    }
    files
}

fn change(source: &Source<'_>, changed: &Changed) -> anyhow::Result<Option<Change>> {
    let folder = format!("{}/", source.chapter.folder);
    let within = |path: &str| {
        let stays = |path: &&str| path.starts_with("exercises/") || path.starts_with("steps/");
        path.strip_prefix(&folder).filter(|path| !stays(path)).map(String::from)
    };
    // A file that was moved into an exercise counts as deleted, and one from an exercise as new.
    let was = changed.was.as_deref().and_then(within);
    let (path, was) = match within(&changed.path) {
        Some(path) => (path, was),
        None => match was {
            Some(gone) => (gone, None),
            None => return Ok(None),
        },
    };
    changed.must_be_text()?;
    let full = format!("{folder}{path}");
    let before = was.as_ref().map_or_else(|| full.clone(), |was| format!("{folder}{was}"));
    let old = source.git.show(&source.revision, &before)?;
    let new = disk::read(&source.workspace.path(&full))?;
    if let Some(content) = &new
        && let Some((line, marker)) =
            merge::leftovers(content, [old.as_deref().unwrap_or_default(), b"", b""]).first()
    {
        bail!(
            "{}; edit it first. A line that belongs there must not begin with seven such signs",
            merge::leftover(&full, *line, marker)
        );
    }
    if old == new && was.is_none() {
        return Ok(None);
    }
    let mut change = Change { path, was, old, new, carried: (Vec::new(), BTreeSet::new()) };
    change.carried = carried(source, &change)?;
    Ok(Some(change))
}

/// The commits that made the change, and the later chapters in which each of these commits changed the same file: they
/// have the change already. Empty when the chapter's file has changes that are not committed.
fn carried(
    source: &Source<'_>,
    change: &Change,
) -> anyhow::Result<(Vec<String>, BTreeSet<String>)> {
    let path = change.path_in(source.chapter);
    if source.revision == source.head || source.git.show("HEAD", &path)? != change.new {
        return Ok((Vec::new(), BTreeSet::new()));
    }
    let range = format!("{}..HEAD", source.revision);
    let printed =
        source.git.run(&["log", "-z", "--no-merges", "--format=%H", &range, "--", &path])?;
    let commits = split_zero(&printed);
    let later = source.workspace.after(source.chapter).iter().filter(|_| !commits.is_empty());
    let mut chapters: BTreeSet<String> = later.map(|chapter| chapter.folder.clone()).collect();
    for commit in &commits {
        let printed = source.git.run(&[
            "diff-tree",
            "-r",
            "-z",
            "--root",
            "--no-commit-id",
            "--no-renames",
            "--name-only",
            "--relative",
            commit,
        ])?;
        let touched = split_zero(&printed);
        chapters.retain(|folder| touched.contains(&format!("{folder}/{}", change.path)));
    }
    Ok((commits, chapters))
}
