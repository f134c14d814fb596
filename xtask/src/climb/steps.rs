//! The steps of the course, and how many lines each adds to the step before it.

use std::fs;

use anyhow::Context;

use similar::{Algorithm, ChangeTag, TextDiff};

use crate::workspace::Workspace;

pub(crate) use course::{Failing, MAX_ADDED, Mistake, Step, before, example};

/// All steps and mistakes, in the order of the course.
///
/// # Errors
/// Returns an error when a list cannot be read.
pub(crate) fn all(workspace: &Workspace) -> anyhow::Result<(Vec<Step>, Vec<Mistake>)> {
    let chapters = workspace.chapters().iter();
    let chapters = chapters.map(|chapter| (chapter.folder.as_str(), chapter.package.as_str()));
    course::read(&workspace.path(""), chapters)
}

/// The number of lines that each step adds to the previous step; `None` for the first step of a new
/// program.
///
/// # Errors
/// Returns an error when a program cannot be read.
pub(crate) fn added(workspace: &Workspace, steps: &[Step]) -> anyhow::Result<Vec<Option<usize>>> {
    let read = |step: &Step| {
        let path = workspace.path(&step.folder).join(&step.file);
        fs::read_to_string(&path).with_context(|| path.display().to_string())
    };
    let added = |step: &Step| {
        let Some(before) = before(steps, step) else { return Ok(None) };
        Ok(Some(added_lines(&read(before)?, &read(step)?)))
    };
    steps.iter().map(added).collect()
}

fn added_lines(old: &str, new: &str) -> usize {
    let diff = TextDiff::configure().algorithm(Algorithm::Histogram).diff_lines(old, new);
    diff.iter_all_changes().filter(|change| change.tag() == ChangeTag::Insert).count()
}
