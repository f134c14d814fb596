//! A claim about an exercise: which files are checked, and which checks pass.

use std::path::PathBuf;

use anyhow::{Context, bail};

use super::expected::Expected;
use crate::check::{Ended, Results, build, runner};
use crate::exercise::Exercise;
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

/// All claims about an exercise, but the claim about the tests of its chapter.
pub(super) fn claims(workspace: &Workspace, exercise: &Exercise) -> anyhow::Result<Vec<Claim>> {
    let patch = |name: &str| exercise.patch(workspace, name);
    let claim = |name: &str, patches, expected| Claim { name: name.to_string(), patches, expected };
    let solution = patch("solution.patch")?;
    let mut claims = vec![
        claim("starter", vec![], Expected::SomeFail),
        claim("solution", vec![solution.clone()], Expected::AllPass),
    ];
    for name in exercise.alternatives(workspace)? {
        claims.push(claim(&name, vec![patch(&name)?], Expected::AllPass));
    }
    let names = exercise.wrong(workspace)?;
    if names.len() < 3 {
        bail!("{}/wrong has fewer than three patches", exercise.folder);
    }
    for name in names {
        // The patch is only the mistake.
        let mistake = patch(&name)?;
        let caught_by = mistake.told("Caught-by").with_context(|| {
            format!(
                "{}/{name}: the first line must be `Caught-by: ` and the sentence of a check",
                exercise.folder
            )
        })?;
        let expected = Expected::CaughtBy(caught_by.to_string());
        claims.push(claim(&name, vec![solution.clone(), mistake], expected));
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
            Err(said) => return self.expected.judge(&Results::none(Ended::NotBuilt(said))),
        };
        *checks = Some(built.checks.clone());
        let verdict = |only| {
            let mut command = built.command(None, only)?;
            self.expected.judge(&runner::run(&mut command, build::LIMIT, |_| ())?)
        };
        if let Expected::CaughtBy(sentence) = &self.expected {
            // Run only this check first. The results of other checks do not matter, and they may take long.
            let caught = verdict(Some(sentence));
            if caught.is_ok() {
                return caught;
            }
        }
        verdict(None)
    }
}
