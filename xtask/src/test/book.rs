//! The parts about the book. `book_tools` runs the checks; mdBook is needed only for checks of the built pages.

use std::env;
use std::process::Command;

use super::command::outcome;
use super::part::{Outcome, Run};
use crate::mdbook;
use crate::process;

/// The checks of the built pages that `--quick` runs, which need no browser.
const WITHOUT_BROWSER: [&str; 7] =
    ["build", "listings", "links", "figures", "epub", "core", "words"];

pub(super) fn pages(run: &Run) -> anyhow::Result<Outcome> {
    let mdbook = mdbook::find_or_install(&run.workspace)?;
    book_tools(run, "check", |command| {
        if run.scope.is_some() {
            command.args(WITHOUT_BROWSER);
        }
        if let Some(folder) = mdbook.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            // The checks build the book with the same mdBook.
            let path = env::var_os("PATH").unwrap_or_default();
            let folders = [folder.to_owned()].into_iter().chain(env::split_paths(&path));
            command.env("PATH", env::join_paths(folders)?);
        }
        Ok(())
    })
}

pub(super) fn rows(run: &Run) -> anyhow::Result<Outcome> {
    book_tools(run, "check", |command| {
        command.arg("rows");
        Ok(())
    })
}

pub(super) fn coverage(run: &Run) -> anyhow::Result<Outcome> {
    book_tools(run, "coverage", |_| Ok(()))
}

pub(super) fn transcripts(run: &Run) -> anyhow::Result<Outcome> {
    let pages = run.scope.iter().flat_map(|scope| &scope.pages);
    book_tools(run, "transcripts", |command| {
        command.args(pages.map(|page| run.workspace.path(page)));
        Ok(())
    })
}

/// Runs a command of `book_tools`, with what `prepare` adds to it. Its last line summarises the completed and the
/// skipped checks.
fn book_tools(
    run: &Run,
    name: &str,
    prepare: impl FnOnce(&mut Command) -> anyhow::Result<()>,
) -> anyhow::Result<Outcome> {
    if !run.workspace.path("book/src/SUMMARY.md").is_file() {
        return Ok(Outcome::Skipped("there is no book yet".to_string()));
    }
    let mut command = process::bin(&run.workspace, "book_tools");
    prepare(command.arg(name))?;
    let finished = process::captured(&mut command)?;
    Ok(match outcome(&command, &finished) {
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
