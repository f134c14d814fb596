//! The parts, in the order in which they run: what is quick comes first.

use std::env;
use std::ffi::OsStr;
use std::process::Command;

use super::{Outcome, Part, lessons, portable};
use crate::exercise::Exercise;
use crate::mdbook;
use crate::process::{self, Finished};
use crate::prove;
use crate::workspace::Workspace;

/// What is checked with loom: the task queue, which is the same file in later chapters, and what takes its
/// place in final.
const LOOM: [(&str, &str); 2] = [("ch02_thread_pool", "queue_model"), ("final", "engine_model")];

/// Everything that CI runs.
pub(crate) const PARTS: &[Part] = &[
    Part { name: "fmt", about: "the code is formatted", run: fmt },
    Part {
        name: "lessons",
        about: "a chapter changes only the files it teaches",
        run: lessons::check,
    },
    Part { name: "clippy", about: "no warnings, from the compiler or from clippy", run: clippy },
    Part { name: "tests", about: "unit, wire and documentation tests of all crates", run: tests },
    Part {
        name: "portable",
        about: "what macOS and Windows run, as far as it can be seen from here",
        run: portable::check,
    },
    Part {
        name: "ladder",
        about: "no chapter breaks a rule that one before it keeps",
        run: ladder,
    },
    Part { name: "loom", about: "the queue and the engine in every order of events", run: loom },
    Part {
        name: "exercises",
        about: "each exercise finds what is wrong, and only that",
        run: exercises,
    },
    Part { name: "book", about: "listings, pictures and links of the book", run: book },
    Part {
        name: "coverage",
        about: "the book shows every line that a chapter adds",
        run: coverage,
    },
    Part {
        name: "transcripts",
        about: "what the book says you see is what you see",
        run: transcripts,
    },
    Part { name: "doc", about: "no broken links in the documentation", run: doc },
];

fn fmt(workspace: &Workspace) -> anyhow::Result<Outcome> {
    cargo(workspace, &["fmt", "--all", "--check"])
}

fn ladder(workspace: &Workspace) -> anyhow::Result<Outcome> {
    cargo(workspace, &["run", "--quiet", "--package", "wire", "--bin", "ladder", "--", "--check"])
}

fn clippy(workspace: &Workspace) -> anyhow::Result<Outcome> {
    let all = ["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"];
    let outcome = cargo(workspace, &all)?;
    if outcome != Outcome::Passed(String::new()) {
        return Ok(outcome);
    }
    // The checks of the exercises are no tests of their chapter, so they are not among all targets.
    let exercises = Exercise::all(workspace)?;
    let mut args = vec!["clippy".to_string(), "--quiet".to_string()];
    for exercise in &exercises {
        let package = exercise.chapter.package.clone();
        args.extend(["--package".to_string(), package, "--test".to_string(), exercise.target()]);
    }
    if exercises.is_empty() {
        return Ok(outcome);
    }
    args.extend(["--", "-D", "warnings"].map(String::from));
    cargo(workspace, &args)
}

fn tests(workspace: &Workspace) -> anyhow::Result<Outcome> {
    let mut command = process::cargo();
    command.args(["test", "--workspace", "--no-fail-fast"]).current_dir(workspace.root());
    let finished = process::captured(&mut command)?;
    let [passed, failed, ignored] = count_tests(&finished.output);
    if !finished.status.success() {
        let rest = failures(&finished.output);
        return Ok(Outcome::Failed(format!("{rest}\n{passed} tests passed, {failed} failed\n")));
    }
    let ignored = if ignored > 0 { format!(", {ignored} ignored") } else { String::new() };
    Ok(Outcome::Passed(format!("{passed} tests{ignored}")))
}

fn loom(workspace: &Workspace) -> anyhow::Result<Outcome> {
    // Another target folder: other flags would make cargo build everything anew, back and forth.
    let target = workspace.target().join("loom");
    let mut models = 0;
    for (package, test) in LOOM {
        let mut command = process::cargo();
        command
            .args(["test", "--quiet", "--release", "--package", package, "--test", test])
            .env("RUSTFLAGS", "--cfg loom")
            // A model is small, and what a release is built with for its speed takes minutes.
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
            .env("CARGO_TARGET_DIR", &target)
            .current_dir(workspace.root());
        let finished = process::captured(&mut command)?;
        let [passed, ..] = count_tests(&finished.output);
        match outcome(&command, &finished) {
            Outcome::Passed(_) if passed == 0 => {
                return Ok(Outcome::Failed(format!("{package} has no test in {test}")));
            }
            Outcome::Passed(_) => models += passed,
            other => return Ok(other),
        }
    }
    Ok(Outcome::Passed(format!("{models} models")))
}

fn doc(workspace: &Workspace) -> anyhow::Result<Outcome> {
    let mut command = process::cargo();
    command
        .args(["doc", "--quiet", "--workspace", "--no-deps", "--document-private-items"])
        .env("RUSTDOCFLAGS", "-D warnings")
        .current_dir(workspace.root());
    let finished = process::captured(&mut command)?;
    Ok(outcome(&command, &finished))
}

fn exercises(workspace: &Workspace) -> anyhow::Result<Outcome> {
    let exercises = Exercise::all(workspace)?;
    if exercises.is_empty() {
        return Ok(Outcome::Skipped("there are no exercises yet".to_string()));
    }
    let mut lines = String::new();
    let proof = prove::prove(workspace, &exercises, "HEAD", |line| lines.push_str(line))?;
    if proof.bad > 0 {
        return Ok(Outcome::Failed(lines));
    }
    Ok(Outcome::Passed(format!("{} claims about {} exercises", proof.good, exercises.len())))
}

fn book(workspace: &Workspace) -> anyhow::Result<Outcome> {
    book_tools(workspace, &["check"])
}

fn coverage(workspace: &Workspace) -> anyhow::Result<Outcome> {
    book_tools(workspace, &["coverage"])
}

fn transcripts(workspace: &Workspace) -> anyhow::Result<Outcome> {
    book_tools(workspace, &["transcripts"])
}

fn book_tools(workspace: &Workspace, args: &[&str]) -> anyhow::Result<Outcome> {
    if !workspace.path("book/src/SUMMARY.md").is_file() {
        return Ok(Outcome::Skipped("there is no book yet".to_string()));
    }
    let program = mdbook::find_or_install(workspace)?;
    let mut command = process::cargo();
    command.args(["run", "--quiet", "--package", "book_tools", "--"]).args(args);
    command.current_dir(workspace.root());
    if let Some(folder) = program.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        // The checks build the book too, with the same mdBook.
        let path = env::var_os("PATH").unwrap_or_default();
        let folders = [folder.to_owned()].into_iter().chain(env::split_paths(&path));
        command.env("PATH", env::join_paths(folders)?);
    }
    let finished = process::captured(&mut command)?;
    Ok(match outcome(&command, &finished) {
        // The last line of the checks says what they have done.
        Outcome::Passed(_) => {
            Outcome::Passed(finished.output.trim().lines().last().unwrap_or_default().to_string())
        }
        other => other,
    })
}

fn cargo<S: AsRef<OsStr>>(workspace: &Workspace, args: &[S]) -> anyhow::Result<Outcome> {
    let mut command = process::cargo();
    command.args(args).current_dir(workspace.root());
    let finished = process::captured(&mut command)?;
    Ok(outcome(&command, &finished))
}

pub(super) fn outcome(command: &Command, finished: &Finished) -> Outcome {
    if finished.status.success() {
        return Outcome::Passed(String::new());
    }
    Outcome::Failed(format!("$ {}\n{}", process::typed(command), finished.output))
}

/// Adds up the lines `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
pub(super) fn count_tests(output: &str) -> [usize; 3] {
    let mut sums = [0; 3];
    for line in output.lines().filter(|line| line.starts_with("test result: ")) {
        for (sum, word) in sums.iter_mut().zip([" passed", " failed", " ignored"]) {
            let before = line.split(word).next().filter(|before| before.len() < line.len());
            let number = before.and_then(|before| before.rsplit(' ').next());
            *sum += number.and_then(|number| number.parse::<usize>().ok()).unwrap_or_default();
        }
    }
    sums
}

/// What cargo test printed, without the lines of what went well.
pub(super) fn failures(output: &str) -> String {
    let boring = |line: &&str| {
        let line = line.trim_start();
        let went_well = line.starts_with("test ")
            && (line.ends_with("... ok") || line.starts_with("test result: ok"));
        let steps =
            ["Compiling ", "Finished ", "Running ", "Doc-tests ", "Downloaded ", "Downloading "];
        went_well || steps.iter().any(|step| line.starts_with(step)) || line.starts_with("running ")
    };
    let mut text = String::new();
    for line in output.lines().filter(|line| !boring(line)) {
        // Two empty lines say no more than one.
        if !line.is_empty() || !text.ends_with("\n\n") {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\
   Compiling ch01 v0.1.0
     Running unittests src/lib.rs

running 2 tests
test a ... ok
test b ... FAILED

failures:

---- b stdout ----
left: 1

test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s

test result: ok. 12 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out
error: 1 target failed
";

    #[test]
    fn tests_are_counted_over_all_programs() {
        assert_eq!(count_tests(OUTPUT), [13, 1, 2]);
    }

    #[test]
    fn of_a_failed_run_only_the_failures_are_shown() {
        let text = failures(OUTPUT);
        assert!(text.contains("---- b stdout ----\nleft: 1\n"));
        assert!(text.contains("error: 1 target failed"));
        assert!(
            !text.contains("Compiling") && !text.contains("test a") && !text.contains("running 2")
        );
    }
}
