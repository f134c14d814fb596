//! `cargo xtask prove-exercises`: the checks of every exercise fail on the unchanged chapter, pass with the reference
//! solution and with each alternative solution, and catch every wrong solution. Also, the task lists the chapter's own
//! tests that a correct solution breaks.

mod chapter_tests;
mod claim;

use std::collections::BTreeMap;
use std::process::ExitCode;

use self::claim::{Claim, claims};
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
    /// Prove this commit instead of the current files
    #[arg(long, value_name = "REV")]
    revision: Option<String>,
    /// Only list the chapter's own tests that a right solution breaks
    #[arg(long)]
    chapter_tests: bool,
}

pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    let mut exercises = Vec::new();
    for called in &args.exercises {
        exercises.push(Exercise::find(workspace, called)?);
    }
    if exercises.is_empty() {
        exercises = Exercise::all(workspace)?;
    }
    let tree = match &args.revision {
        Some(revision) => workspace.git().tree(revision)?,
        None => work_tree(workspace)?,
    };
    let claims = if args.chapter_tests { Claims::ChapterTests } else { Claims::All };
    let chosen: Vec<_> = exercises.into_iter().map(|exercise| (exercise, claims)).collect();
    let proof = prove(workspace, &chosen, &tree, ui::print)?;
    ui::print(&format!("\n{} proved, {} not\n", proof.good, proof.bad.len()));
    Ok(process::exit(proof.bad.is_empty()))
}

/// The claims about an exercise to prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claims {
    All,
    /// The reference solution and the alternative solutions.
    RightSolutions,
    /// The task lists the chapter's own tests that a correct solution breaks.
    ChapterTests,
}

/// The number of claims that hold, and the claims that do not.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Proof {
    pub good: usize,
    /// The number of the exercise, and the reason why the claim does not hold.
    pub bad: Vec<(u8, String)>,
}

impl Proof {
    fn add(&mut self, other: Proof) {
        self.good += other.good;
        self.bad.extend(other.bad);
    }
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
    let mut lanes: BTreeMap<&str, Vec<&(Exercise, Claims)>> = BTreeMap::new();
    for chosen in exercises {
        lanes.entry(&chosen.0.chapter.name).or_default().push(chosen);
    }
    let lanes: Vec<_> = lanes.into_values().collect();
    let lane = |number: usize| -> anyhow::Result<Proof> {
        let mut proof = Proof::default();
        for (exercise, chosen) in &lanes[number] {
            let sandbox = Sandbox::open(workspace, number, tree)?;
            proof.add(prove_one(&sandbox, exercise, *chosen, &say)?);
        }
        Ok(proof)
    };
    let mut sum = Proof::default();
    for proof in wire::at_once(lanes.len(), lane) {
        sum.add(proof?);
    }
    Ok(sum)
}

fn prove_one(
    sandbox: &Sandbox,
    exercise: &Exercise,
    chosen: Claims,
    say: &impl Fn(&str),
) -> anyhow::Result<Proof> {
    let copy = Workspace::at(&sandbox.place(true).root)?;
    let (mut proof, marks) = (Proof::default(), ui::marks());
    let mut tell = |name: &str, verdict: anyhow::Result<String>| {
        let is_good = verdict.is_ok();
        let (style, mark) = if is_good { (ui::GOOD, marks.good) } else { (ui::BAD, marks.bad) };
        let words = verdict.unwrap_or_else(|error| format!("{error:#}"));
        let line = format!("{} {} {name}: {words}\n", ui::paint(style, mark), exercise.name);
        say(&line);
        if is_good {
            proof.good += 1;
        } else {
            proof.bad.push((exercise.number, line));
        }
    };
    match claims(&copy, exercise) {
        Err(error) => tell("not proved", Err(error)),
        Ok(claims) => {
            let wanted = |claim: &&Claim| match chosen {
                Claims::All => true,
                Claims::RightSolutions => claim.is_right(),
                Claims::ChapterTests => false,
            };
            // No solution changes the checks, so the first claim builds them for all.
            let mut checks = None;
            for claim in claims.iter().filter(wanted) {
                let verdict =
                    sandbox.restore().and_then(|()| claim.verdict(sandbox, exercise, &mut checks));
                tell(&claim.name, verdict);
            }
            if chosen != Claims::RightSolutions {
                let verdict =
                    sandbox.restore().and_then(|()| chapter_tests::verdict(sandbox, exercise));
                tell("tests of the chapter", verdict);
            }
        }
    }
    Ok(proof)
}
