//! The change that a person has made in the chapter, file by file.

use anyhow::bail;

use super::manifest;
use super::plan::Plan;
use crate::disk;
use crate::merge::{self, Content};
use crate::workspace::Chapter;

/// A file of the chapter that a person has changed; its path is from the chapter's directory.
#[derive(Debug)]
pub(super) struct Change {
    pub path: String,
    /// Its path before a rename.
    pub was: Option<String>,
    pub old: Content,
    pub new: Content,
}

impl Change {
    pub(super) fn path_in(&self, chapter: &Chapter) -> String {
        format!("{}/{}", chapter.folder, self.path)
    }

    pub(super) fn path_before(&self, chapter: &Chapter) -> Option<String> {
        self.was.as_ref().map(|was| format!("{}/{was}", chapter.folder))
    }

    /// Only the targets of exercises and steps have changed, which belong to this chapter.
    pub(super) fn is_of_exercises(&self) -> bool {
        let carried = |content: &Content| {
            content.as_deref().map(|content| manifest::carried(&String::from_utf8_lossy(content)))
        };
        self.path == "Cargo.toml" && carried(&self.old) == carried(&self.new)
    }
}

/// The changed files of the chapter, new ones included. Its exercises and steps stay where they are: a file that was
/// moved there counts as deleted.
pub(super) fn changes(plan: &Plan<'_>) -> anyhow::Result<Vec<Change>> {
    // With an index of our own, git also finds renames to files that are not tracked yet, and the person's index
    // stays as it is.
    let scratch = tempfile::tempdir()?;
    let git = plan.git.and_index(&scratch.path().join("index"));
    let folder = plan.chapter.folder.as_str();
    git.run(&["read-tree", "HEAD"])?;
    git.run(&["add", "--all", "--", folder])?;
    let form = ["diff", "--cached", "--raw", "--find-renames", "--relative", "-z"];
    let own = ["exercises", "steps"].map(|own| format!(":(exclude){folder}/{own}"));
    let printed =
        git.text(&[&form[..], &[&plan.revision, "--", folder, &own[0], &own[1]]].concat())?;

    // `:100644 100644 ID ID M`, and the path; with `R`, the old path and the new path.
    let mut changes = Vec::new();
    let mut fields = printed.split('\0');
    while let Some(head) = fields.next().and_then(|field| field.strip_prefix(':')) {
        let first = fields.next().unwrap_or_default();
        let is_renamed = head.contains(" R");
        let path = if is_renamed { fields.next().unwrap_or_default() } else { first };
        if !head.split(' ').take(2).all(|mode| ["100644", "000000"].contains(&mode)) {
            bail!(
                "{path} is a link or executable, and carry carries only text: make this change in every chapter by \
                 hand, commit it, and carry the rest"
            );
        }
        changes.push(change(plan, path, is_renamed.then_some(first))?);
    }
    if changes.is_empty() {
        bail!(
            "nothing has changed in {folder} since {:.10}; if the change is committed already, add `--from REV` \
             with the commit before it",
            plan.revision,
        );
    }
    Ok(changes)
}

/// Reads both sides of one file. The paths are from the root.
fn change(plan: &Plan<'_>, full: &str, was: Option<&str>) -> anyhow::Result<Change> {
    let old = plan.before(was.unwrap_or(full))?;
    let new = disk::read(&plan.workspace.path(full))?;
    if let Some(sentence) = merge::unfinished(full, &new, &old) {
        bail!(
            "{sentence}; edit it first. A line that belongs there must not begin with seven such signs"
        );
    }
    let within = |path: &str| path[plan.chapter.folder.len() + 1..].to_string();
    Ok(Change { path: within(full), was: was.map(within), old, new })
}
