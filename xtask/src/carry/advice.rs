//! The checklist at the end of a carry.

use std::fmt::Write as _;

use super::change::Change;
use super::plan::Plan;
use super::value;
use crate::exercise::Exercise;
use crate::workspace::{Chapter, Workspace};

/// The last lines of a carry without conflicts.
pub(super) fn closing(
    plan: &Plan<'_>,
    changes: &[Change],
    mut changed: Vec<String>,
) -> anyhow::Result<String> {
    if changed.is_empty() && plan.last.revision != plan.last.head {
        return Ok("\nNothing is left to carry: the later chapters have it.\n".to_string());
    }
    let own = format!("{}/", plan.chapter.folder);
    changed.extend(plan.files.keys().filter(|path| path.starts_with(&own)).cloned());
    let mut text = String::from("\n");
    let pages = plan.workspace.pages()?;
    let shows = |page: &String| page.lines().any(|line| shows(plan, &changed, line));
    let pages: Vec<&String> =
        pages.iter().filter(|(_, page)| shows(page)).map(|(path, _)| path).collect();
    if !pages.is_empty() {
        text += "Pages that show a changed file:\n";
    }
    for page in pages {
        let _ = writeln!(text, "  {page}");
    }
    text += &value::report(changes);
    let exercises = Exercise::all(plan.workspace)?.into_iter();
    let exercises: Vec<String> = exercises
        .filter(|exercise| is_changed(&exercise.chapter, &changed))
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

/// Whether a line of a page is a directive that shows a changed file. `xtask/book/README.md` has the directives.
fn shows(plan: &Plan<'_>, changed: &[String], line: &str) -> bool {
    let Some(directive) = line.strip_prefix("{{#") else { return false };
    let directive = directive.split("}}").next().unwrap_or_default();
    let words: Vec<&str> = directive.split_whitespace().collect();
    let (chapters, path) = match words[..] {
        ["file" | "item", chapter, path, ..] => ([chapter, chapter], path),
        ["diff", old, new, path, ..] => ([old, new], path),
        _ => return false,
    };
    let chapters = chapters.into_iter().filter_map(|name| plan.workspace.chapter(name).ok());
    chapters.into_iter().any(|chapter| changed.contains(&format!("{}/{path}", chapter.folder)))
}

/// The packages whose files were written.
pub(super) fn packages(workspace: &Workspace, changed: &[String]) -> Vec<String> {
    let chapters = workspace.chapters().iter().filter(|chapter| is_changed(chapter, changed));
    chapters.map(|chapter| chapter.package.clone()).collect()
}

fn is_changed(chapter: &Chapter, changed: &[String]) -> bool {
    let folder = format!("{}/", chapter.folder);
    changed.iter().any(|path| path.starts_with(&folder))
}
