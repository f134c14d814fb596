//! A claim about an exercise: which files are checked, and which checks pass.

use std::path::PathBuf;

use anyhow::bail;

use crate::check::{self, Checked, Ended, build, runner};
use crate::exercise::{Base, Exercise};
use crate::patch::Patch;
use crate::sandbox::Sandbox;
use crate::workspace::Workspace;

/// A claim about an exercise.
pub(super) struct Claim {
    /// `starter`, `solution`, `wrong/local_time.patch`
    pub name: String,
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

/// All claims about an exercise, but the claim about the tests of its chapter.
pub(super) fn claims(workspace: &Workspace, exercise: &Exercise) -> anyhow::Result<Vec<Claim>> {
    if !workspace.path(&exercise.folder).is_dir() {
        bail!("the files that are proved have no such directory");
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
    /// Whether it is about a right solution.
    pub(super) fn is_right(&self) -> bool {
        matches!(self.expected, Expected::AllPass)
    }

    /// Tests the claim, with the `checks` if they are built already. The error is the reason why the claim does not
    /// hold.
    pub(super) fn verdict(
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
        let run = |only| {
            let mut command = check::command(&place, exercise, &built, None, only)?;
            runner::run(&mut command, check::LIMIT, |_| ())
        };
        if let Expected::CaughtBy(sentence) = &self.expected {
            // Run only this check first. The results of other checks do not matter, and they may take long.
            let (all, ended) = run(Some(sentence))?;
            let caught = judge(&self.expected, &all, &ended);
            if caught.is_ok() {
                return caught;
            }
        }
        let (all, ended) = run(None)?;
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
        let one = |&(sentence, passes): &(&str, bool)| {
            Checked::of(sentence, (!passes).then(|| Failure::new("a", "b")))
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
