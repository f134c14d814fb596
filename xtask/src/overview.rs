//! `cargo xtask` alone: the solved exercises, the reader's own server, and the next command.

use std::fmt::Write;
use std::process::ExitCode;

use crate::climb::ladder;
use crate::exercise::Exercise;
use crate::progress::{Progress, State};
use crate::saved;
use crate::start;
use crate::ui;
use crate::workspace::Workspace;

/// An exercise as the overview shows it.
struct Row {
    number: u8,
    title: String,
    folder: String,
    /// The page of the book with its task, if it is the first that is not solved.
    page: Option<String>,
    state: State,
}

/// Prints the solved exercises and the next command, for `cargo xtask` without a command.
pub(crate) fn show(workspace: &Workspace) -> anyhow::Result<ExitCode> {
    let mut progress = Progress::load(workspace)?;
    let mut rows = Vec::new();
    for exercise in Exercise::all(workspace)? {
        let state = progress.of(&exercise).clone();
        let is_current = !state.solved && rows.iter().all(|row: &Row| row.state.solved);
        rows.push(Row {
            number: exercise.number,
            title: exercise.title(workspace),
            page: is_current.then(|| exercise.page(workspace)).flatten(),
            state,
            folder: exercise.folder,
        });
    }
    let mut text = overview(&rows, ui::marks());
    let _ = writeln!(text, "\nYour own server: {}", ladder::picture(&mut progress));
    let climb = if workspace.path(start::FOLDER).is_dir() { "climb" } else { "start" };
    let _ = writeln!(text, "Next: `cargo xtask {climb}`");
    if let Some(back) = saved::interrupted(workspace)? {
        let note = format!("A run was interrupted while it wrote files. To undo it: `{back}`");
        let _ = writeln!(text, "\n{}", ui::paint(ui::NOTE, &note));
    }
    ui::print(&text);
    Ok(ExitCode::SUCCESS)
}

fn overview(rows: &[Row], marks: ui::Marks) -> String {
    let mut text = format!("{}\n\n", ui::paint(ui::TITLE, "From Socket to Server"));
    let width = rows.iter().map(|row| row.title.chars().count()).max().unwrap_or_default();
    let mark_width = marks.good.chars().count();
    let current = rows.iter().find(|row| !row.state.solved);
    for Row { number, title, state, .. } in rows {
        let (style, mark) = match current {
            _ if state.solved => (ui::GOOD, marks.good),
            Some(current) if current.number == *number => (ui::NOTE, ">"),
            _ => (ui::DIM, " "),
        };
        let mark = ui::paint(style, &format!("{mark:mark_width$}"));
        let _ = write!(text, "{mark} {number} {title:width$}  {}", state.in_words());
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    if !rows.is_empty() {
        text.push('\n');
    }
    let begun = rows.iter().any(|row| row.state != State::default());
    match current {
        _ if !begun => {
            text += "Page: book/src/getting-started.md, then part 1\n";
            text += "Next: `cargo xtask book` (all commands: `cargo xtask --help`)\n";
        }
        Some(row) => {
            let _ = writeln!(text, "Task: {}/task.md", row.folder);
            if let Some(page) = &row.page {
                let _ = writeln!(text, "Page: {page}");
            }
            let _ = writeln!(text, "Next: `cargo xtask check-exercise {}`", row.number);
        }
        None => text += "All exercises are solved. Compare: `cargo xtask solution 1`, and so on.\n",
    }
    text
}

impl State {
    fn in_words(&self) -> String {
        let hints = match self.hints {
            0 => String::new(),
            hints => format!(", {} seen", ui::count(hints, "hint")),
        };
        match self {
            State { solved: true, passed, checks, .. } if passed < checks => {
                format!("solved, fails now: {}{hints}", self.result())
            }
            State { solved: true, .. } => format!("solved{hints}"),
            State { checks: 0, .. } => hints.trim_start_matches(", ").to_string(),
            _ => self.result() + &hints,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::plain;
    use crate::workspace::tests::folder_with;

    fn row(number: u8, title: &str, state: State) -> Row {
        Row {
            number,
            title: title.to_string(),
            folder: format!("chapters/04_router/exercises/0{number}"),
            page: Some("book/src/part3/exercise-2.md".to_string()),
            state,
        }
    }

    #[test]
    fn a_new_reader_is_shown_the_book() {
        let text = plain(&overview(&[row(1, "curl", State::default())], ui::UNICODE));
        assert!(text.contains("\n> 1 curl\n\nPage: book/src/getting-started.md"), "{text}");
        assert!(text.contains("\nNext: `cargo xtask book`"), "{text}");
    }

    #[test]
    fn the_first_exercise_that_is_not_solved_comes_next() {
        let solved = State { solved: true, passed: 8, checks: 8, hints: 0 };
        let begun = State { solved: false, passed: 3, checks: 8, hints: 1 };
        let rows = [
            row(1, "curl", solved),
            row(2, "GET /api/time", begun),
            row(3, "Log", State::default()),
        ];
        assert_eq!(
            plain(&overview(&rows, ui::UNICODE)),
            "\
From Socket to Server

✓ 1 curl           solved
> 2 GET /api/time  3 of 8 checks pass, 1 hint seen
  3 Log

Task: chapters/04_router/exercises/02/task.md
Page: book/src/part3/exercise-2.md
Next: `cargo xtask check-exercise 2`
"
        );
    }

    /// Regression test: a reset, or a check without a server, removed the tick.
    #[test]
    fn what_is_solved_stays_solved() {
        let folder =
            folder_with(&[("chapters/04_router/exercises/02_api_time/task.md", "# Time\n")]);
        let exercise = Exercise::find(&Workspace::at(folder.path()).unwrap(), "2").unwrap();
        let mut progress = Progress::default();
        for (passed, words) in [
            (7, "7 of 8 checks pass"),
            (8, "solved"),
            (3, "solved, fails now: 3 of 8 checks pass"),
            (0, "solved, fails now: 0 of 8 checks pass"),
            (8, "solved"),
        ] {
            progress.of(&exercise).note(passed, 8);
            assert_eq!(progress.of(&exercise).in_words(), words);
        }
        progress.of(&exercise).note(0, 8);
        let state = progress.of(&exercise).clone();
        let text = plain(&overview(
            &[row(2, "Time", state), row(3, "Log", State::default())],
            ui::UNICODE,
        ));
        assert!(
            text.contains("✓ 2 Time  solved, fails now: 0 of 8 checks pass\n> 3 Log\n"),
            "{text}"
        );
    }

    #[test]
    fn all_solved_is_said() {
        let solved = State { solved: true, passed: 8, checks: 8, hints: 0 };
        let text = plain(&overview(&[row(1, "curl", solved)], ui::UNICODE));
        assert!(text.contains("All exercises are solved."), "{text}");
    }
}
