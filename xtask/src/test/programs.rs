//! Runs test programs, in parallel with cargo-nextest or one after the other without it, and parses their output.

use std::fmt::Write as _;
use std::process::Command;

use super::output::{count, count_nextest, failed_tests, failures};
use super::part::{Outcome, Run};
use crate::process::{self, Finished};
use crate::workspace::Workspace;

/// The number of tests that run at the same time. It is more than the number of cores, because most tests wait for a
/// socket.
const THREADS: &str = "6";

/// A selection of tests, as cargo's arguments.
pub(super) struct Tests<'a> {
    pub select: &'a [String],
    /// Tests that are left out, by their name.
    pub skip: &'a [&'a str],
    pub environment: &'a [(&'a str, String)],
}

/// Runs the unit, wire and documentation tests of all crates, or of the crates that a change affects.
pub(super) fn tests(run: &Run) -> anyhow::Result<Outcome> {
    let select = match &run.scope {
        Some(scope) => {
            scope.tested.iter().flat_map(|name| ["--package".to_string(), name.clone()]).collect()
        }
        None => vec!["--workspace".to_string()],
    };
    let tests = Tests { select: &select, skip: &[], environment: &[] };
    let counted = match tests.run(&run.workspace)? {
        Ok(counted) => counted,
        Err(failed) => return Ok(failed),
    };
    // nextest does not run documentation tests.
    let mut command = process::cargo_in(&run.workspace, &["test", "--doc", "--no-fail-fast"]);
    command.args(doc_tests(run));
    let finished = process::captured(&mut command)?;
    let [documented, ..] = count(&finished.output);
    if !finished.status.success() {
        let rest = failures(&finished.output);
        return Ok(Outcome::Failed(format!("$ {}\n{rest}", process::typed(&command))));
    }
    Ok(counted.plus(documented).outcome())
}

/// The libraries with documentation tests. A program has none, and for a program cargo would fail.
fn doc_tests(run: &Run) -> Vec<String> {
    match &run.scope {
        None => vec!["--workspace".to_string()],
        Some(scope) => {
            let libraries = scope
                .tested
                .iter()
                .filter(|name| !["xtask", "book_tools"].contains(&name.as_str()));
            libraries.flat_map(|name| ["--package".to_string(), name.clone()]).collect()
        }
    }
}

/// How many tests have passed and were ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counted {
    pub passed: usize,
    pub ignored: usize,
    /// Whether test programs ran in parallel.
    pub nextest: bool,
}

impl Counted {
    fn plus(self, passed: usize) -> Counted {
        Counted { passed: self.passed + passed, ..self }
    }

    fn outcome(self) -> Outcome {
        let ignored =
            if self.ignored > 0 { format!(", {} ignored", self.ignored) } else { String::new() };
        let slow = if self.nextest {
            ""
        } else {
            "; one program after the other: `cargo install cargo-nextest --locked` makes it faster"
        };
        Outcome::passed(format!("{} tests{ignored}{slow}", self.passed))
    }
}

impl Tests<'_> {
    pub(super) fn outcome(&self, workspace: &Workspace) -> anyhow::Result<Outcome> {
        Ok(self.run(workspace)?.map_or_else(|failed| failed, Counted::outcome))
    }

    /// Runs them all, even if some fail. The inner error is the outcome of the part in that case.
    fn run(&self, workspace: &Workspace) -> anyhow::Result<Result<Counted, Outcome>> {
        let nextest = process::cargo_has("nextest");
        let mut command = if nextest { self.nextest() } else { self.cargo_test() };
        command
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(workspace.root());
        let finished = process::captured(&mut command)?;
        if !finished.status.success() {
            return Ok(Err(failed(&command, &finished, nextest)));
        }
        let [passed, _, ignored] =
            if nextest { count_nextest(&finished.output) } else { count(&finished.output) };
        if passed == 0 {
            let none = format!("$ {}\nno test was run\n", process::typed(&command));
            return Ok(Err(Outcome::Failed(none)));
        }
        // nextest counts the tests that the command line excludes as ignored.
        let ignored = if self.skip.is_empty() { ignored } else { 0 };
        Ok(Ok(Counted { passed, ignored, nextest }))
    }

    fn nextest(&self) -> Command {
        let mut command = nextest();
        command.args(self.select);
        if !self.skip.is_empty() {
            let names: Vec<String> = self.skip.iter().map(|name| format!("test({name})")).collect();
            command.args(["--filterset".to_string(), format!("not ({})", names.join(" or "))]);
        }
        command
    }

    fn cargo_test(&self) -> Command {
        let mut command = process::cargo();
        command
            .args(["test", "--no-fail-fast", "--lib", "--bins", "--tests", "--examples"])
            .args(self.select);
        if !self.skip.is_empty() {
            command.arg("--").args(self.skip.iter().flat_map(|name| ["--skip", name]));
        }
        command
    }
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

fn failed(command: &Command, finished: &Finished, nextest: bool) -> Outcome {
    let typed = process::typed(command);
    let mut repeat = String::new();
    for test in failed_tests(&finished.output) {
        let _ = writeln!(repeat, "to repeat only that: cargo test {test}");
    }
    let rest = if nextest { finished.output.clone() } else { failures(&finished.output) };
    Outcome::Failed(format!("$ {typed}\n{rest}\n{repeat}"))
}
