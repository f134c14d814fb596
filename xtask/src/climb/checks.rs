//! The process that runs the checks of one stage.

use std::env;
use std::process::{Command, ExitCode};

use anyhow::Context;
use wire::climb::{SPEAKS_HTTP, stages};
use wire::exercise::SERVER_FOLDER;

use crate::process;

/// The process that runs the checks of one stage: `cargo xtask climb-checks 4 SERVER [ARGUMENT…]`.
#[derive(clap::Args)]
pub(crate) struct ChecksArgs {
    pub stage: u8,
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub server: Vec<String>,
}

/// Runs the checks of a stage, and reports each on standard output.
pub(crate) fn checks(args: &ChecksArgs) -> anyhow::Result<ExitCode> {
    let all = stages();
    let checks = match args.stage {
        0 => SPEAKS_HTTP,
        number => all.iter().find(|stage| stage.number == number).context("no such stage")?.checks,
    };
    wire::exercise::end_with_input()?;
    Ok(wire::exercise::run(checks, &args.server))
}

/// Starts the process with the checks of a stage, or with [`SPEAKS_HTTP`] for 0.
pub(super) fn checks_command(stage: u8, words: &[String]) -> anyhow::Result<Command> {
    let mut command = Command::new(process::own_program()?);
    command.args(["climb-checks", &stage.to_string()]).args(words);
    command.env(SERVER_FOLDER, env::current_dir()?);
    Ok(command)
}
