//! A claim about an exercise: which files are checked, and which checks pass.

use std::path::PathBuf;

use anyhow::bail;

use super::expected::Expected;
use crate::check::{build, runner};
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
        let verdict = |only| {
            let mut command = built.command(&place, exercise, None, only)?;
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
