//! The pages of the book that show a changed file.

use std::collections::{BTreeMap, BTreeSet};

use super::search::lines;
use super::source::Source;
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
    let directives = ["-E", r"^\{\{#(file|item|diff) "];
    let mut pages: Vec<Page> = Vec::new();
    for line in lines(source.git, &directives, &["book/src/*.md"])? {
        let Some(chapter) = shown(source.workspace, changed, &line.text) else { continue };
        let of_source = chapter == source.chapter;
        match pages.last_mut().filter(|page| page.path == line.path) {
            Some(page) => page.of_source |= of_source,
            None => pages.push(Page { path: line.path, of_source }),
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
