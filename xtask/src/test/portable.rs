//! The code for macOS and Windows: tested on this system as far as possible, and compiled for the other systems.

use std::fs;
use std::path::{Path, PathBuf};

use super::command;
use super::part::{Outcome, Run};
use super::poll;
use super::programs::Tests;
use crate::process::{self, cargo_in};
use crate::sandbox::share_dependencies;

/// The targets of the other systems.
const TARGETS: [&str; 2] = ["x86_64-pc-windows-gnu", "x86_64-apple-darwin"];

/// The tests that run with mio's form for poll(2): the poller's contract, and tests of persistent connections.
const READINESS: [&str; 5] =
    ["--lib", "--test=engine", "--test=framing", "--test=responses", "--test=clients"];

/// mio's form for poll(2) reports all events at once, however little room the caller has.
const NOT_WITH_POLL: &str = "events_without_room_are_reported_by_the_next_wait";

/// All optional features of `final`. `redis` is included so that its tests need no separate build.
const FEATURES: &str = "portable,redis";

/// Runs all tests of `final` on mio, and the tests of shared rate limits. Other parts build and start the program
/// without these features at the same time, so this part has a separate target directory.
pub(super) fn with_mio(run: &Run) -> anyhow::Result<Outcome> {
    let select = ["--package", "final", "--features", FEATURES].map(String::from);
    let target = run.workspace.target().join("portable");
    link_dependencies(&run.workspace.target().join("debug"), &target.join("debug"), &["final"])?;
    let environment = [("CARGO_TARGET_DIR", target.display().to_string())];
    let tests = Tests { select: &select, skip: &[], environment: &environment };
    Ok(without_redis(tests.outcome(&run.workspace)?))
}

/// Links the built dependencies, but not cargo's fingerprints of the packages in `anew`, which must be rebuilt. `final`
/// is always among them: its tests contain the path of the program that they start.
fn link_dependencies(from: &Path, to: &Path, anew: &[&str]) -> anyhow::Result<()> {
    if to.exists() {
        return Ok(());
    }
    share_dependencies(from, to)?;
    for entry in fs::read_dir(to.join(".fingerprint"))? {
        let entry = entry?;
        let name = entry.file_name();
        // The name consists of the package, a hyphen, and 16 digits.
        let package = name.to_str().and_then(|name| name.rsplit_once('-')).map(|(name, _)| name);
        if package.is_some_and(|package| anew.contains(&package)) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// The target directory of the parts that only check code. They hold cargo's lock on it for minutes, and in the usual one
/// all parts that run a program with cargo would wait for them.
pub(super) fn checked_target(run: &Run) -> anyhow::Result<PathBuf> {
    let target = run.workspace.target().join("checked");
    link_dependencies(&run.workspace.target().join("debug"), &target.join("debug"), &[])?;
    Ok(target)
}

/// Adds a note if there is no Redis, because the tests of shared rate limits then pass without running.
fn without_redis(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Passed { note, mut left_out } if !process::is_installed("redis-server") => {
            left_out.push(
                "rate limits in Redis not tested: `apt install redis-server` gets it".to_string(),
            );
            Outcome::Passed { note, left_out }
        }
        outcome => outcome,
    }
}

/// Runs the tests that show whether readiness is reported with poll(2).
pub(super) fn with_poll(run: &Run) -> anyhow::Result<Outcome> {
    let select: Vec<String> = ["--package", "final", "--features", "portable"]
        .into_iter()
        .chain(READINESS)
        .map(String::from)
        .collect();
    // A separate directory, because mio has the same name in both forms.
    let target = run.workspace.target().join("poll");
    let built = run.workspace.target().join("debug");
    link_dependencies(&built, &target.join("debug"), &["final", "mio"])?;
    let mut environment = poll::environment(&process::own_program()?).to_vec();
    environment.push(("CARGO_TARGET_DIR", target.display().to_string()));
    let tests = Tests { select: &select, skip: &[NOT_WITH_POLL], environment: &environment };
    tests.outcome(&run.workspace)
}

/// Compiles everything for the other systems.
pub(super) fn foreign(run: &Run) -> anyhow::Result<Outcome> {
    let portable =
        ["clippy", "--quiet", "--all-targets", "--features", FEATURES, "--package", "final"];
    let target = checked_target(run)?;
    let mut command = cargo_in(&run.workspace, &portable);
    command.env("CARGO_TARGET_DIR", &target);
    let checked = command::run(command.args(["--", "-D", "warnings"]))?;
    if checked.is_failure() {
        return Ok(checked);
    }
    let (mut compiled, mut left_out) = (Vec::new(), Vec::new());
    let mut command =
        cargo_in(&run.workspace, &["clippy", "--quiet", "--all-targets", "--workspace"]);
    command.env("CARGO_TARGET_DIR", &target);
    for target in TARGETS {
        if process::has_library(target) {
            command.args(["--target", target]);
            compiled.push(format!("compiled for {target}"));
        } else {
            left_out.push(format!(
                "not compiled for {target}: `rustup target add {target}` gets its library"
            ));
        }
    }
    if !compiled.is_empty() {
        let checked = command::run(command.args(["--", "-D", "warnings"]))?;
        if checked.is_failure() {
            return Ok(checked);
        }
    }
    Ok(Outcome::Passed { note: compiled.join(", "), left_out })
}
