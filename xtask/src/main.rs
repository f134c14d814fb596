//! `cargo xtask`: the tools of the course, for readers and maintainers.
//!
//! Each command is in its own file, with a function `run`. Shared code is in [`workspace`], which finds the chapters,
//! [`ui`] for the terminal, [`git`], which runs git, and [`patch`], which reads, applies and makes patches.

mod bench;
mod book;
mod cards;
mod carry;
mod check;
mod climb;
mod commits;
mod diff;
mod disk;
mod doctor;
mod exercise;
mod git;
mod hint;
mod lessons;
mod mdbook;
mod merge;
mod mutants;
mod overview;
mod patch;
mod plot;
mod process;
mod progress;
mod prove;
mod reset;
mod sandbox;
mod saved;
mod scale;
mod solution;
mod start;
mod table;
mod test;
mod trace;
mod tree;
mod ui;
mod work_tree;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

/// The tools of the course. Without a command: your progress, and the next task
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Show your progress, as without a command
    Progress,
    /// Build the book and serve it on this machine
    Book(book::Args),
    /// Create your own server, `my_server`: `cargo xtask start`, and `start 3` for part 3
    Start(start::Args),
    /// Check your own server, stage by stage
    Climb(climb::Args),
    /// Run the checks of a stage for `climb`
    #[command(hide = true)]
    ClimbChecks(climb::ChecksArgs),
    /// Check your solution of an exercise: `cargo xtask check-exercise 2`
    CheckExercise(check::Args),
    /// Show one more hint for an exercise
    Hint(hint::Args),
    /// Show the reference solution of an exercise
    Solution(solution::Args),
    /// Restore a chapter to its original state; your work is saved first
    Reset(reset::Args),
    /// Restore saved work; without a name, list it
    Restore(saved::restore::Args),
    /// Show what one chapter changes in another: `cargo xtask diff 3 4`
    Diff(diff::Args),
    /// Check that everything the course uses is installed
    Doctor,
    /// Prove that the checks of each exercise catch wrong solutions, and accept right ones
    ProveExercises(prove::Args),
    /// Prove that steps, chapters and famous mistakes pass and fail the right stages
    ProveClimb(climb::prove::Args),
    /// Proxy a server, and show the bytes in both directions: `cargo xtask trace 127.0.0.1:8080`
    Trace(trace::Args),
    /// Run everything that CI runs, or some parts of it
    Test(test::Args),
    /// Merge a change of one chapter into all later ones: `cargo xtask carry 2`
    Carry(carry::Args),
    /// Check that commit messages describe the change and its reason
    CheckCommits(commits::Args),
    /// Show which requests are lost when replicas behind a load balancer are killed, restarted or replaced
    Scale(scale::Args),
    /// Measure the data of the book's plots: `cargo xtask plot overload`
    Plot(plot::Args),
    /// Write the questions of the book as flashcards for Anki
    Cards,
    /// Measure final beside other servers on this machine, and print ratios
    Bench(bench::Args),
    /// Change code in many small ways, and show which changes no test detects
    Mutants(mutants::Args),
}

fn main() -> ExitCode {
    test::poll::compile_if_asked().unwrap_or_else(run).unwrap_or_else(|error| {
        anstream::eprintln!("{} {error:#}", ui::paint(ui::BAD, "error:"));
        ExitCode::FAILURE
    })
}

fn run() -> anyhow::Result<ExitCode> {
    let cli = Cli::parse();
    let workspace = Workspace::find()?;
    match cli.command {
        None | Some(Command::Progress) => overview::show(&workspace),
        Some(Command::Book(args)) => book::run(&workspace, &args),
        Some(Command::Start(args)) => start::run(&workspace, &args),
        Some(Command::Climb(args)) => climb::run(&workspace, &args),
        Some(Command::ClimbChecks(args)) => climb::checks(&args),
        Some(Command::CheckExercise(args)) => check::run(&workspace, &args),
        Some(Command::Hint(args)) => hint::run(&workspace, &args),
        Some(Command::Solution(args)) => solution::run(&workspace, &args),
        Some(Command::Reset(args)) => reset::run(&workspace, &args),
        Some(Command::Restore(args)) => saved::restore::run(&workspace, &args),
        Some(Command::Diff(args)) => diff::run(&workspace, &args),
        Some(Command::Doctor) => Ok(doctor::run(&workspace)),
        Some(Command::ProveExercises(args)) => prove::run(&workspace, &args),
        Some(Command::ProveClimb(args)) => climb::prove::run(&workspace, &args),
        Some(Command::Trace(args)) => trace::run(&args),
        Some(Command::Test(args)) => test::run(&workspace, &args),
        Some(Command::Carry(args)) => carry::run(&workspace, &args),
        Some(Command::CheckCommits(args)) => commits::run(&workspace, &args),
        Some(Command::Scale(args)) => scale::run(&workspace, &args),
        Some(Command::Plot(args)) => plot::run(&workspace, &args),
        Some(Command::Cards) => cards::run(&workspace),
        Some(Command::Bench(args)) => bench::run(&workspace, &args),
        Some(Command::Mutants(args)) => mutants::run(&workspace, &args),
    }
}
