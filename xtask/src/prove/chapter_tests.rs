//! Checks the effect of a correct solution on the chapter's own tests. It breaks exactly the tests that the task lists,
//! and all tests pass with the changes in the reference solution.

use std::collections::BTreeSet;
use std::fs;

use anyhow::bail;

use crate::check::build::Place;
use crate::exercise::Exercise;
use crate::patch::{Files, Patch};
use crate::process;
use crate::sandbox::Sandbox;
use crate::test::{output, programs};
use crate::workspace::Workspace;

/// In a file of `src`, the tests are below this line.
const TESTS: &str = "\n#[cfg(test)]\nmod tests {";

/// All test programs of a chapter, as arguments of cargo. Its examples are the steps that led to it.
const ALL: [&str; 3] = ["--lib", "--bins", "--tests"];

/// Proves this in a fresh copy.
///
/// # Errors
/// The names of the tests that fail and should pass, and of the tests that pass and should fail.
pub(super) fn verdict(sandbox: &Sandbox, exercise: &Exercise) -> anyhow::Result<String> {
    let place = sandbox.place(true);
    let copy = Workspace::at(&place.root)?;
    let named: BTreeSet<String> = exercise.changed_tests(&copy).into_iter().collect();
    let solution = exercise.patch(&copy, "solution.patch")?;
    let shipped = read(&copy, &solution);
    sandbox.apply(&solution)?;
    let solved = read(&copy, &solution);
    let tests = format!("{}/tests/", exercise.chapter.folder);
    let mixed = with_tests_of(&shipped, &solved, &tests);
    write(&copy, &mixed)?;
    let failed = failures(&place, exercise, &ALL.map(String::from))?;
    if failed != named {
        let list = |names: Vec<&String>| match names.len() {
            0 => "none".to_string(),
            _ => names.into_iter().cloned().collect::<Vec<_>>().join(", "),
        };
        bail!(
            "these tests of the chapter fail with the solution, and the task does not name them: {}; these are named, \
             and pass: {}",
            list(failed.difference(&named).collect()),
            list(named.difference(&failed).collect())
        );
    }
    if mixed != solved {
        write(&copy, &solved)?;
        let failed = failures(&place, exercise, &programs_with_changes(&mixed, &solved, &tests))?;
        if !failed.is_empty() {
            let names = failed.into_iter().collect::<Vec<_>>().join(", ");
            bail!("with its own changes of the tests, these fail: {names}");
        }
    }
    Ok(match named.len() {
        0 => "breaks no test of the chapter".to_string(),
        1 => "breaks the test that the task names".to_string(),
        count => format!("breaks the {count} tests that the task names"),
    })
}

fn read(copy: &Workspace, patch: &Patch) -> Files {
    let content = |path: String| (path.clone(), fs::read(copy.path(&path)).ok());
    patch.paths().into_iter().map(content).collect()
}

fn write(copy: &Workspace, files: &Files) -> anyhow::Result<()> {
    for (path, content) in files {
        match content {
            Some(content) => crate::patch::write(copy.root(), path, content)?,
            None => drop(fs::remove_file(copy.path(path))),
        }
    }
    Ok(())
}

/// Combines the solved files with the chapter's unchanged tests. The tests in a new file are kept.
fn with_tests_of(shipped: &Files, solved: &Files, tests: &str) -> Files {
    let mixed = |(path, solved): (&String, &Option<Vec<u8>>)| {
        let old = shipped.get(path).cloned().flatten();
        let new = match (old, solved) {
            (Some(old), _) if path.starts_with(tests) => Some(old),
            (Some(old), Some(solved)) => Some(mix(&old, solved)),
            _ => solved.clone(),
        };
        (path.clone(), new)
    };
    solved.iter().map(mixed).collect()
}

fn mix(shipped: &[u8], solved: &[u8]) -> Vec<u8> {
    let [old, new] = [shipped, solved].map(String::from_utf8_lossy);
    match (old.split_once(TESTS), new.split_once(TESTS)) {
        (Some((_, tests)), Some((code, _))) => format!("{code}{TESTS}{tests}").into_bytes(),
        _ => solved.to_vec(),
    }
}

/// The test programs, as arguments of cargo, in which a file differs. All programs test the same code, so the rest
/// would pass or fail as before.
fn programs_with_changes(mixed: &Files, solved: &Files, tests: &str) -> Vec<String> {
    let mut programs = BTreeSet::new();
    for path in solved.keys().filter(|path| mixed.get(*path) != solved.get(*path)) {
        match path.strip_prefix(tests) {
            None => programs.extend(["--lib", "--bins"].map(String::from)),
            Some(file) => match file.strip_suffix(".rs").filter(|name| !name.contains('/')) {
                Some(name) => _ = programs.insert(format!("--test={name}")),
                // A module that several programs share.
                None => programs.extend(ALL.map(String::from)),
            },
        }
    }
    programs.into_iter().collect()
}

/// The failing tests in these programs. A test of deadlines may fail because the machine is busy, so each failed test
/// runs once more, alone.
fn failures(
    place: &Place,
    exercise: &Exercise,
    targets: &[String],
) -> anyhow::Result<BTreeSet<String>> {
    let failed = run(place, exercise, targets, None)?;
    let mut still = BTreeSet::new();
    for name in failed {
        still.extend(run(place, exercise, targets, Some(&name))?);
    }
    Ok(still)
}

/// Runs all tests in these programs, or the test with this name.
fn run(
    place: &Place,
    exercise: &Exercise,
    targets: &[String],
    only: Option<&str>,
) -> anyhow::Result<BTreeSet<String>> {
    let mut command;
    if only.is_none() && process::cargo_has("nextest") {
        command = programs::nextest();
    } else {
        command = process::cargo();
        command.args(["test", "--no-fail-fast"]);
    }
    command.args(targets).args(["--package", &exercise.chapter.package]);
    command.args(only.map(|name| ["--", "--exact", name]).iter().flatten());
    command.current_dir(&place.root);
    place.build_there(&mut command);
    wire::environment::clean(&mut command);
    let finished = process::captured(&mut command)?;
    let failed = failed_in(&finished.output);
    if failed.is_empty() && !finished.status.success() {
        bail!("the chapter's tests do not run with the solution\n{}", finished.output);
    }
    Ok(failed)
}

/// The names in lines such as `test http::tests::a ... FAILED`, and in lines of nextest such as `FAIL [   0.012s] (1/2)
/// ch04_router::framing a`.
fn failed_in(output: &str) -> BTreeSet<String> {
    let name = |line: &str| match line.strip_prefix("test ") {
        Some(rest) => Some(rest.strip_suffix(" ... FAILED")?.to_string()),
        None => Some(output::failed_test(line)?.rsplit(' ').next()?.to_string()),
    };
    output.lines().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tests_are_those_of_the_chapter_and_the_code_is_the_solution() {
        let file = |text: &str| Some(text.as_bytes().to_vec());
        let tests =
            |code: &str, test: &str| format!("{code}\n#[cfg(test)]\nmod tests {{{test}}}\n");
        let shipped = Files::from([
            ("c/src/a.rs".to_string(), file(&tests("old", "old"))),
            ("c/src/new.rs".to_string(), None),
            ("c/tests/t.rs".to_string(), file("old")),
        ]);
        let solved = Files::from([
            ("c/src/a.rs".to_string(), file(&tests("new", "new"))),
            ("c/src/new.rs".to_string(), file(&tests("new", "new"))),
            ("c/tests/t.rs".to_string(), file("new")),
        ]);
        let mixed = with_tests_of(&shipped, &solved, "c/tests/");
        assert_eq!(mixed["c/src/a.rs"], file(&tests("new", "old")));
        assert_eq!(mixed["c/src/new.rs"], file(&tests("new", "new")));
        assert_eq!(mixed["c/tests/t.rs"], file("old"));
    }

    #[test]
    fn only_programs_with_a_changed_file_are_run_again() {
        let files = |contents: [&str; 3]| {
            let paths = ["c/src/a.rs", "c/tests/t.rs", "c/tests/support/mod.rs"];
            let file = |(path, content): (&str, &str)| {
                (path.to_string(), Some(content.as_bytes().to_vec()))
            };
            paths.into_iter().zip(contents).map(file).collect::<Files>()
        };
        let mixed = files(["old"; 3]);
        let changed = |contents| programs_with_changes(&mixed, &files(contents), "c/tests/");
        assert_eq!(changed(["new", "old", "old"]), ["--bins", "--lib"]);
        assert_eq!(changed(["old", "new", "old"]), ["--test=t"]);
        assert_eq!(changed(["old", "old", "new"]), ["--bins", "--lib", "--tests"]);
    }

    #[test]
    fn failed_tests_are_read_from_what_cargo_prints() {
        let output = "test a::tests::one ... ok\ntest a::tests::two ... FAILED\n\nfailures:\n    a::tests::two\n";
        assert_eq!(failed_in(output), BTreeSet::from(["a::tests::two".to_string()]));
        let output = "    Summary [   9.122s] 228 tests run: 226 passed, 2 failed, 0 skipped\n        FAIL [   0.031s] \
                      (  1/228) ch04_router a::tests::two\n        FAIL [   4.434s] (2/228) ch04_router::routes three\n";
        let expected = ["a::tests::two", "three"].map(str::to_string);
        assert_eq!(failed_in(output), BTreeSet::from(expected));
    }
}
