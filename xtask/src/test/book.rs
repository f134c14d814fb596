//! The parts about the book. `book_tools` runs the checks; mdBook is needed only for checks of the built pages.

use std::env;
use std::process::Command;

use super::parts::{outcome, program};
use super::{Outcome, Run};
use crate::mdbook;
use crate::process;

/// The checks of the built pages that `--quick` runs, which need no browser.
const WITHOUT_BROWSER: [&str; 7] =
    ["build", "listings", "links", "figures", "epub", "core", "words"];

pub(super) fn pages(run: &Run) -> anyhow::Result<Outcome> {
    let mdbook = mdbook::find_or_install(&run.workspace)?;
    let args: &[&str] = if run.scope.is_some() { &WITHOUT_BROWSER } else { &[] };
    let mut command = match book_tools(run, "check") {
        Ok(command) => command,
        Err(outcome) => return Ok(outcome),
    };
    command.args(args);
    if let Some(folder) = mdbook.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        // The checks build the book with the same mdBook.
        let path = env::var_os("PATH").unwrap_or_default();
        let folders = [folder.to_owned()].into_iter().chain(env::split_paths(&path));
        command.env("PATH", env::join_paths(folders)?);
    }
    last_line(&mut command)
}

pub(super) fn rows(run: &Run) -> anyhow::Result<Outcome> {
    match book_tools(run, "check") {
        Ok(mut command) => last_line(command.arg("rows")),
        Err(outcome) => Ok(outcome),
    }
}

pub(super) fn coverage(run: &Run) -> anyhow::Result<Outcome> {
    match book_tools(run, "coverage") {
        Ok(mut command) => last_line(&mut command),
        Err(outcome) => Ok(outcome),
    }
}

pub(super) fn transcripts(run: &Run) -> anyhow::Result<Outcome> {
    match book_tools(run, "transcripts") {
        Ok(mut command) => {
            let pages = run.scope.iter().flat_map(|scope| &scope.pages);
            last_line(command.args(pages.map(|page| run.workspace.path(page))))
        }
        Err(outcome) => Ok(outcome),
    }
}

/// A command of `book_tools`. The inner error is the outcome of the part if the command cannot run.
fn book_tools(run: &Run, name: &str) -> Result<Command, Outcome> {
    if !run.workspace.path("book/src/SUMMARY.md").is_file() {
        return Err(Outcome::Skipped("there is no book yet".to_string()));
    }
    let mut command = program(&run.workspace, "book_tools");
    command.arg(name);
    Ok(command)
}

/// Reads the last line of the checks, which summarises the completed and the skipped checks.
fn last_line(command: &mut Command) -> anyhow::Result<Outcome> {
    let finished = process::captured(command)?;
    Ok(match outcome(command, &finished) {
        Outcome::Passed { .. } => split(finished.output.trim().lines().last().unwrap_or_default()),
        other => other,
    })
}

/// Takes the checks that were skipped out of `book: the book builds, browser skipped: there is none, 57 pictures`.
fn split(line: &str) -> Outcome {
    let (left_out, done): (Vec<&str>, Vec<&str>) =
        line.split(", ").partition(|what| what.contains(" skipped: "));
    Outcome::Passed {
        note: done.join(", "),
        left_out: left_out.into_iter().map(String::from).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_checks_could_not_do_is_left_out() {
        let line = "book: the book builds, browser skipped: there is none, 57 pictures";
        let expected = Outcome::Passed {
            note: "book: the book builds, 57 pictures".to_string(),
            left_out: vec!["browser skipped: there is none".to_string()],
        };
        assert_eq!(split(line), expected);
    }
}
