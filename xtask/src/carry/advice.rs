//! The checklist at the end of a carry: pages, lines that quote an old value, and exercises.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::change::Change;
use super::journal::{Journal, is_scratch};
use super::pages::{Changed, pages};
use super::quotes;
use super::source::Source;
use crate::exercise::Exercise;
use crate::workspace::{Chapter, Workspace};

/// The last lines of a carry without conflicts.
pub(super) fn closing(
    source: &Source<'_>,
    journal: &Journal,
    changes: &[Change],
) -> anyhow::Result<String> {
    let commits: BTreeSet<&str> =
        changes.iter().flat_map(Change::carried_in).map(String::as_str).collect();
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
