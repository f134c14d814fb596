//! What macOS and Windows run: tested on this system as far as that goes, and compiled for the others.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::parts::{cargo, outcome};
use super::programs::Tests;
use super::{Outcome, Run, poll};
use crate::process;
use crate::sandbox::share_dependencies;

/// The systems that this one is not.
const TARGETS: [&str; 2] = ["x86_64-pc-windows-gnu", "x86_64-apple-darwin"];

/// What is run with mio's form for poll(2): the poller's contract, and what talks to the server over connections that are
/// kept.
const READINESS: [&str; 5] =
    ["--lib", "--test=engine", "--test=framing", "--test=responses", "--test=clients"];

/// mio's form for poll(2) reports everything at once, however little room the caller has.
const NOT_WITH_POLL: &str = "events_without_room_are_reported_by_the_next_wait";

/// All optional features of `final`. With `redis` in the same build as `portable`, its tests need no build of their own.
const FEATURES: &str = "portable,redis";

/// All tests of `final`, above mio, and those of the rate limits that several servers share. Other parts build and start
/// the program without these features at the same time, so this part has a target directory of its own.
pub(super) fn with_mio(run: &Run) -> anyhow::Result<Outcome> {
    let select = ["--package", "final", "--features", FEATURES].map(String::from);
    let target = run.workspace.target().join("portable");
    link_dependencies(&run.workspace.target().join("debug"), &target.join("debug"), &["final"])?;
    let environment = [("CARGO_TARGET_DIR", target.display().to_string())];
    let tests = Tests { select: &select, skip: &[], environment: &environment };
    Ok(match tests.run(&run.workspace)? {
        Ok(counted) => without_redis(counted.outcome()),
        Err(failed) => failed,
    })
}

/// Links what is built, but not what cargo knows about the packages that have to be built `anew`. `final` is always one of
/// them: its tests contain the path of the program that they start.
fn link_dependencies(from: &Path, to: &Path, anew: &[&str]) -> anyhow::Result<()> {
    if to.exists() {
        return Ok(());
    }
    share_dependencies(from, to)?;
    for entry in fs::read_dir(to.join(".fingerprint"))? {
        let entry = entry?;
        let name = entry.file_name();
        // The name is that of the package, a hyphen, and 16 digits.
        let package = name.to_str().and_then(|name| name.rsplit_once('-')).map(|(name, _)| name);
        if package.is_some_and(|package| anew.contains(&package)) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// The tests of shared rate limits pass without a Redis, because they skip themselves.
fn without_redis(outcome: Outcome) -> Outcome {
    let redis = process::captured(Command::new("redis-server").arg("--version"));
    match outcome {
        Outcome::Passed { note, mut left_out } if redis.is_err() => {
            left_out.push(
                "rate limits in Redis not tested: `apt install redis-server` gets it".to_string(),
            );
            Outcome::Passed { note, left_out }
        }
        outcome => outcome,
    }
}

/// The tests that show whether readiness is reported, above poll(2).
pub(super) fn with_poll(run: &Run) -> anyhow::Result<Outcome> {
    let select: Vec<String> = ["--package", "final", "--features", "portable"]
        .into_iter()
        .chain(READINESS)
        .map(String::from)
        .collect();
    // A directory of its own, because mio has the same name in both forms.
    let target = run.workspace.target().join("poll");
    let built = run.workspace.target().join("debug");
    link_dependencies(&built, &target.join("debug"), &["final", "mio"])?;
    let mut environment = poll::environment(&process::own_program()?).to_vec();
    environment.push(("CARGO_TARGET_DIR", target.display().to_string()));
    let tests = Tests { select: &select, skip: &[NOT_WITH_POLL], environment: &environment };
    Ok(match tests.run(&run.workspace)? {
        Ok(counted) => counted.outcome(),
        Err(failed) => failed,
    })
}

/// Everything, compiled for the other systems.
pub(super) fn foreign(run: &Run) -> anyhow::Result<Outcome> {
    let portable =
        ["clippy", "--quiet", "--all-targets", "--features", FEATURES, "--package", "final"];
    let checked = cargo(&run.workspace, &[&portable[..], &["--", "-D", "warnings"]].concat())?;
    if checked.is_failure() {
        return Ok(checked);
    }
    let (mut compiled, mut left_out) = (Vec::new(), Vec::new());
    let mut command = process::cargo();
    command
        .args(["clippy", "--quiet", "--all-targets", "--workspace"])
        .current_dir(run.workspace.root());
    for target in TARGETS {
        if is_installed(target)? {
            command.args(["--target", target]);
            compiled.push(format!("compiled for {target}"));
        } else {
            left_out.push(format!(
                "not compiled for {target}: `rustup target add {target}` gets its library"
            ));
        }
    }
    if !compiled.is_empty() {
        command.args(["--", "-D", "warnings"]);
        let finished = process::captured(&mut command)?;
        if let failed @ Outcome::Failed(_) = outcome(&command, &finished) {
            return Ok(failed);
        }
    }
    Ok(Outcome::Passed { note: compiled.join(", "), left_out })
}

/// Whether there is a standard library for this target.
fn is_installed(target: &str) -> anyhow::Result<bool> {
    let mut rustc = Command::new("rustc");
    let finished = process::captured(rustc.args(["--print", "target-libdir", "--target", target]))?;
    Ok(finished.status.success() && Path::new(finished.output.trim()).is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_without_a_library_is_not_installed() {
        assert!(!is_installed("pdp11-unknown-unix").unwrap());
    }
}
