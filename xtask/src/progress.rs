//! Where the reader stands: the file `.progress` at the root, and `cargo xtask` alone, which shows it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::io::ErrorKind;
use std::process::ExitCode;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::exercise::Exercise;
use crate::ui;
use crate::workspace::Workspace;

/// The file, from the root. It is the reader's own, so git ignores it.
const STORED: &str = ".progress";

#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Progress {
    exercise: BTreeMap<String, State>,
}

/// What the reader has done about one exercise.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    /// All checks passed when they were made last.
    pub solved: bool,
    /// How many checks passed then, and how many there were.
    pub passed: usize,
    pub checks: usize,
    /// How many hints have been shown.
    pub hints: usize,
}

impl Progress {
    /// What is stored; nothing yet for a new reader.
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
        fs::write(workspace.path(STORED), toml::to_string(self)?).context(STORED)
    }

    /// The state of one exercise, to be changed.
    pub(crate) fn of(&mut self, exercise: &Exercise) -> &mut State {
        self.exercise.entry(exercise.name.clone()).or_default()
    }
}

/// `cargo xtask` alone: what is solved, and the one command to run next.
pub(crate) fn show(workspace: &Workspace) -> anyhow::Result<ExitCode> {
    let mut progress = Progress::load(workspace)?;
    let mut rows = Vec::new();
    for exercise in Exercise::all(workspace)? {
        let state = progress.of(&exercise).clone();
        rows.push((exercise.number, exercise.title(workspace), exercise.folder.clone(), state));
    }
    ui::print(&overview(&rows, ui::marks()));
    Ok(ExitCode::SUCCESS)
}

fn overview(rows: &[(u8, String, String, State)], marks: ui::Marks) -> String {
    let mut text = format!("{}\n\n", ui::paint(ui::TITLE, "From Socket to Server"));
    let width = rows.iter().map(|(_, title, ..)| title.chars().count()).max().unwrap_or_default();
    for (number, title, _, state) in rows {
        let (style, mark) = if state.solved { (ui::GOOD, marks.good) } else { (ui::DIM, " ") };
        let _ = write!(
            text,
            "{} {number} {title:width$}  {}",
            ui::paint(style, mark),
            state.in_words()
        );
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    let begun = rows.iter().any(|(.., state)| *state != State::default());
    let next = rows.iter().find(|(.., state)| !state.solved);
    let next = match next {
        _ if !begun => {
            "Read the book: `cargo xtask book`. All commands: `cargo xtask --help`".to_string()
        }
        Some((number, _, folder, _)) => {
            format!("Next: {folder}/task.md, then `cargo xtask check-exercise {number}`")
        }
        None => "All exercises are solved. Compare with `cargo xtask solution N`.".to_string(),
    };
    if !rows.is_empty() {
        text.push('\n');
    }
    let _ = writeln!(text, "{next}");
    text
}

impl State {
    fn in_words(&self) -> String {
        let hints = match self.hints {
            0 => String::new(),
            1 => ", 1 hint seen".to_string(),
            hints => format!(", {hints} hints seen"),
        };
        match self {
            State { solved: true, .. } => format!("solved{hints}"),
            State { checks: 0, .. } => hints.trim_start_matches(", ").to_string(),
            State { passed, checks, .. } => format!("{passed} of {checks} checks pass{hints}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::tests::plain;
    use crate::workspace::tests::folder_with;

    fn row(number: u8, title: &str, state: State) -> (u8, String, String, State) {
        (number, title.to_string(), format!("chapters/04_router/exercises/0{number}"), state)
    }

    #[test]
    fn a_new_reader_is_shown_the_book() {
        let text = overview(&[row(1, "curl", State::default())], ui::UNICODE);
        assert!(plain(&text).ends_with(
            "\n  1 curl\n\nRead the book: `cargo xtask book`. All commands: `cargo xtask --help`\n"
        ));
    }

    #[test]
    fn the_first_exercise_that_is_not_solved_comes_next() {
        let solved = State { solved: true, passed: 8, checks: 8, hints: 0 };
        let begun = State { solved: false, passed: 3, checks: 8, hints: 1 };
        let text = overview(&[row(1, "curl", solved), row(2, "GET /api/time", begun)], ui::UNICODE);
        assert_eq!(
            plain(&text),
            "\
From Socket to Server

✓ 1 curl           solved
  2 GET /api/time  3 of 8 checks pass, 1 hint seen

Next: chapters/04_router/exercises/02/task.md, then `cargo xtask check-exercise 2`
"
        );
    }

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
