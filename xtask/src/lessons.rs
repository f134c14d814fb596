//! `xtask/lessons.toml`: lists the files that a chapter changes or leaves out, with the reasons.

use std::collections::BTreeMap;
use std::fs;

use anyhow::Context;

use crate::workspace::Workspace;

/// The list, from the root.
pub(crate) const LIST: &str = "xtask/lessons.toml";

/// The reasons, by chapter and file.
#[derive(Debug, Default)]
pub(crate) struct Lessons(BTreeMap<String, BTreeMap<String, String>>);

impl Lessons {
    pub(crate) fn load(workspace: &Workspace) -> anyhow::Result<Lessons> {
        let text = fs::read_to_string(workspace.path(LIST)).context(LIST)?;
        Ok(Lessons(toml::from_str(&text).context(LIST)?))
    }

    /// The chapters that are in the list.
    pub(crate) fn chapters(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The files that a chapter changes for a lesson, each with the lesson.
    pub(crate) fn of(&self, chapter: &str) -> BTreeMap<String, String> {
        self.0.get(chapter).cloned().unwrap_or_default()
    }
}
