//! Commands whose exit status decides a part.

use std::ffi::OsStr;
use std::process::Command;

use super::part::Outcome;
use crate::process::{self, Finished};
use crate::workspace::Workspace;

/// Runs a command.
pub(super) fn run(command: &mut Command) -> anyhow::Result<Outcome> {
    let finished = process::captured(command)?;
    Ok(outcome(command, &finished))
}

pub(super) fn outcome(command: &Command, finished: &Finished) -> Outcome {
    if finished.status.success() {
        return Outcome::passed("");
    }
    Outcome::Failed(format!("$ {}\n{}", process::typed(command), finished.output))
}

/// A command of cargo for the workspace.
pub(super) fn cargo<S: AsRef<OsStr>>(workspace: &Workspace, args: &[S]) -> Command {
    let mut command = process::cargo();
    command.args(args).current_dir(workspace.root());
    command
}

/// A program of the workspace, which cargo builds first. With `--package`, cargo would rebuild some dependencies
/// with only the features that this package needs.
pub(super) fn program(workspace: &Workspace, name: &str) -> Command {
    cargo(workspace, &["run", "--quiet", "--bin", name, "--"])
}
