//! `cargo xtask prove-exercises`: the checks of every exercise fail on the unchanged chapter, pass with the reference
//! solution and with each alternative solution, and catch every wrong solution. Also, the task lists the chapter's own
//! tests that a correct solution breaks.

mod chapter_tests;
mod claim;
mod expected;

use std::collections::BTreeMap;
use std::process::ExitCode;

use self::claim::claims;
pub(crate) use self::expected::Expected;
use crate::check::report;
use crate::exercise::Exercise;
use crate::process;
use crate::sandbox::Sandbox;
use crate::ui;
use crate::work_tree::work_tree;
use crate::workspace::Workspace;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only these exercises, by number or name
    exercises: Vec<String>,
}

pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    let mut exercises = Vec::new();
    for called in &args.exercises {
        exercises.push(Exercise::find(workspace, called)?);
    }
    if exercises.is_empty() {
        exercises = Exercise::all(workspace)?;
    }
    let chosen: Vec<_> = exercises.into_iter().map(|exercise| (exercise, Claims::All)).collect();
    let proof = prove(workspace, &chosen, &work_tree(workspace)?, ui::print)?;
    ui::print(&format!("\n{} proved, {} not\n", proof.good, proof.bad.len()));
    Ok(process::exit(proof.bad.is_empty()))
}

/// The claims about an exercise to prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claims {
    All,
    /// The reference solution and the alternative solutions.
    RightSolutions,
}

/// The number of claims that hold, and the claims that do not.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Proof {
    pub good: usize,
    /// The number of the exercise, and the reason why the claim does not hold.
    pub bad: Vec<(u8, String)>,
}

/// Proves the exercises as they are in a git tree, and reports a line for each claim. Each chapter has a copy of the
/// repository, so its tests and dependencies are compiled once. Several chapters are proved in parallel, because the
/// checks wait for the server half of the time.
pub(crate) fn prove(
    workspace: &Workspace,
    exercises: &[(Exercise, Claims)],
    tree: &str,
    say: impl Fn(&str) + Sync,
) -> anyhow::Result<Proof> {
    let mut lanes: BTreeMap<&str, Vec<_>> = BTreeMap::new();
    for (exercise, chosen) in exercises {
        lanes.entry(&exercise.chapter.name).or_default().push((exercise, chosen));
    }
    let lanes: Vec<_> = lanes.into_values().collect();
    let lane = |number: usize| -> anyhow::Result<Proof> {
        let mut proof = Proof::default();
        for (exercise, chosen) in &lanes[number] {
            let sandbox = Sandbox::open(workspace, number, tree)?;
            prove_one(&sandbox, exercise, **chosen, &mut proof, &say)?;
        }
        Ok(proof)
    };
    let mut sum = Proof::default();
    for proof in wire::at_once(lanes.len(), lane) {
        let Proof { good, bad } = proof?;
        sum.good += good;
        sum.bad.extend(bad);
    }
    Ok(sum)
}

fn prove_one(
    sandbox: &Sandbox,
    exercise: &Exercise,
    chosen: Claims,
    proof: &mut Proof,
    say: &impl Fn(&str),
) -> anyhow::Result<()> {
    let copy = Workspace::at(&sandbox.place(true).root)?;
    let mut tell = |name: &str, verdict: anyhow::Result<String>| {
        let line = line(&format!("{} {name}", exercise.name), &verdict);
        say(&line);
        match verdict {
            Ok(_) => proof.good += 1,
            Err(_) => proof.bad.push((exercise.number, line)),
        }
    };
    let claims = match claims(&copy, exercise) {
        Ok(claims) => claims,
        Err(error) => {
            tell("not proved", Err(error));
            return Ok(());
        }
    };
    // No solution changes the checks, so the first claim builds them for all.
    let mut checks = None;
    for claim in claims.iter().filter(|claim| chosen == Claims::All || claim.is_right()) {
        sandbox.restore()?;
        tell(&claim.name, claim.verdict(sandbox, exercise, &mut checks));
    }
    if chosen == Claims::All {
        sandbox.restore()?;
        tell("tests of the chapter", chapter_tests::verdict(sandbox, exercise));
    }
    Ok(())
}

/// A line about a claim, with its verdict.
pub(crate) fn line(about: &str, verdict: &anyhow::Result<String>) -> String {
    let mark = report::mark(verdict.is_ok(), ui::marks());
    match verdict {
        Ok(words) => format!("{mark} {about}: {words}\n"),
        Err(error) => format!("{mark} {about}: {error:#}\n"),
    }
}
