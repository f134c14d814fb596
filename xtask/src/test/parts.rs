//! The parts, in the order in which they start. Parts that take long or that other parts wait for come first, and those
//! that mostly wait run beside those that compute.

use std::collections::BTreeSet;

use super::command;
use super::part::{Outcome, Part, Run};
use super::{book, circles, lessons, output, portable, programs, text};
use crate::climb::prove as prove_climb;
use crate::exercise::Exercise;
use crate::process::{self, cargo_in};
use crate::prove::{self, Claims};
use crate::work_tree::work_tree;

/// Everything that CI runs.
pub(crate) const PARTS: &[Part] = &[
    Part { name: "fmt", about: "the code is formatted", after: &[], run: fmt },
    Part {
        name: "lessons",
        about: "a chapter changes only the files it teaches",
        after: &[],
        run: |run| lessons::check(&run.workspace),
    },
    Part {
        name: "circles",
        about: "modules do not import each other in a circle",
        after: &[],
        run: |run| circles::check(&run.workspace),
    },
    Part {
        name: "spelling",
        about: "no word is misspelt, in code, comments and pages",
        after: &[],
        run: text::spelling,
    },
    Part {
        name: "build",
        about: "everything compiles, tests and examples too",
        after: &[],
        run: build,
    },
    Part {
        name: "exercises",
        about: "each exercise finds what is wrong, and only that",
        after: &["build"],
        run: exercises,
    },
    Part {
        name: "book",
        about: "listings, pictures and links of the book, also in a browser",
        after: &["build"],
        run: book::pages,
    },
    Part {
        name: "climb",
        about: "each step, chapter and famous mistake passes and fails the stages that it should",
        after: &["build"],
        run: climb,
    },
    Part {
        name: "tests",
        about: "unit, wire and documentation tests of all crates",
        after: &["build"],
        run: programs::tests,
    },
    Part {
        name: "clippy",
        about: "no warnings, from the compiler or from clippy",
        // It links the dependencies that `build` has compiled.
        after: &["build"],
        run: clippy,
    },
    Part {
        name: "foreign",
        about: "everything compiles for macOS and Windows",
        after: &["clippy"],
        run: portable::foreign,
    },
    Part {
        name: "page",
        about: "the wire tables have the same responses in a page as over a socket",
        after: &["build"],
        run: book::rows,
    },
    Part {
        name: "transcripts",
        about: "what the book says you see is what you see",
        after: &["build"],
        run: book::transcripts,
    },
    Part {
        name: "portable",
        about: "the tests of final as macOS and Windows run it, above mio, and with its feature redis",
        after: &["build"],
        run: portable::with_mio,
    },
    Part {
        name: "doc",
        about: "no broken links in the documentation",
        after: &["clippy"],
        run: doc,
    },
    Part {
        name: "poll",
        about: "its tests of readiness above poll(2), which is most like Windows",
        after: &["build"],
        run: portable::with_poll,
    },
    Part {
        name: "coverage",
        about: "the book shows every line that a chapter adds",
        after: &["build"],
        run: book::coverage,
    },
    Part {
        name: "ladder",
        about: "no chapter breaks a rule that one before it keeps",
        after: &["build"],
        run: ladder,
    },
    Part { name: "fuzz", about: "the fuzz targets compile", after: &["clippy"], run: fuzz },
    Part {
        name: "loom",
        about: "the queue and the engine in every order of events",
        after: &[],
        run: loom,
    },
];

/// Parts that run only if they are named, because they depend on more than the files.
pub(crate) const OPTIONAL: &[Part] = &[Part {
    name: "external-links",
    about: "links that lead out of the book; only if it is named, because it needs the network",
    after: &[],
    run: text::external_links,
}];

fn fmt(run: &Run) -> anyhow::Result<Outcome> {
    command::run(&mut cargo_in(&run.workspace, &["fmt", "--all", "--check"]))
}

fn build(run: &Run) -> anyhow::Result<Outcome> {
    command::run(&mut cargo_in(
        &run.workspace,
        &["build", "--quiet", "--workspace", "--all-targets"],
    ))
}

fn ladder(run: &Run) -> anyhow::Result<Outcome> {
    command::run(process::bin(&run.workspace, "ladder").arg("--check"))
}

fn climb(run: &Run) -> anyhow::Result<Outcome> {
    if cfg!(not(unix)) {
        return Ok(Outcome::Skipped("there are no signals here, which the stages use".to_string()));
    }
    let proof = prove_climb::prove(&run.workspace, None, &|_| ())?;
    let mut problems = proof.problems;
    problems.extend(prove_climb::out_of_date(&run.workspace, &proof.page));
    if problems.is_empty() {
        return Ok(Outcome::passed(format!("{} claims about stages", proof.good)));
    }
    let repeat = "to repeat only that: cargo xtask prove-climb";
    Ok(Outcome::Failed(format!("{}\n{repeat}\n", problems.join("\n"))))
}

fn clippy(run: &Run) -> anyhow::Result<Outcome> {
    let workspace = &run.workspace;
    let target = portable::checked_target(run)?;
    let is_wanted =
        |package: &String| run.scope.as_ref().is_none_or(|scope| scope.packages.contains(package));
    let clippy = |targets: &[String]| {
        let mut command = cargo_in(workspace, &["clippy", "--quiet"]);
        match &run.scope {
            Some(scope) => command.args(scope.packages.iter().flat_map(|name| ["--package", name])),
            None => command.arg("--workspace"),
        };
        command.env("CARGO_TARGET_DIR", &target);
        command::run(command.args(targets).args(["--", "-D", "warnings"]))
    };
    let outcome = clippy(&["--all-targets".to_string()])?;
    if outcome.is_failure() {
        return Ok(outcome);
    }
    // The checks of the exercises are not tests of their chapter, so `--all-targets` does not include them, and with
    // that option cargo ignores their names.
    let mut exercises = Exercise::all(workspace)?;
    exercises.retain(|exercise| is_wanted(&exercise.chapter.package));
    let checks: Vec<String> =
        exercises.iter().map(|exercise| format!("--test={}", exercise.target())).collect();
    if checks.is_empty() { Ok(outcome) } else { clippy(&checks) }
}

fn loom(run: &Run) -> anyhow::Result<Outcome> {
    let workspace = &run.workspace;
    let args = ["test", "--quiet", "--tests", "--manifest-path", "xtask/models/Cargo.toml"];
    let mut command = cargo_in(workspace, &args);
    command.env("CARGO_TARGET_DIR", workspace.target().join("models"));
    let finished = process::captured(&mut command)?;
    let [passed, ..] = output::count(&finished.output);
    Ok(match command::outcome(&command, &finished) {
        Outcome::Passed { .. } if passed == 0 => {
            Outcome::Failed("xtask/models has no test\n".to_string())
        }
        Outcome::Passed { .. } => Outcome::passed(format!("{passed} models")),
        other => other,
    })
}

fn fuzz(run: &Run) -> anyhow::Result<Outcome> {
    let manifest = "xtask/fuzz/Cargo.toml";
    let args = ["check", "--quiet", "--locked", "--bins", "--manifest-path", manifest];
    let mut command = cargo_in(&run.workspace, &args);
    // Nothing is linked, so neither libFuzzer nor a C++ compiler is needed.
    command.env("CUSTOM_LIBFUZZER_PATH", "/none/libnone.a");
    command::run(command.env("CARGO_TARGET_DIR", portable::checked_target(run)?))
}

fn doc(run: &Run) -> anyhow::Result<Outcome> {
    let args = ["doc", "--quiet", "--workspace", "--no-deps", "--document-private-items"];
    let mut command = cargo_in(&run.workspace, &args);
    command.env("CARGO_TARGET_DIR", portable::checked_target(run)?);
    command::run(command.env("RUSTDOCFLAGS", "-D warnings"))
}

fn exercises(run: &Run) -> anyhow::Result<Outcome> {
    let workspace = &run.workspace;
    let mut chosen: Vec<(Exercise, Claims)> = Vec::new();
    for exercise in Exercise::all(workspace)? {
        let claims = match &run.scope {
            None => Claims::All,
            Some(scope) if scope.exercises.contains(&exercise.number) => Claims::All,
            Some(scope) if scope.solutions.contains(&exercise.number) => Claims::RightSolutions,
            Some(_) => continue,
        };
        chosen.push((exercise, claims));
    }
    if chosen.is_empty() {
        return Ok(Outcome::Skipped("there are no exercises yet".to_string()));
    }
    let tree = work_tree(workspace)?;
    let proof = prove::prove(workspace, &chosen, &tree, |_| ())?;
    if !proof.bad.is_empty() {
        let lines: String = proof.bad.iter().map(|(_, line)| line.as_str()).collect();
        let numbers: BTreeSet<String> =
            proof.bad.iter().map(|(number, _)| number.to_string()).collect();
        let numbers = numbers.into_iter().collect::<Vec<_>>().join(" ");
        let repeat = format!("to repeat only that: cargo xtask prove-exercises {numbers}\n");
        return Ok(Outcome::Failed(format!("{lines}{repeat}")));
    }
    Ok(Outcome::passed(format!("{} claims about {} exercises", proof.good, chosen.len())))
}
