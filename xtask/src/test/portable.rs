//! The code for macOS and Windows: tested on this system as far as possible, and compiled for the other systems.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::part::{Outcome, Run};
use super::poll;
use super::programs;
use crate::process;
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
    let mut command = programs::command(&run.workspace);
    command.args(["--package", "final", "--features", FEATURES]);
    command.env("CARGO_TARGET_DIR", target(run, "portable")?);
    let mut outcome = programs::outcome(&mut [command])?;
    if let Outcome::Passed { left_out, .. } = &mut outcome
        && !process::is_installed("redis-server")
    {
        // The tests of shared rate limits have passed without running.
        left_out.push(
            "rate limits in Redis not tested: `apt install redis-server` gets it".to_string(),
        );
    }
    Ok(outcome)
}

/// Runs the tests that show whether readiness is reported with poll(2).
pub(super) fn with_poll(run: &Run) -> anyhow::Result<Outcome> {
    let mut command = programs::command(&run.workspace);
    command.args(["--package", "final", "--features", "portable"]).args(READINESS);
    command.args(["--", "--skip", NOT_WITH_POLL]).envs(poll::environment()?);
    // A separate directory, because mio has the same name in both forms.
    command.env("CARGO_TARGET_DIR", target(run, "poll")?);
    programs::outcome(&mut [command])
}

/// A command of cargo for a part that only checks code. These parts hold cargo's lock on their target directory for
/// minutes, and in the usual one all parts that run a program with cargo would wait for them.
pub(super) fn check(run: &Run, args: &[&str]) -> anyhow::Result<Command> {
    let mut command = process::cargo_in(&run.workspace, args);
    command.env("CARGO_TARGET_DIR", target(run, "checked")?);
    Ok(command)
}

/// A target directory with links to the built dependencies, but not to cargo's fingerprints of the packages that must be
/// rebuilt: mio has another form for poll(2), and the tests of `final` contain the path of the program that they start.
fn target(run: &Run, name: &str) -> anyhow::Result<PathBuf> {
    let target = run.workspace.target().join(name);
    let to = target.join("debug");
    if to.exists() {
        return Ok(target);
    }
    share_dependencies(&run.workspace.target().join("debug"), &to)?;
    for entry in fs::read_dir(to.join(".fingerprint"))? {
        let entry = entry?;
        let name = entry.file_name();
        // The name consists of the package, a hyphen, and 16 digits.
        let package = name.to_str().and_then(|name| name.rsplit_once('-')).map(|(name, _)| name);
        if package.is_some_and(|package| ["final", "mio"].contains(&package)) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(target)
}

/// Compiles everything for the other systems.
pub(super) fn foreign(run: &Run) -> anyhow::Result<Outcome> {
    let clippy = |args: &[&str]| {
        let mut command = check(run, &["clippy", "--quiet", "--all-targets"])?;
        process::output(command.args(args).args(["--", "-D", "warnings"]))
    };
    clippy(&["--features", FEATURES, "--package", "final"])?;
    let (mut compiled, mut left_out) = (Vec::new(), Vec::new());
    let mut targets = vec!["--workspace"];
    for target in TARGETS {
        if process::has_library(target) {
            targets.extend(["--target", target]);
            compiled.push(format!("compiled for {target}"));
        } else {
            left_out.push(format!(
                "not compiled for {target}: `rustup target add {target}` gets its library"
            ));
        }
    }
    if !compiled.is_empty() {
        clippy(&targets)?;
    }
    Ok(Outcome::Passed { note: compiled.join(", "), left_out })
}
