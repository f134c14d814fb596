//! `cargo xtask check-exercise N`: builds the chapter, runs the checks of the exercise against it, and
//! shows what they found.
//!
//! 1. [`build`]: the chapter's program and the checks. What does not compile is the compiler's to explain.
//! 2. [`runner`]: runs the checks, `exercise_02 SERVER [ARGUMENT…]`, which report one event a line.
//! 3. [`report`]: the lines that a person sees.

pub(crate) mod build;
mod curl;
mod report;
mod runner;

use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context, bail};

use crate::exercise::Exercise;
use crate::progress::Progress;
use crate::sandbox::Sandbox;
use crate::ui;
use crate::workspace::Workspace;

use build::{Built, Place};
pub(crate) use report::{Checked, Ended};

/// All checks of an exercise together may take this long.
const LIMIT: Duration = Duration::from_secs(120);

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The exercise by its number or name
    #[arg(required_unless_present = "all")]
    exercise: Option<String>,
    /// All exercises, one after the other
    #[arg(long, conflicts_with = "exercise")]
    all: bool,
    /// Check the reference solution, in a copy: your files stay as they are
    #[arg(long)]
    solution: bool,
    /// Check another server, in any language: started with 127.0.0.1:0 as its last argument, it prints
    /// `listening on http://ADDRESS` as its first line
    #[arg(long, value_name = "CMD", conflicts_with = "solution")]
    server: Option<String>,
}

pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    let exercises = match &args.exercise {
        Some(called) => vec![Exercise::find(workspace, called)?],
        None => Exercise::all(workspace)?,
    };
    if exercises.is_empty() {
        bail!("there are no exercises yet");
    }
    let server = args.server.as_deref().map(split_words).transpose()?;
    let mut good = true;
    for exercise in &exercises {
        let title = format!("Exercise {}: {}", exercise.number, exercise.title(workspace));
        good &= if args.solution {
            let sandbox = Sandbox::open(workspace, "HEAD")?;
            sandbox.apply(&exercise.patch(workspace, "solution.patch")?)?;
            check_and_show(&sandbox.place(false), exercise, &title, None)?
                .is_some_and(|all| is_solved(&all))
        } else {
            check_own(workspace, exercise, &title, server.as_deref())?
        };
        if args.all {
            ui::print("\n");
        }
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Checks what the reader has written, and remembers how far it got.
fn check_own(
    workspace: &Workspace,
    exercise: &Exercise,
    title: &str,
    server: Option<&[String]>,
) -> anyhow::Result<bool> {
    let place = Place { root: workspace.root().to_owned(), target: None, quiet: false };
    let Some(all) = check_and_show(&place, exercise, title, server)? else {
        return Ok(false);
    };
    let mut progress = Progress::load(workspace)?;
    let state = progress.of(exercise);
    state.passed = all.iter().filter(|checked| checked.failure.is_none()).count();
    state.checks = all.len();
    state.solved = is_solved(&all);
    let solved = state.solved;
    progress.save(workspace)?;
    Ok(solved)
}

fn is_solved(all: &[Checked]) -> bool {
    !all.is_empty() && all.iter().all(|checked| checked.failure.is_none())
}

/// Builds, checks and prints. `None` when it was not built, or the checks did not come to their end.
fn check_and_show(
    place: &Place,
    exercise: &Exercise,
    title: &str,
    server: Option<&[String]>,
) -> anyhow::Result<Option<Vec<Checked>>> {
    let Ok(built) = build::build(place, exercise)? else {
        return Ok(None);
    };
    ui::print(&format!("{}\n\n", ui::paint(ui::TITLE, title)));
    let marks = ui::marks();
    let show = |checked: &Checked| ui::print(&report::line(checked, marks));
    let (all, ended) = check(place, exercise, &built, server, show)?;
    let running = match server {
        Some(_) => "your server at 127.0.0.1:8080".to_string(),
        None => format!("`cargo run -p {}` running", exercise.chapter.package),
    };
    ui::print(&report::end(&all, &ended, exercise.number, &running));
    Ok((ended == Ended::Done).then_some(all))
}

/// Runs the checks against a server, by default the one that has been built.
pub(crate) fn check(
    place: &Place,
    exercise: &Exercise,
    built: &Built,
    server: Option<&[String]>,
    made: impl FnMut(&Checked),
) -> anyhow::Result<(Vec<Checked>, Ended)> {
    let mut command = Command::new(&built.checks);
    match server {
        Some(words) => command.args(words),
        None => command.arg(&built.server),
    };
    command.current_dir(place.root.join(&exercise.chapter.folder));
    if place.target.is_some() {
        command.env("EXERCISE_IN_COPY", "1");
    }
    runner::run(&mut command, LIMIT, made)
}

/// Splits a command as a shell would, as far as quotes go.
fn split_words(command: &str) -> anyhow::Result<Vec<String>> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for character in command.chars() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (Some(_), _) => word.get_or_insert_default().push(character),
            (None, '"' | '\'') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, ' ' | '\t') => words.extend(word.take()),
            (None, _) => word.get_or_insert_default().push(character),
        }
    }
    if let Some(open) = quote {
        bail!("--server: {open} is not closed in: {command}");
    }
    words.extend(word);
    words.first().context("--server: the command is empty")?;
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_split_at_spaces_outside_of_quotes() {
        assert_eq!(
            split_words("python3  'my server.py' -p\"\"").unwrap(),
            ["python3", "my server.py", "-p"]
        );
        assert!(split_words("'a").is_err());
        assert!(split_words(" ").is_err());
    }
}
