//! The program with the checks of an exercise, as a command.

use std::process::Command;
use std::time::Duration;

use wire::exercise::{EXAMPLES, ONLY, SERVER_FOLDER};

use super::build::{Built, Place};
use super::result::{Checked, Ended};
use super::runner;
use crate::exercise::Exercise;

/// The limit for all checks of an exercise together.
const LIMIT: Duration = Duration::from_secs(120);

/// Runs the checks against a server, by default against the chapter's program.
pub(super) fn check(
    place: &Place,
    exercise: &Exercise,
    built: &Built,
    server: Option<&[String]>,
    made: impl FnMut(&Checked),
) -> anyhow::Result<(Vec<Checked>, Ended)> {
    runner::run(&mut command(place, exercise, built, server)?, LIMIT, made)
}

/// Runs only the check with this sentence against the built server, or all checks if none has this sentence.
pub(crate) fn check_only(
    place: &Place,
    exercise: &Exercise,
    built: &Built,
    sentence: Option<&str>,
) -> anyhow::Result<(Vec<Checked>, Ended)> {
    let mut command = command(place, exercise, built, None)?;
    command.envs(sentence.map(|sentence| (ONLY, sentence)));
    runner::run(&mut command, LIMIT, |_| ())
}

/// The command that runs the checks.
fn command(
    place: &Place,
    exercise: &Exercise,
    built: &Built,
    server: Option<&[String]>,
) -> anyhow::Result<Command> {
    let mut command = Command::new(&built.checks);
    match server {
        Some(words) => {
            command.args(words).env(SERVER_FOLDER, std::env::current_dir()?);
        }
        None => _ = command.arg(&built.server),
    }
    command.current_dir(place.root.join(&exercise.chapter.folder));
    command.envs(built.examples.as_ref().map(|folder| (EXAMPLES, folder)));
    if place.target.is_some() {
        command.env("EXERCISE_IN_COPY", "1");
    }
    Ok(command)
}
