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

/// The crates without a library. They have no documentation tests, and for them `cargo test --doc` would fail.
const PROGRAMS: [&str; 2] = ["--package=xtask", "--package=book_tools"];

/// Runs the unit, wire and documentation tests of all crates, or of the crates that a change affects.
pub(super) fn tests(run: &Run) -> anyhow::Result<Outcome> {
    let mut packages: Vec<String> = match &run.scope {
        None => vec!["--workspace".to_string()],
        Some(scope) => scope.tested.iter().map(|name| format!("--package={name}")).collect(),
    };
    let mut commands = vec![command(&run.workspace)];
    commands[0].args(&packages);
    packages.retain(|package| !PROGRAMS.contains(&package.as_str()));
    // `cargo test` runs the documentation tests with the others, but nextest runs none.
    if process::cargo_has("nextest") && !packages.is_empty() {
        let mut documented = process::cargo_in(&run.workspace, &["test", "--quiet", "--doc"]);
        documented.arg("--no-fail-fast").args(packages);
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
    for command in commands {
        let finished = process::captured(command)?;
        if !finished.status.success() {
            let mut text = format!("$ {}\n{}\n", process::typed(command), finished.output);
            for test in finished.output.lines().filter_map(output::failed_test) {
                let _ = writeln!(text, "to repeat only that: cargo test {test}");
            }
            bail!(text);
        }
        let passed = output::passed(&finished.output);
        ensure!(passed > 0, "$ {}\nno test was run", process::typed(command));
        count += passed;
    }
    Ok(Outcome::passed(format!("{count} tests")))
}
