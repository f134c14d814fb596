//! The change that a person has made in the chapter, file by file.

use anyhow::bail;

use super::plan::Plan;
use crate::merge::Content;
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
}

/// The changed files of the chapter, new ones included. Its exercises and steps stay where they are: a file that was
/// moved there counts as deleted.
pub(super) fn changes(plan: &Plan<'_>) -> anyhow::Result<Vec<Change>> {
    let folder = plan.chapter.folder.as_str();
    let form = ["diff-tree", "-r", "--raw", "--find-renames", "--relative", "-z"];
    let own = ["exercises", "steps"].map(|own| format!(":(exclude){folder}/{own}"));
    let what = [&*plan.last.revision, &*plan.found, "--", folder, &own[0], &own[1]];
    let printed = plan.git.text(&[&form[..], &what].concat())?;

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
        if let Some(sentence) = plan.unfinished.get(path) {
            bail!(
                "{sentence}; edit it first. A line that belongs there must not begin with seven such signs"
            );
        }
        let within = |path: &str| path[folder.len() + 1..].to_string();
        let was = is_renamed.then(|| within(first));
        let (old, new) = (plan.before(first)?, plan.now(path)?);
        changes.push(Change { path: within(path), was, old, new });
    }
    if changes.is_empty() {
        bail!(
            "nothing has changed in {folder} since {:.10}; if the change is committed already, add `--from REV` \
             with the commit before it",
            plan.last.revision,
        );
    }
    Ok(changes)
}
