//! The checklist at the end of a carry: pages, lines that quote an old value, and exercises.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

use super::Source;
use super::change::Change;
use super::journal::{Journal, is_scratch};
use super::quotes;
use crate::exercise::Exercise;
use crate::git::split_zero;
use crate::workspace::{Chapter, Workspace};

/// The changed files of each chapter: the chapter's folder, and paths from there.
type Changed = BTreeMap<String, BTreeSet<String>>;

/// The last lines of a carry without conflicts.
pub(super) fn closing(
    source: &Source<'_>,
    journal: &Journal,
    changes: &[Change],
) -> anyhow::Result<String> {
    let commits: BTreeSet<&str> = changes.iter().flat_map(Change::carried_in).collect();
    if !commits.is_empty() && !journal.wrote_something() {
        let commits: Vec<&str> = commits.iter().map(|id| &id[..id.len().min(10)]).collect();
        let commits = commits.join(", ");
        return Ok(format!("\nNothing is left to carry: it was carried already, in {commits}.\n"));
    }
    let changed = changed(source.workspace, journal, changes);
    let mut text = String::from("\n");
    let pages = pages(source, &changed)?;
    if !pages.is_empty() {
        text += "Pages that show a changed file:\n";
        for page in &pages {
            let _ = writeln!(text, "  {}", page.path);
        }
    }
    text += &quotes::report(source, changes, &pages)?;
    let exercises: Vec<String> = Exercise::all(source.workspace)?
        .into_iter()
        .filter(|exercise| changed.contains_key(&exercise.chapter.folder))
        .map(|exercise| exercise.number.to_string())
        .collect();
    if !exercises.is_empty() {
        let _ = writeln!(
            text,
            "Exercises of the changed chapters: `cargo xtask prove-exercises {}` shows that \
             their patches still work.",
            exercises.join(" ")
        );
    }
    text += "Read it with `git diff`, run `cargo xtask test`, and commit everything together.\n";
    Ok(text)
}

/// The packages whose files were written.
pub(super) fn packages(workspace: &Workspace, journal: &Journal) -> Vec<String> {
    let written = changed(workspace, journal, &[]);
    let has_code = |chapter: &&Chapter| {
        let files = written.get(&chapter.folder);
        files.is_some_and(|files| files.iter().any(|path| !path.starts_with("exercises/")))
    };
    let chapters = workspace.chapters().iter().filter(has_code);
    chapters.map(|chapter| chapter.package.clone()).collect()
}

fn changed(workspace: &Workspace, journal: &Journal, changes: &[Change]) -> Changed {
    let mut changed = Changed::new();
    let written = journal.entries.iter().filter(|(_, entry)| entry.before != entry.after);
    for (path, _) in written.filter(|(path, _)| !is_scratch(path)) {
        for chapter in workspace.chapters() {
            if let Some(within) = path.strip_prefix(&format!("{}/", chapter.folder)) {
                changed.entry(chapter.folder.clone()).or_default().insert(within.to_string());
            }
        }
    }
    for change in changes {
        let files = changed.entry(journal.chapter.clone()).or_default();
        files.extend([Some(&change.path), change.was.as_ref()].into_iter().flatten().cloned());
    }
    changed
}

/// A page of the book that shows a changed file.
pub(super) struct Page {
    pub path: String,
    /// It shows the file of the chapter in which the change began, and not only what a later chapter makes of it.
    pub of_source: bool,
}

fn pages(source: &Source<'_>, changed: &Changed) -> anyhow::Result<Vec<Page>> {
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

/// The chapter that a directive is about, when what it shows has changed. `xtask/book/README.md` has the directives.
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
