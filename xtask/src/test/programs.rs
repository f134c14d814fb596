//! Runs test programs, in parallel with cargo-nextest or one after the other without it.

use std::fmt::Write as _;
use std::process::Command;

use anyhow::{bail, ensure};

use super::output;
use super::part::{Outcome, Run};
use crate::process;
use crate::workspace::Workspace;

/// The number of tests that run at the same time. It is more than the number of cores, because most tests wait for a
/// socket.
const THREADS: &str = "6";

/// Runs the unit, wire and documentation tests of all crates, or of the crates that a change affects.
pub(super) fn tests(run: &Run) -> anyhow::Result<Outcome> {
    // All packages, or only those that have documentation tests.
    let packages = |documented: bool| -> Vec<String> {
        let Some(scope) = &run.scope else { return vec!["--workspace".to_string()] };
        let tested = scope.tested.iter().filter(|(_, has_library)| **has_library || !documented);
        tested.map(|(name, _)| format!("--package={name}")).collect()
    };
    let mut commands = vec![command(&run.workspace)];
    commands[0].args(packages(false));
    // `cargo test` runs the documentation tests with the others, but nextest runs none.
    if process::cargo_has("nextest") && !packages(true).is_empty() {
        let mut documented = process::cargo_in(&run.workspace, &["test", "--quiet", "--doc"]);
        documented.arg("--no-fail-fast").args(packages(true));
        commands.push(documented);
    }
    outcome(&mut commands)
}

/// Starts all tests, even if some fail. The arguments that select them are cargo's.
pub(super) fn command(workspace: &Workspace) -> Command {
    let mut command = if process::cargo_has("nextest") {
        nextest()
    } else {
        process::cargo_in(workspace, &["test", "--quiet", "--no-fail-fast"])
    };
    command.current_dir(workspace.root());
    command
}

/// cargo-nextest, which runs all selected tests and lists the failed ones at the end.
pub(crate) fn nextest() -> Command {
    let mut command = process::cargo();
    command.args(["nextest", "run", "--no-fail-fast", "--test-threads", THREADS]);
    command.args(["--status-level", "none", "--final-status-level", "fail"]);
    command.args(["--show-progress", "none", "--color", "never"]);
    // By default nextest starts itself again before each test, so that Ctrl-Z stops both. With six thousand tests in all
    // parts, that takes 27 seconds of the processor.
    command.env("NEXTEST_DOUBLE_SPAWN", "0");
    command
}

/// Runs the tests of these commands.
pub(super) fn outcome(commands: &mut [Command]) -> anyhow::Result<Outcome> {
    let mut count = 0;
    for command in commands.iter_mut() {
        let finished = process::captured(command)?;
        if !finished.status.success() {
            let mut text = format!("$ {}\n{}\n", process::typed(command), finished.output);
            for test in finished.output.lines().filter_map(output::failed_test) {
                let _ = writeln!(text, "to repeat only that: cargo test {test}");
            }
            bail!(text);
        }
        count += output::passed(&finished.output);
    }
    ensure!(count > 0, "$ {}\nno test was run", process::typed(&commands[0]));
    Ok(Outcome::passed(format!("{count} tests")))
}
