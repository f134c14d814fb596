//! Stores the reader's progress in the file `.progress` at the root. `cargo xtask` without a command shows it.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::disk;
use crate::exercise::Exercise;
use crate::workspace::{WRITING, Workspace};

/// The path of the file from the root. Git ignores the file, because it belongs to the reader.
const STORED: &str = ".progress";

#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Progress {
    /// The first stage of the part that was started last. The library covers the stages before it.
    climb_from: u8,
    exercise: BTreeMap<String, State>,
    stage: BTreeMap<String, State>,
}

/// The reader's progress with one exercise, or with one stage of the climb.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    /// Whether all checks have ever passed. This is never reset, even if the files change.
    pub solved: bool,
    /// The number of checks that passed in the last run, and the number of all checks; zero after a reset.
    pub passed: usize,
    pub checks: usize,
    /// The number of hints that have been shown. A stage has one, which does not count.
    pub hints: usize,
}

impl State {
    /// Saves the result of a run of the checks.
    pub(crate) fn note(&mut self, passed: usize, checks: usize) {
        (self.passed, self.checks) = (passed, checks);
        self.solved |= checks > 0 && passed == checks;
    }

    /// The result of the last run of the checks, in words.
    pub(crate) fn result(&self) -> String {
        match self.checks {
            0 => "not checked".to_string(),
            checks => format!("{} of {checks} checks pass", self.passed),
        }
    }
}

impl Progress {
    /// The stored progress, which is empty for a new reader.
    pub(crate) fn load(workspace: &Workspace) -> anyhow::Result<Progress> {
        match fs::read_to_string(workspace.path(STORED)) {
            Ok(text) => {
                toml::from_str(&text).with_context(|| format!("{STORED} (delete it to start anew)"))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Progress::default()),
            Err(error) => Err(error).context(STORED),
        }
    }

    pub(crate) fn save(&self, workspace: &Workspace) -> anyhow::Result<()> {
        let text = toml::to_string(self)?;
        disk::replace(&workspace.path(WRITING), &workspace.path(STORED), text.as_bytes())
            .context(STORED)
    }

    /// Makes this the reader's stage. A later part begins with a library that passes all earlier stages.
    pub(crate) fn climb_from(&mut self, stage: u8) {
        self.climb_from = stage;
    }

    /// Whether the reader still has to do this stage.
    pub(crate) fn is_open(&mut self, number: u8, name: &str) -> bool {
        number >= self.climb_from && !self.stage(name).solved
    }

    /// The state of one stage, for changing it.
    pub(crate) fn stage(&mut self, name: &str) -> &mut State {
        self.stage.entry(name.to_string()).or_default()
    }

    /// The state of one exercise, for changing it.
    pub(crate) fn of(&mut self, exercise: &Exercise) -> &mut State {
        self.exercise.entry(exercise.name.clone()).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::tests::folder_with;

    #[test]
    fn what_is_stored_is_found_again() {
        let folder =
            folder_with(&[("chapters/04_router/exercises/02_api_time/task.md", "# Time\n")]);
        let workspace = Workspace::at(folder.path()).unwrap();
        let exercise = Exercise::find(&workspace, "2").unwrap();
        let mut progress = Progress::load(&workspace).unwrap();
        progress.of(&exercise).hints = 2;
        progress.save(&workspace).unwrap();
        assert_eq!(Progress::load(&workspace).unwrap(), progress);
    }
}
