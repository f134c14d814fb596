//! A part of the tests, its input and its result.

use super::quick::{EXERCISES, Scope};
use crate::workspace::Workspace;

/// A part of the tests, which can run alone. An error is a failure, with the command and its output.
pub(crate) struct Part {
    pub name: &'static str,
    pub about: &'static str,
    /// A part that must end before this one starts, if it runs at all: `build`, unless the table has another one.
    pub after: Option<&'static str>,
    /// Texts in the paths of the files that it depends on, for `--quick`, separated by spaces.
    pub on: Option<&'static str>,
    pub run: fn(&Run) -> anyhow::Result<Outcome>,
}

impl Part {
    pub(super) const fn new(
        name: &'static str,
        about: &'static str,
        run: fn(&Run) -> anyhow::Result<Outcome>,
    ) -> Part {
        Part { name, about, after: Some("build"), on: None, run }
    }

    pub(super) const fn after(self, name: &'static str) -> Part {
        Part { after: Some(name), ..self }
    }

    pub(super) const fn at_once(self) -> Part {
        Part { after: None, ..self }
    }

    /// For a part that takes only seconds: it waits for no other, and depends on all files.
    pub(super) const fn always(self) -> Part {
        self.at_once().on("")
    }

    pub(super) const fn on(self, texts: &'static str) -> Part {
        Part { on: Some(texts), ..self }
    }

    /// Whether a change can break the part.
    pub(super) fn is_affected(&self, scope: &Scope) -> bool {
        if self.name == "tests" {
            return !scope.tested.is_empty();
        }
        scope.changed.iter().any(|path| {
            // So that a part that names the chapters does not check the files of their exercises.
            let path = path.find(EXERCISES).map_or(path.as_str(), |at| &path[at..]);
            self.on.is_some_and(|texts| texts.split(' ').any(|text| path.contains(text)))
        })
    }
}

/// The input of a part.
pub(crate) struct Run {
    pub workspace: Workspace,
    /// The limits that `--quick` sets for the parts; `None` without limits.
    pub scope: Option<Scope>,
}

/// How a part ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed {
        /// A summary in a few words.
        note: String,
        /// Checks that could not run on this machine, each with the reason and the remedy.
        left_out: Vec<String>,
    },
    Failed(String),
    /// The reason.
    Skipped(String),
}

impl Outcome {
    pub(crate) fn passed(note: impl Into<String>) -> Outcome {
        Outcome::Passed { note: note.into(), left_out: Vec::new() }
    }
}
