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

/// Prints the solved exercises and the next command, for `cargo xtask` without a command.
pub(crate) fn show(workspace: &Workspace) -> anyhow::Result<ExitCode> {
    let mut progress = Progress::load(workspace)?;
    let mut text = exercises(workspace, &mut progress, ui::marks())?;
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

fn exercises(
    workspace: &Workspace,
    progress: &mut Progress,
    marks: ui::Marks,
) -> anyhow::Result<String> {
    let all = Exercise::all(workspace)?;
    let titles: Vec<String> = all.iter().map(|exercise| exercise.title(workspace)).collect();
    let width = titles.iter().map(|title| title.chars().count()).max().unwrap_or_default();
    let mark_width = marks.good.chars().count();
    let mut text = format!("{}\n\n", ui::paint(ui::TITLE, "From Socket to Server"));
    let (mut current, mut is_new) = (None, true);
    for (exercise, title) in all.iter().zip(&titles) {
        let state = progress.of(exercise);
        is_new &= *state == State::default();
        let (style, mark) = match current {
            _ if state.solved => (ui::GOOD, marks.good),
            Some(_) => (ui::DIM, " "),
            None => {
                current = Some(exercise);
                (ui::NOTE, ">")
            }
        };
        let mark = ui::paint(style, &format!("{mark:mark_width$}"));
        let line = format!("{mark} {} {title:width$}  {}", exercise.number, state.in_words());
        let _ = writeln!(text, "{}", line.trim_end());
    }
    if !all.is_empty() {
        text.push('\n');
    }
    if is_new {
        text += "Page: book/src/getting-started.md, then part 1\n";
        text += "Next: `cargo xtask book` (all commands: `cargo xtask --help`)\n";
    } else if let Some(exercise) = current {
        let _ = writeln!(text, "Task: {}/task.md", exercise.folder);
        if let Some(page) = exercise.page(workspace) {
            let _ = writeln!(text, "Page: {page}");
        }
        let _ = writeln!(text, "Next: `cargo xtask check-exercise {}`", exercise.number);
    } else {
        text += "All exercises are solved. Compare: `cargo xtask solution 1`, and so on.\n";
    }
    Ok(text)
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

    /// From a new reader to one who has solved everything. Regression test: a reset, or a check without a server, removed
    /// the tick of a solved exercise.
    #[test]
    fn the_first_exercise_that_is_not_solved_comes_next_and_what_is_solved_stays_solved() {
        let folder = folder_with(&[
            ("chapters/04_router/exercises/01_curl/task.md", "# curl\n"),
            ("chapters/04_router/exercises/02_api_time/task.md", "# GET `/api/time`\n"),
            ("chapters/04_router/exercises/03_log/task.md", "# Log\n"),
            ("book/src/part3/exercise-2.md", "{{#exercise 2}}\n"),
        ]);
        let workspace = Workspace::at(folder.path()).unwrap();
        let all = Exercise::all(&workspace).unwrap();
        let mut progress = Progress::default();
        let shown =
            |progress: &mut Progress| plain(&exercises(&workspace, progress, ui::UNICODE).unwrap());
        let text = shown(&mut progress);
        assert!(text.contains("\n> 1 curl\n  2 GET /api/time\n  3 Log\n\nPage: book/src/getting"));
        assert!(text.contains("\nNext: `cargo xtask book`"), "{text}");

        progress.of(&all[0]).note(8, 8);
        progress.of(&all[1]).note(3, 8);
        progress.of(&all[1]).hints = 1;
        assert_eq!(
            shown(&mut progress),
            "\
From Socket to Server

✓ 1 curl           solved
> 2 GET /api/time  3 of 8 checks pass, 1 hint seen
  3 Log

Task: chapters/04_router/exercises/02_api_time/task.md
Page: book/src/part3/exercise-2.md
Next: `cargo xtask check-exercise 2`
"
        );
        for (passed, line) in [
            (7, "> 2 GET /api/time  7 of 8 checks pass, 1 hint seen"),
            (8, "✓ 2 GET /api/time  solved, 1 hint seen"),
            (3, "✓ 2 GET /api/time  solved, fails now: 3 of 8 checks pass, 1 hint seen"),
            (0, "✓ 2 GET /api/time  solved, fails now: 0 of 8 checks pass, 1 hint seen"),
        ] {
            progress.of(&all[1]).note(passed, 8);
            let text = shown(&mut progress);
            assert!(text.contains(&format!("\n{line}\n")), "{text}");
        }
        for exercise in &all {
            progress.of(exercise).note(8, 8);
        }
        assert!(shown(&mut progress).contains("All exercises are solved."));
    }
}
