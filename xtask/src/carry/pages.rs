//! The pages of the book that show a changed file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use super::source::Source;
use crate::git::split_zero;
use crate::workspace::{Chapter, Workspace};

/// The changed files of each chapter: the chapter's directory, and paths from there.
pub(super) type Changed = BTreeMap<String, BTreeSet<String>>;

/// A page of the book that shows a changed file.
pub(super) struct Page {
    pub path: String,
    /// Whether it shows the file of the changed chapter, and not only the file of a later chapter.
    pub of_source: bool,
}

pub(super) fn pages(source: &Source<'_>, changed: &Changed) -> anyhow::Result<Vec<Page>> {
    let listed = source.git.run(&["ls-files", "-z", "--", "book/src/*.md"])?;
    let mut pages = Vec::new();
    for path in split_zero(&listed) {
        let text = fs::read_to_string(source.workspace.path(&path)).unwrap_or_default();
        let shown: Vec<&Chapter> =
            text.lines().filter_map(|line| shown(source.workspace, changed, line)).collect();
        if !shown.is_empty() {
            let of_source = shown.contains(&source.chapter);
            pages.push(Page { path, of_source });
        }
    }
    Ok(pages)
}

/// The chapter of a directive that shows a changed file. `xtask/book/README.md` has the directives.
fn shown<'a>(workspace: &'a Workspace, changed: &Changed, line: &str) -> Option<&'a Chapter> {
    let directive = line.strip_prefix("{{#")?.split("}}").next()?;
    let words: Vec<&str> = directive.split_whitespace().collect();
    let (old, chapter, path) = match words[..] {
        ["file" | "item", chapter, path, ..] => (chapter, chapter, path),
        ["diff", old, chapter, path, ..] => (old, chapter, path),
        _ => return None,
    };
    let (old, chapter) = (workspace.chapter(old).ok()?, workspace.chapter(chapter).ok()?);
    let has_changed =
        |chapter: &Chapter| changed.get(&chapter.folder).is_some_and(|files| files.contains(path));
    (has_changed(old) || has_changed(chapter)).then_some(chapter)
}
