//! The parts about the book. `book_tools` runs the checks; mdBook is needed only for checks of the built pages.

use std::env;
use std::process::Command;

use super::part::{Outcome, Run};
use crate::mdbook;
use crate::process;

/// The checks of the built pages that `--quick` runs, which need no browser.
const WITHOUT_BROWSER: [&str; 7] =
    ["build", "listings", "links", "figures", "epub", "core", "words"];

pub(super) fn pages(run: &Run) -> anyhow::Result<Outcome> {
    let mdbook = mdbook::find_or_install(&run.workspace)?;
    let mut command = book_tools(run, "check");
    if run.scope.is_some() {
        command.args(WITHOUT_BROWSER);
    }
    if let Some(folder) = mdbook.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        // The checks build the book with the same mdBook.
        let path = env::var_os("PATH").unwrap_or_default();
        let folders = [folder.to_owned()].into_iter().chain(env::split_paths(&path));
        command.env("PATH", env::join_paths(folders)?);
    }
    outcome(&mut command)
}

pub(super) fn rows(run: &Run) -> anyhow::Result<Outcome> {
    outcome(book_tools(run, "check").arg("rows"))
}

pub(super) fn coverage(run: &Run) -> anyhow::Result<Outcome> {
    outcome(&mut book_tools(run, "coverage"))
}

pub(super) fn transcripts(run: &Run) -> anyhow::Result<Outcome> {
    let mut command = book_tools(run, "transcripts");
    if let Some(scope) = &run.scope {
        let pages = scope.pages(&run.workspace)?;
        if pages.is_empty() {
            // Without a page, the command would replay those of all pages.
            return Ok(Outcome::passed("no page runs what has changed"));
        }
        command.args(pages.iter().map(|page| run.workspace.path(page)));
    }
    outcome(&mut command)
}

fn book_tools(run: &Run, name: &str) -> Command {
    let mut command = process::bin(&run.workspace, "book_tools");
    command.arg(name);
    command
}

/// Runs a command whose last line summarises the completed and the skipped checks, as that of `book_tools`.
pub(super) fn outcome(command: &mut Command) -> anyhow::Result<Outcome> {
    let output = process::output(command)?;
    Ok(split(output.trim().lines().last().unwrap_or_default()))
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
