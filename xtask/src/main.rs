//! `cargo xtask`: the tools of the course, for readers and maintainers.
//!
//! One file a command, each with a `run`. What they share: [`workspace`] knows the chapters, [`ui`] the
//! terminal, [`git`] runs git, [`patch`] reads, applies and makes patches.

mod carry;
mod diff;
mod exercise;
mod git;
mod patch;
mod process;
mod test;
mod ui;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

/// The tools of the course.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show what one chapter changes in another: `cargo xtask diff 3 4`
    Diff(diff::Args),
    /// Run everything that CI runs, or some parts of it
    Test(test::Args),
    /// Merge a change of one chapter into all later ones: `cargo xtask carry 2`
    Carry(carry::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = Workspace::find().and_then(|workspace| match cli.command {
        Command::Diff(args) => diff::run(&workspace, &args),
        Command::Test(args) => test::run(&workspace, &args),
        Command::Carry(args) => carry::run(&workspace, &args),
    });
    outcome.unwrap_or_else(|error| {
        anstream::eprintln!("{} {error:#}", ui::paint(ui::BAD, "error:"));
        ExitCode::FAILURE
    })
}
