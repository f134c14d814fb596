//! `cargo xtask prove-exercises`: the checks of every exercise fail on the unchanged chapter, pass with the reference
//! solution and with each alternative solution, and catch every wrong solution. Also, the task lists the chapter's own
//! tests that a correct solution breaks.

mod chapter_tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;

use anyhow::bail;

use crate::check::{self, Checked, Ended, build};
use crate::exercise::{Base, Exercise};
use crate::patch::Patch;
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
    Ok(if proof.bad.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
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
    let lane = |number: usize, exercises: &[&(Exercise, Claims)]| -> anyhow::Result<Proof> {
        let mut proof = Proof::default();
        for (exercise, chosen) in exercises {
            let sandbox = Sandbox::open(workspace, number, tree)?;
            let one = prove_one(&sandbox, exercise, *chosen, &say)?;
            proof.good += one.good;
            proof.bad.extend(one.bad);
        }
        Ok(proof)
    };
    let proofs: Vec<anyhow::Result<Proof>> = thread::scope(|scope| {
        let lane = &lane;
        let lanes: Vec<_> = lanes
            .values()
            .enumerate()
            .map(|(number, exercises)| scope.spawn(move || lane(number, exercises)))
            .collect();
        let panicked = |_| Err(anyhow::anyhow!("a lane panicked"));
        lanes.into_iter().map(|lane| lane.join().unwrap_or_else(panicked)).collect()
    });
    let mut sum = Proof::default();
    for proof in proofs {
        let proof = proof?;
        sum.good += proof.good;
        sum.bad.extend(proof.bad);
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
                Claims::RightSolutions => matches!(claim.expected, Expected::AllPass),
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

/// A claim about an exercise.
struct Claim {
    /// `starter`, `solution`, `wrong/local_time.patch`
    name: String,
    /// The patches that turn the chapter's files into the tested files.
    patches: Vec<Patch>,
    expected: Expected,
}

enum Expected {
    SomeFail,
    AllPass,
    /// The check with this sentence fails.
    CaughtBy(String),
}

fn claims(workspace: &Workspace, exercise: &Exercise) -> anyhow::Result<Vec<Claim>> {
    if !workspace.path(&exercise.folder).is_dir() {
        bail!("the commit that is proved has no such folder");
    }
    let solution = exercise.patch(workspace, "solution.patch")?;
    let mut claims = vec![
        Claim { name: "starter".to_string(), patches: vec![], expected: Expected::SomeFail },
        Claim {
            name: "solution".to_string(),
            patches: vec![solution.clone()],
            expected: Expected::AllPass,
        },
    ];
    for name in exercise.alternatives(workspace)? {
        let patches = vec![exercise.patch(workspace, &name)?];
        claims.push(Claim { name, patches, expected: Expected::AllPass });
    }
    let names = exercise.wrong(workspace)?;
    if names.len() < 3 {
        bail!("{}/wrong has fewer than three patches", exercise.folder);
    }
    for name in names {
        let patch = exercise.patch(workspace, &name)?;
        let Some(sentence) = patch.told("Caught-by").map(String::from) else {
            bail!(
                "{}/{name}: the first line must be `Caught-by: ` and the sentence of a check",
                exercise.folder
            );
        };
        let patches = match Base::of(&patch)? {
            Base::Chapter => vec![patch],
            Base::Solution => vec![solution.clone(), patch],
        };
        claims.push(Claim { name, patches, expected: Expected::CaughtBy(sentence) });
    }
    Ok(claims)
}

impl Claim {
    /// Tests the claim, with the `checks` if they are built already. The error is the reason why the claim does not
    /// hold.
    fn verdict(
        &self,
        sandbox: &Sandbox,
        exercise: &Exercise,
        checks: &mut Option<PathBuf>,
    ) -> anyhow::Result<String> {
        for patch in &self.patches {
            sandbox.apply(patch)?;
        }
        let place = sandbox.place(true);
        let built = match build::build(&place, exercise, checks.as_deref())? {
            Ok(built) => built,
            Err(said) => bail!("it does not compile\n{said}"),
        };
        *checks = Some(built.checks.clone());
        if let Expected::CaughtBy(sentence) = &self.expected {
            // Run only this check first. The results of other checks do not matter, and they may take long.
            let (all, ended) = check::check_only(&place, exercise, &built, Some(sentence))?;
            let caught = judge(&self.expected, &all, &ended);
            if caught.is_ok() {
                return caught;
            }
        }
        let (all, ended) = check::check_only(&place, exercise, &built, None)?;
        judge(&self.expected, &all, &ended)
    }
}

fn judge(expected: &Expected, all: &[Checked], ended: &Ended) -> anyhow::Result<String> {
    match ended {
        // Both outcomes count: a run gives up only after two checks have timed out.
        Ended::Done | Ended::GaveUp { .. } => {}
        Ended::TimedOut { seconds, during } => {
            bail!("not done after {seconds} s, during: {}", during.as_deref().unwrap_or("no check"))
        }
        Ended::NoServer(failure) => bail!("the server did not start: {}", failure.got),
        Ended::Early { status, said, .. } => bail!("the checks ended early ({status})\n{said}"),
    }
    let failed: Vec<&Checked> = all.iter().filter(|checked| checked.failure.is_some()).collect();
    let (total, failures) = (all.len(), failed.len());
    match expected {
        Expected::SomeFail if failures == 0 => {
            bail!("all {total} checks pass, so nothing is asked for")
        }
        Expected::SomeFail => Ok(format!("fails {failures} of {total} checks")),
        Expected::AllPass => match failed.first() {
            None if total == 0 => bail!("there are no checks"),
            None => Ok(format!("passes {total} checks")),
            Some(checked) => {
                let failure = checked.failure.clone().unwrap_or_default();
                bail!("{}: expected {}, got {}", checked.sentence, failure.expected, failure.got)
            }
        },
        Expected::CaughtBy(sentence) => {
            if failed.iter().any(|checked| checked.sentence == *sentence) {
                return Ok(format!("caught by: {sentence}"));
            }
            let caught: Vec<&str> =
                failed.iter().map(|checked| checked.sentence.as_str()).collect();
            if all.iter().all(|checked| checked.sentence != *sentence) {
                bail!("there is no check `{sentence}`; it fails: {}", caught.join("; "));
            }
            bail!("not caught by: {sentence}; it fails: {}", caught.join("; "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::exercise::Failure;

    fn checked(results: &[(&str, bool)]) -> Vec<Checked> {
        let one = |&(sentence, passes): &(&str, bool)| Checked {
            sentence: sentence.to_string(),
            rule: String::new(),
            failure: (!passes).then(|| Failure::new("a", "b")),
            conversations: Vec::new(),
        };
        results.iter().map(one).collect()
    }

    fn verdict(expected: &Expected, results: &[(&str, bool)]) -> Result<String, String> {
        judge(expected, &checked(results), &Ended::Done).map_err(|error| error.to_string())
    }

    #[test]
    fn a_starter_must_fail_and_a_solution_must_pass() {
        let mixed = [("one", true), ("two", false)];
        assert_eq!(verdict(&Expected::SomeFail, &mixed), Ok("fails 1 of 2 checks".to_string()));
        assert!(verdict(&Expected::SomeFail, &mixed[..1]).is_err());
        assert_eq!(verdict(&Expected::AllPass, &mixed[..1]), Ok("passes 1 checks".to_string()));
        assert_eq!(verdict(&Expected::AllPass, &mixed), Err("two: expected a, got b".to_string()));
        assert!(verdict(&Expected::AllPass, &[]).is_err());
    }

    #[test]
    fn a_wrong_solution_must_fail_the_check_it_names() {
        let mixed = [("one", true), ("two", false)];
        let caught_by = |sentence: &str| verdict(&Expected::CaughtBy(sentence.to_string()), &mixed);
        assert_eq!(caught_by("two"), Ok("caught by: two".to_string()));
        assert_eq!(caught_by("one"), Err("not caught by: one; it fails: two".to_string()));
        assert_eq!(caught_by("three"), Err("there is no check `three`; it fails: two".to_string()));
    }

    #[test]
    fn checks_that_do_not_end_prove_nothing() {
        let ended = Ended::TimedOut { seconds: 120, during: None };
        assert!(judge(&Expected::SomeFail, &checked(&[("one", false)]), &ended).is_err());
    }
}
