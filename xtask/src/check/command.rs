//! The program with the checks of an exercise, as a command.

use std::process::Command;
use std::time::Duration;

use wire::exercise::{EXAMPLES, ONLY, SERVER_FOLDER};

use super::build::{Built, Place};
use crate::exercise::Exercise;

/// The limit for all checks of an exercise together.
pub(crate) const LIMIT: Duration = Duration::from_secs(120);

/// The command that runs the checks against a server, by default against the chapter's program. With `only`, it runs the
/// check with this sentence, or all checks if none has it.
pub(crate) fn command(
    place: &Place,
    exercise: &Exercise,
    built: &Built,
    server: Option<&[String]>,
    only: Option<&str>,
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
    command.envs(only.map(|sentence| (ONLY, sentence)));
    if place.target.is_some() {
        command.env("EXERCISE_IN_COPY", "1");
    }
    Ok(command)
}
