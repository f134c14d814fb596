//! The patches of exercises, rebuilt when the files that they patch have changed.
//!
//! A patch leads from a chapter to a solution. It is applied to the old files, the change is merged into the solved
//! files, and the difference between the new files and the merged ones is the new patch. After a conflict the solved file
//! with both sides is in the directory `.carry`, and the patch is built from the edited file.

use super::journal::FOLDER;
use super::plan::{Outcome, Plan, Sides};
use crate::disk;
use crate::exercise::{Base, Exercise};
use crate::patch::{Files, Patch};
use crate::ui;

/// Files before and after the change.
type Change = [Files; 2];

/// The result for one patch.
enum Rebuilt {
    /// The files that it touches have not changed.
    Untouched,
    /// It fits the new files.
    New(Patch),
    /// A person must decide, about it or about a file that it is for.
    Waiting,
}

/// Rebuilds the patches of all exercises.
pub(super) fn carry(plan: &mut Plan<'_>) -> anyhow::Result<()> {
    for exercise in Exercise::all(plan.source.workspace)? {
        Rebuilder { plan: &mut *plan, exercise: &exercise }.all()?;
    }
    Ok(())
}

struct Rebuilder<'p, 'a> {
    plan: &'p mut Plan<'a>,
    exercise: &'p Exercise,
}

impl Rebuilder<'_, '_> {
    fn all(&mut self) -> anyhow::Result<()> {
        let workspace = self.plan.source.workspace;
        let shipped = self.plan.touched.clone();
        // Wrong solutions may be steps from the right one, so that comes first.
        let solution = self.rebuild("solution.patch", &shipped)?;
        for name in self.exercise.alternatives(workspace)? {
            self.rebuild(&name, &shipped)?;
        }
        let solved = match &solution {
            Rebuilt::New(patch) => Some(self.solve(patch, &shipped)?),
            _ => None,
        };
        for name in self.exercise.wrong(workspace)? {
            let Some(wrong) = self.before(&name)? else { continue };
            match (Base::of(&wrong)?, &solution, &solved) {
                (Base::Chapter, ..) => drop(self.rebuild(&name, &shipped)?),
                (_, _, Some(solved)) => drop(self.rebuild(&name, solved)?),
                (_, Rebuilt::Waiting, _) => self.say(&name, ui::NOTE, "waits for the solution"),
                _ => {}
            }
        }
        Ok(())
    }

    /// Both sides with the solution in them.
    fn solve(&self, new: &Patch, shipped: &Change) -> anyhow::Result<Change> {
        let [mut before, mut after] = shipped.clone();
        // A person may have rebuilt the stored solution already: then the committed one fits the old files.
        let source = &self.plan.source;
        let committed = source.git.show(&source.revision, &self.path("solution.patch"))?;
        let committed = committed.map(|text| Patch::parse(&String::from_utf8_lossy(&text)));
        let mut old = [self.before("solution.patch")?, committed].into_iter().flatten();
        before.extend(old.find_map(|patch| self.applied(&patch, &shipped[0])).unwrap_or_default());
        after.extend(self.applied(new, &shipped[1]).unwrap_or_default());
        Ok([before, after])
    }

    /// The files that the patch makes of these; `None` when it does not fit.
    fn applied(&self, patch: &Patch, files: &Files) -> Option<Files> {
        patch.apply(|path| self.read(files, path)).ok()
    }

    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.exercise.folder)
    }

    /// The patch as it was before the first run.
    fn before(&self, name: &str) -> anyhow::Result<Option<Patch>> {
        let text = self.plan.before(&self.path(name))?;
        Ok(text.map(|text| Patch::parse(&String::from_utf8_lossy(&text))))
    }

    fn read(&self, known: &Files, path: &str) -> Option<Vec<u8>> {
        let on_disk = || disk::read(&self.plan.source.workspace.path(path)).ok().flatten();
        known.get(path).map_or_else(on_disk, Clone::clone)
    }

    fn say(&mut self, name: &str, style: anstyle::Style, what: &str) {
        let line = format!("{} {}", self.path(name), ui::paint(style, what));
        self.plan.line(&line);
    }

    /// Rebuilds one patch, if it touches a changed file.
    fn rebuild(&mut self, name: &str, [before, after]: &Change) -> anyhow::Result<Rebuilt> {
        let Some(stored) = self.before(name)? else { return Ok(Rebuilt::Untouched) };
        let paths = stored.paths();
        if paths.iter().any(|path| self.plan.waiting.contains(path)) {
            self.say(name, ui::NOTE, "waits for a file above");
            return Ok(Rebuilt::Waiting);
        }
        if !paths.iter().any(|path| after.contains_key(path)) {
            return Ok(Rebuilt::Untouched);
        }
        // A person may have rebuilt it by hand, before this run or since the last one.
        let path = self.path(name);
        let now = self.plan.now(&path)?;
        let edited = self.plan.decision(&path, &now).and(now);
        let edited = edited.map(|text| Patch::parse(&String::from_utf8_lossy(&text)));
        let is_decided = edited.is_some();
        let patch = edited.unwrap_or(stored);
        let solved = self.applied(&patch, before);
        if (is_decided || solved.is_none()) && self.applied(&patch, after).is_some() {
            return Ok(Rebuilt::New(patch));
        }
        let Some(solved) = solved else {
            let conflict = format!("{path} fits neither the old nor the new files; edit it");
            self.plan.conflicts.push(conflict);
            return Ok(Rebuilt::Waiting);
        };
        let [base, theirs] = [before, after].map(|files| {
            solved.keys().map(|path| (path.clone(), self.read(files, path))).collect::<Files>()
        });
        let sides = Sides { ours: solved, base, theirs: theirs.clone() };
        let labels = |file: &str| [path.as_str(), "before the change", file].map(String::from);
        let scratch = format!("{FOLDER}/{}/{name}", self.exercise.name);
        let outcomes = self.plan.merge(&scratch, sides, &labels)?;
        if outcomes.values().any(|(outcome, _)| *outcome == Outcome::Conflict) {
            return Ok(Rebuilt::Waiting);
        }
        let result = outcomes.into_iter().map(|(path, (_, content))| (path, content)).collect();
        self.write(name, Patch::between(&patch.lead, &theirs, &result)?, is_decided)
    }

    /// Plans the rebuilt patch, unless there is nothing left of it.
    fn write(&mut self, name: &str, rebuilt: Patch, is_decided: bool) -> anyhow::Result<Rebuilt> {
        let path = self.path(name);
        if rebuilt.diff.is_empty() {
            let conflict = format!("{path}: the change does already what this patch does; edit it");
            self.plan.conflicts.push(conflict);
            return Ok(Rebuilt::Waiting);
        }
        let text = rebuilt.text().into_bytes();
        if self.plan.now(&path)?.as_deref() != Some(&text[..]) {
            self.say(name, ui::GOOD, "made anew");
        }
        self.plan.write(&path, Some(text), is_decided)?;
        Ok(Rebuilt::New(rebuilt))
    }
}
