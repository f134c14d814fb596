//! Checks the effect of a correct solution on the chapter's own tests. It breaks exactly the tests that the task lists,
//! and all tests pass with the changes in the reference solution.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context, bail};

use crate::check::build::Place;
use crate::exercise::Exercise;
use crate::patch::Patch;
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
    let tests = format!("{}/tests/", exercise.chapter.folder);
    let changed = apply_without_tests(&copy, sandbox, &solution, &tests)?;
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
    if !changed.is_empty() {
        for (path, solved) in &changed {
            fs::write(copy.path(path), solved)?;
        }
        let failed = failures(&place, exercise, &programs_with(changed.keys(), &tests))?;
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

/// Applies the solution, but keeps the chapter's tests. Returns the files in which the solution changes tests, with its
/// own content.
fn apply_without_tests(
    copy: &Workspace,
    sandbox: &Sandbox,
    solution: &Patch,
    tests: &str,
) -> anyhow::Result<BTreeMap<String, String>> {
    let read = |path: &str| fs::read_to_string(copy.path(path));
    let paths = solution.paths().into_iter();
    // The tests in a new file are the solution's.
    let shipped: Vec<_> = paths.filter_map(|path| Some((read(&path).ok()?, path))).collect();
    sandbox.apply(solution)?;
    let mut changed = BTreeMap::new();
    for (shipped, path) in shipped {
        let solved = read(&path).with_context(|| path.clone())?;
        let mixed =
            if path.starts_with(tests) { shipped } else { with_tests_of(&shipped, &solved) };
        if mixed != solved {
            fs::write(copy.path(&path), mixed)?;
            changed.insert(path, solved);
        }
    }
    Ok(changed)
}

/// The code of the solution with the chapter's unchanged tests.
fn with_tests_of(shipped: &str, solved: &str) -> String {
    match (shipped.split_once(TESTS), solved.split_once(TESTS)) {
        (Some((_, tests)), Some((code, _))) => format!("{code}{TESTS}{tests}"),
        _ => solved.to_string(),
    }
}

/// The test programs, as arguments of cargo, that contain these files. All programs test the same code, so the rest
/// would pass or fail as before.
fn programs_with<'a>(changed: impl Iterator<Item = &'a String>, tests: &str) -> Vec<String> {
    let mut programs = BTreeSet::new();
    for path in changed {
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
        let file = |code: &str, test: &str| format!("{code}\n#[cfg(test)]\nmod tests {{{test}}}\n");
        let mixed = with_tests_of(&file("old", "old"), &file("new", "new"));
        assert_eq!(mixed, file("new", "old"));
        assert_eq!(with_tests_of("old", &file("new", "new")), file("new", "new"));
    }

    #[test]
    fn only_programs_with_a_changed_file_are_run_again() {
        for (path, programs) in [
            ("c/src/a.rs", &["--bins", "--lib"][..]),
            ("c/tests/t.rs", &["--test=t"]),
            ("c/tests/support/mod.rs", &["--bins", "--lib", "--tests"]),
        ] {
            assert_eq!(programs_with([path.to_string()].iter(), "c/tests/"), programs);
        }
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
