//! `cargo xtask prove-climb` proves that the starter fails the first stage, that each step passes the stages that it
//! declares and fails the next by the declared check, that chapters and `final` pass the stages up to their part, and
//! that each common mistake is caught.
//!
//! The result is the table on the book's page about the ladder, `book/src/generated/climb.md`.

use std::fs;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use wire::climb::{DEADLINE_SECONDS, Stage, stages};

use super::checks::checks_command;
use super::climbers::{Climber, of_mistakes, of_step, snapshots, starter};
use super::matrix;
use super::steps::{self, MAX_ADDED, Step};
use crate::check::{Ended, runner};
use crate::process;
use crate::prove::{self, Expected};
use crate::ui;
use crate::workspace::Workspace;

/// The number of stages that run in parallel. They spend most of their time waiting.
const LANES: usize = 4;

/// The limit for all checks of a stage together, with the longest deadline of a chapter.
const LIMIT: Duration = Duration::from_secs(400);

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write the book's table instead of only comparing it
    #[arg(long)]
    write: bool,
}

pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    let proof = prove(workspace, &|line| ui::print(line))?;
    let mut problems = proof.problems;
    if args.write {
        let path = workspace.path(matrix::PAGE);
        fs::write(&path, &proof.page).with_context(|| path.display().to_string())?;
        ui::print(&format!("written: {}\n", matrix::PAGE));
    } else {
        problems.extend(out_of_date(workspace, &proof.page));
    }
    for problem in &problems {
        ui::print(&format!("{} {problem}\n", ui::paint(ui::BAD, "FAIL")));
    }
    ui::print(&format!("\n{} claims proved, {} not\n", proof.good, problems.len()));
    Ok(process::exit(problems.is_empty()))
}

/// The problem with the table in the book, if there is one.
pub(crate) fn out_of_date(workspace: &Workspace, page: &str) -> Option<String> {
    let written = fs::read_to_string(workspace.path(matrix::PAGE)).unwrap_or_default();
    (written != page)
        .then(|| format!("{} is out of date: `cargo xtask prove-climb --write`", matrix::PAGE))
}

/// The result of all claims.
pub(crate) struct Proof {
    pub good: usize,
    pub problems: Vec<String>,
    /// The expected table.
    pub page: String,
}

/// Tries all claims.
pub(crate) fn prove(workspace: &Workspace, say: &(dyn Fn(&str) + Sync)) -> anyhow::Result<Proof> {
    let begun = Instant::now();
    let (all_steps, mistakes) = steps::all(workspace)?;
    build(workspace, &all_steps)?;
    let mut climbers = vec![starter(workspace)?];
    climbers.extend(snapshots(workspace));
    let columns = climbers.len();
    climbers.extend(all_steps.iter().map(|step| of_step(workspace, step)));
    let copies = tempfile::tempdir()?;
    climbers.extend(of_mistakes(workspace, &mistakes, copies.path())?);
    let mut problems = try_all(&climbers, say);
    let added = steps::added(workspace, &all_steps)?;
    for (step, added) in all_steps.iter().zip(&added) {
        problems.extend(added.map(|added| {
            let is_long = added > MAX_ADDED;
            is_long.then(|| {
                format!("{} adds {added} lines, and a step adds at most {MAX_ADDED}", step.file)
            })
        }));
    }
    let good = problems.iter().filter(|problem| problem.is_none()).count();
    let problems = problems.into_iter().flatten().collect();
    let page = matrix::render(&stages(), &climbers[..columns], &all_steps, &added, &mistakes);
    say(&format!("{} s in all\n", begun.elapsed().as_secs()));
    Ok(Proof { good, problems, page })
}

/// Builds the steps and the programs of the chapters.
fn build(workspace: &Workspace, steps: &[Step]) -> anyhow::Result<()> {
    // xtask itself is not built, because it is running.
    let mut command = process::cargo_in(workspace, &["build", "--quiet", "--workspace"]);
    for chapter in workspace.chapters() {
        let is_final = chapter.package == "final";
        command.args(["--bin", if is_final { "httpserver" } else { &chapter.package }]);
    }
    for step in steps {
        command.args(["--example", &step.example()]);
    }
    process::succeeds(&mut command, "not all steps compile")
}

/// Tests every claim, several at a time, the slow ones first. Returns the problem of each, if there is one.
fn try_all(climbers: &[Climber], say: &(dyn Fn(&str) + Sync)) -> Vec<Option<String>> {
    let all = stages();
    let mut claims = Vec::new();
    for climber in climbers {
        let passes = climber.passes.iter().map(|number| (*number, Expected::AllPass));
        let fails = climber.fails.iter();
        let fails = fails.map(|fails| (fails.stage, Expected::CaughtBy(fails.check.clone())));
        for (number, expected) in passes.chain(fails) {
            let stage = all.iter().find(|stage| stage.number == number);
            claims.extend(stage.map(|stage| (climber, stage, expected)));
        }
    }
    // The stages that wait for deadlines come first.
    claims.sort_by_key(|(_, stage, _)| !matches!(stage.name, "idle" | "slow-client"));
    wire::side_by_side(LANES, &claims, |(climber, stage, expected)| {
        let verdict = try_claim(climber, stage, expected);
        let about = format!("{}, stage {} ({})", climber.name, stage.number, stage.name);
        say(&prove::line(&about, &verdict));
        verdict.err().map(|error| format!("{about}: {error:#}"))
    })
}

fn try_claim(climber: &Climber, stage: &Stage, expected: &Expected) -> anyhow::Result<String> {
    let mut command = checks_command(stage.number, &climber.words)?;
    command.env(DEADLINE_SECONDS, climber.deadline.to_string());
    let results = runner::run(&mut command, LIMIT, |_| ())?;
    let (made, all) = (results.checks.len(), stage.checks.len());
    let is_whole = made == all || !matches!(expected, Expected::AllPass);
    ensure!(is_whole || results.ended != Ended::Done, "{made} of {all} checks were made");
    expected.judge(&results)
}
