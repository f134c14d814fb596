//! Commands whose exit status decides a part.

use std::process::Command;

use super::part::Outcome;
use crate::process::{self, Finished};

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
