//! A part of the tests, its input and its result.

use super::quick::Scope;
use crate::workspace::Workspace;

/// A part of the tests, which can run alone.
pub(crate) struct Part {
    pub name: &'static str,
    pub about: &'static str,
    /// Parts that must end before this one starts, if they run at all.
    pub after: &'static [&'static str],
    pub run: fn(&Run) -> anyhow::Result<Outcome>,
}

/// The input of a part.
pub(crate) struct Run {
    pub workspace: Workspace,
    /// The limits that `--quick` sets for the parts; `None` without limits.
    pub scope: Option<Scope>,
}

/// How a part ended. An error of the part itself counts as failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed {
        /// A summary in a few words.
        note: String,
        /// Checks that could not run on this machine, each with the reason and the remedy.
        left_out: Vec<String>,
    },
    /// The command and its output.
    Failed(String),
    /// The reason.
    Skipped(String),
}

impl Outcome {
    pub(crate) fn passed(note: impl Into<String>) -> Outcome {
        Outcome::Passed { note: note.into(), left_out: Vec::new() }
    }

    pub(super) fn is_failure(&self) -> bool {
        matches!(self, Outcome::Failed(_))
    }
}
