//! Which stage is meant, or comes next.

use anyhow::Context;
use wire::climb::{Scheme, Stage};

use super::target::Target;
use crate::progress::Progress;
use crate::workspace::Workspace;

/// The stage with this number or name.
pub(super) fn find(all: &[Stage], called: &str) -> anyhow::Result<Stage> {
    let same = |stage: &&Stage| stage.name == called || stage.number.to_string() == called;
    all.iter().find(same).copied().with_context(|| {
        format!("there is no stage `{called}`: `cargo xtask climb --list` lists all stages")
    })
}

/// The stages for this server that the reader has not completed. `scheme` is its kind, if it is known.
pub(super) fn open(
    workspace: &Workspace,
    target: &Target,
    all: &[Stage],
    scheme: Option<Scheme>,
) -> anyhow::Result<Vec<Stage>> {
    let mut progress = Progress::load(workspace)?;
    let mut open = all.to_vec();
    open.retain(|stage| {
        let fits = scheme.is_none_or(|scheme| stage.scheme == scheme);
        fits && (!target.is_own() || progress.is_open(stage.number, stage.name))
    });
    Ok(open)
}

#[cfg(test)]
mod tests {
    use wire::climb::stages;

    use super::*;

    #[test]
    fn a_stage_is_called_by_its_number_or_its_name() {
        let all = stages();
        assert_eq!(find(&all, "4").unwrap().name, "idle");
        assert_eq!(find(&all, "keep-alive").unwrap().number, 12);
        let error = find(&all, "99").unwrap_err();
        assert!(error.to_string().contains("climb --list"), "{error}");
    }
}
