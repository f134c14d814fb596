//! The way of one changed file through the later chapters.

use std::fs;

use anyhow::bail;

use super::merge::{self, Merged};
use super::resolved::Resolved;
use super::{Report, Source, Touched};
use crate::patch;
use crate::ui;
use crate::workspace::Chapter;

/// A file of the chapter that a person has changed; its path is from the chapter's folder.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub path: String,
    pub old: Option<Vec<u8>>,
    pub new: Option<Vec<u8>>,
}

impl Change {
    pub(super) fn path_in(&self, chapter: &Chapter) -> String {
        format!("{}/{}", chapter.folder, self.path)
    }
}

/// What has changed in the chapter. Its exercises stay where they are.
pub(super) fn changes(source: &Source<'_>) -> anyhow::Result<Vec<Change>> {
    let folder = &source.chapter.folder;
    let mut changes = Vec::new();
    for path in source.git.changed_since(&source.revision, folder)? {
        let Some(within) = path.strip_prefix(&format!("{folder}/")) else { continue };
        if within.starts_with("exercises/") {
            continue;
        }
        let old = source.git.show(&source.revision, &path)?;
        let new = fs::read(source.workspace.path(&path)).ok();
        if new.as_deref().is_some_and(merge::has_markers) {
            bail!("{path} still has conflict markers; edit it first");
        }
        if old != new {
            changes.push(Change { path: within.to_string(), old, new });
        }
    }
    Ok(changes)
}

/// Merges one change into chapter after chapter. Returns the chapter in which a conflict stopped it.
pub(super) fn carry<'a>(
    source: &Source<'a>,
    change: &Change,
    resolved: &mut Resolved,
    touched: &mut Touched,
    report: &mut Report,
) -> anyhow::Result<Option<&'a Chapter>> {
    report.line(&ui::paint(ui::TITLE, &change.path));
    // The change as the chapter before made it: after a merge that is no longer the first chapter's.
    let mut from = source.chapter;
    let (mut old, mut new) = (change.old.clone(), change.new.clone());
    for chapter in source.workspace.after(source.chapter) {
        let path = change.path_in(chapter);
        let full = source.workspace.path(&path);
        let current = fs::read(&full).ok();
        if current.as_deref().is_some_and(merge::has_markers) {
            bail!("{path} still has conflict markers; edit it first");
        }
        // A file that names no crate, or another's in a comment, stays as it is.
        let as_it_is = current == old || current == new;
        let own_name = |content: &Option<Vec<u8>>| match content {
            Some(content) if !as_it_is => Some(from.rename(content, &change.path, chapter)),
            content => content.clone(),
        };
        let (base, theirs) = (own_name(&old), own_name(&new));
        let mut tell = |style, what: &str| {
            report.line(&format!("  {:<16} {}", chapter.name, ui::paint(style, what)));
        };
        if resolved.contains(&path, theirs.as_deref()) {
            tell(ui::GOOD, "kept as you resolved it");
            old = source.git.show(&source.revision, &path)?;
            new = current;
            from = chapter;
            touched.add(&path, old.as_deref(), new.as_deref());
            continue;
        }
        let labels = [path.as_str(), "before the change", &change.path_in(from)];
        match merge::merge(current.as_deref(), base.as_deref(), theirs.as_deref(), labels)? {
            Merged::Same => tell(ui::DIM, "has it already"),
            Merged::Absent => tell(ui::DIM, "has no such file"),
            Merged::Clean(result) => {
                match &result {
                    Some(content) => patch::write(source.workspace.root(), &path, content)?,
                    None => fs::remove_file(&full)?,
                }
                let copied = current == base;
                tell(
                    ui::GOOD,
                    match (copied, &result) {
                        (_, None) => "deleted",
                        (true, _) => "copied",
                        (false, _) => "merged",
                    },
                );
                touched.add(&path, current.as_deref(), result.as_deref());
                (old, new, from) = (current, result, chapter);
            }
            Merged::Conflict(content) => {
                patch::write(source.workspace.root(), &path, &content)?;
                tell(ui::BAD, "conflict");
                resolved.add(&path, theirs.as_deref());
                report.conflicts.push(format!("{path} has both sides between <<<<<<< and >>>>>>>"));
                return Ok(Some(chapter));
            }
            Merged::Undecided(why) => {
                tell(ui::BAD, "conflict");
                resolved.add(&path, theirs.as_deref());
                report.conflicts.push(format!("{path}: {why}"));
                return Ok(Some(chapter));
            }
        }
    }
    Ok(None)
}
