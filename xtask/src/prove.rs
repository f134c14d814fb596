//! `cargo xtask prove-exercises`: the checks of every exercise fail on the chapter as it is shipped, pass
//! with the reference solution and with each right one of another design, and catch every wrong solution.

use std::process::ExitCode;

use anyhow::bail;

use crate::check::{self, Checked, Ended, build};
use crate::exercise::{Base, Exercise};
use crate::git::Git;
use crate::patch::Patch;
use crate::sandbox::Sandbox;
use crate::ui;
use crate::workspace::Workspace;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only these exercises, by number or name
    exercises: Vec<String>,
    /// Prove what is in your files, not what is committed
    #[arg(long)]
    work_tree: bool,
}

pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    let mut exercises = Vec::new();
    for called in &args.exercises {
        exercises.push(Exercise::find(workspace, called)?);
    }
    if exercises.is_empty() {
        exercises = Exercise::all(workspace)?;
    }
    let revision = if args.work_tree { work_tree(workspace)? } else { "HEAD".to_string() };
    let proof = prove(workspace, &exercises, &revision, ui::print)?;
    ui::print(&format!("\n{} proved, {} not\n", proof.good, proof.bad));
    Ok(if proof.bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// How many claims hold, and how many do not.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Proof {
    pub good: usize,
    pub bad: usize,
}

/// Proves exercises as they are in a commit or tree, and says a line for each claim.
pub(crate) fn prove(
    workspace: &Workspace,
    exercises: &[Exercise],
    revision: &str,
    mut say: impl FnMut(&str),
) -> anyhow::Result<Proof> {
    let mut proof = Proof::default();
    let marks = ui::marks();
    for exercise in exercises {
        let sandbox = Sandbox::open(workspace, revision)?;
        let copy = Workspace::at(&sandbox.place(true).root)?;
        let claims = match claims(&copy, exercise) {
            Ok(claims) => claims,
            Err(error) => {
                proof.bad += 1;
                let mark = ui::paint(ui::BAD, marks.bad);
                say(&format!("{mark} {}: {error:#}\n", exercise.name));
                continue;
            }
        };
        for claim in claims {
            let verdict = sandbox.restore().and_then(|()| claim.verdict(&sandbox, exercise));
            let (style, mark, words) = match verdict {
                Ok(words) => (ui::GOOD, marks.good, words),
                Err(error) => (ui::BAD, marks.bad, format!("{error:#}")),
            };
            if style == ui::GOOD {
                proof.good += 1;
            } else {
                proof.bad += 1;
            }
            say(&format!("{} {} {}: {words}\n", ui::paint(style, mark), exercise.name, claim.name));
        }
    }
    Ok(proof)
}

/// The files as they are now, as a tree of git: nothing else about the repository changes.
fn work_tree(workspace: &Workspace) -> anyhow::Result<String> {
    let folder = tempfile::tempdir()?;
    let git = Git::with_index(workspace.root(), &folder.path().join("index"), workspace.root())?;
    git.run(&["read-tree", "HEAD"])?;
    git.run(&["add", "--all"])?;
    Ok(String::from_utf8_lossy(&git.run(&["write-tree"])?).trim().to_string())
}

/// One thing that must be so.
struct Claim {
    /// `starter`, `solution`, `wrong/local_time.patch`
    name: String,
    /// What makes the files from those of the chapter.
    patches: Vec<Patch>,
    expected: Expected,
}

enum Expected {
    SomeFail,
    AllPass,
    /// The check of this sentence fails.
    CaughtBy(String),
}

fn claims(workspace: &Workspace, exercise: &Exercise) -> anyhow::Result<Vec<Claim>> {
    if !workspace.path(&exercise.folder).is_dir() {
        bail!("it is not committed; `cargo xtask prove-exercises --work-tree` takes your files");
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
    /// Tries it. The error says why the claim does not hold.
    fn verdict(&self, sandbox: &Sandbox, exercise: &Exercise) -> anyhow::Result<String> {
        for patch in &self.patches {
            sandbox.apply(patch)?;
        }
        let place = sandbox.place(true);
        let built = match build::build(&place, exercise)? {
            Ok(built) => built,
            Err(said) => bail!("it does not compile\n{said}"),
        };
        if let Expected::CaughtBy(sentence) = &self.expected {
            // The others may say of it what they like, and take their time for that.
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
        Ended::Done => {}
        Ended::TimedOut { seconds, during } => {
            bail!("not done after {seconds} s, during: {}", during.as_deref().unwrap_or("no check"))
        }
        Ended::NoServer(failure) => bail!("the server did not start: {}", failure.got),
        Ended::Early { status, said, .. } => bail!("the checks broke off ({status})\n{said}"),
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
