//! The patches of exercises, made anew for files that have changed beneath them.
//!
//! A patch is the step from a chapter to a solution. The step is taken in the old files, the change is
//! merged into what comes out, and the step from the new files to that is the new patch.

use std::fs;

use super::merge::{self, Merged};
use super::{Report, Source, Touched};
use crate::exercise::{Base, Exercise};
use crate::patch::{Files, Patch};
use crate::ui;

/// Where a patched file with a conflict is put for a person to see, from the root.
const CONFLICTS: &str = "target/carry";

pub(super) fn carry(
    source: &Source<'_>,
    touched: &Touched,
    report: &mut Report,
) -> anyhow::Result<()> {
    for exercise in Exercise::all(source.workspace)? {
        let before = State { source, known: &touched.before };
        let after = State { source, known: &touched.after };
        // Wrong solutions may be steps from the right one, so that comes first.
        let old_solution = exercise.patch(source.workspace, "solution.patch")?;
        let new_solution =
            remake(&exercise, &old_solution, "solution.patch", [&before, &after], touched, report)?;
        for name in exercise.wrong(source.workspace)? {
            let wrong = exercise.patch(source.workspace, &name)?;
            match Base::of(&wrong)? {
                Base::Chapter => {
                    remake(&exercise, &wrong, &name, [&before, &after], touched, report)?;
                }
                Base::Solution => {
                    let Some(new_solution) = &new_solution else { continue };
                    let mut solved = [touched.before.clone(), touched.after.clone()];
                    solved[0].extend(old_solution.apply(|path| before.read(path))?);
                    solved[1].extend(new_solution.apply(|path| after.read(path))?);
                    let [old, new] = &solved;
                    let sides = [&State { source, known: old }, &State { source, known: new }];
                    remake(&exercise, &wrong, &name, sides, touched, report)?;
                }
            }
        }
    }
    Ok(())
}

/// The files of the repository, with those that are known to have been, or to be, different.
struct State<'a> {
    source: &'a Source<'a>,
    known: &'a Files,
}

impl State<'_> {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        match self.known.get(path) {
            Some(content) => content.clone(),
            None => fs::read(self.source.workspace.path(path)).ok(),
        }
    }
}

/// Makes one patch anew and writes it. Returns the patch that holds now; `None` when a person must decide.
fn remake(
    exercise: &Exercise,
    patch: &Patch,
    name: &str,
    [before, after]: [&State<'_>; 2],
    touched: &Touched,
    report: &mut Report,
) -> anyhow::Result<Option<Patch>> {
    let source = before.source;
    let stored = exercise.path(source.workspace, name);
    let shown = format!("{}/{name}", exercise.folder);
    if !patch.paths().iter().any(|path| touched.after.contains_key(path)) {
        return Ok(Some(patch.clone()));
    }
    let Ok(patched) = patch.apply(|path| before.read(path)) else {
        // Perhaps it was made anew already, by hand or by a run before this one.
        if patch.apply(|path| after.read(path)).is_ok() {
            return Ok(Some(patch.clone()));
        }
        report.conflicts.push(format!("{shown} fits neither the old nor the new files"));
        return Ok(None);
    };
    let (mut base, mut result) = (Files::new(), Files::new());
    for (path, solved) in patched {
        let (old, new) = (before.read(&path), after.read(&path));
        let labels = [shown.as_str(), "before the change", &path];
        let merged = merge::merge(solved.as_deref(), old.as_deref(), new.as_deref(), labels)?;
        base.insert(path.clone(), new);
        match merged {
            Merged::Same | Merged::Absent => result.insert(path, solved),
            Merged::Clean(content) => result.insert(path, content),
            Merged::Conflict(content) => {
                let place = format!("{CONFLICTS}/{path}");
                crate::patch::write(source.workspace.root(), &place, &content)?;
                report
                    .conflicts
                    .push(format!("{shown}: the solved file with both sides is {place}"));
                return Ok(None);
            }
            Merged::Undecided(why) => {
                report.conflicts.push(format!("{shown}: {path}: {why}"));
                return Ok(None);
            }
        };
    }
    let anew = Patch::between(&patch.lead, &base, &result)?;
    if anew != *patch {
        fs::write(&stored, anew.text())?;
        report.line(&format!("{shown} {}", ui::paint(ui::GOOD, "made anew")));
    }
    Ok(Some(anew))
}
