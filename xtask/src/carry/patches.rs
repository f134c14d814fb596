//! The patches of exercises, rebuilt when the files that they patch have changed.
//!
//! A patch leads from a chapter to a solution. It is applied to the old files, the change is merged into the solved
//! files, and the difference between the new files and the merged ones is the new patch. After a conflict the solved file
//! with both sides is in the directory `.carry`, and the patch is built from the edited file.

use super::journal::FOLDER;
use super::plan::{Outcome, Plan, Step};
use crate::disk;
use crate::exercise::{Base, Exercise};
use crate::patch::{Files, Patch};
use crate::ui;

/// Rebuilds the patches of all exercises.
pub(super) fn carry(plan: &mut Plan<'_>) -> anyhow::Result<()> {
    for exercise in Exercise::all(plan.source.workspace)? {
        Rebuilder { plan: &mut *plan, exercise: &exercise }.all()?;
    }
    Ok(())
}

/// Files before and after the change.
struct Sides {
    before: Files,
    after: Files,
}

struct Rebuilder<'p, 'a> {
    plan: &'p mut Plan<'a>,
    exercise: &'p Exercise,
}

/// The result for one patch.
enum Rebuilt {
    /// The files that it touches have not changed.
    Untouched,
    /// It fits the new files.
    New(Patch),
    /// A person must decide, about it or about a file that it is for.
    Waiting,
}

impl Rebuilder<'_, '_> {
    fn all(&mut self) -> anyhow::Result<()> {
        let workspace = self.plan.source.workspace;
        let touched = &self.plan.touched;
        let shipped = Sides { before: touched.before.clone(), after: touched.after.clone() };
        // Wrong solutions may be steps from the right one, so that comes first.
        let solution = self.rebuild("solution.patch", &shipped)?;
        for name in self.exercise.alternatives(workspace)? {
            self.rebuild(&name, &shipped)?;
        }
        let mut solved = None;
        for name in self.exercise.wrong(workspace)? {
            let Some(wrong) = self.before(&name)? else { continue };
            if Base::of(&wrong)? == Base::Chapter {
                self.rebuild(&name, &shipped)?;
                continue;
            }
            match &solution {
                Rebuilt::Untouched => {}
                Rebuilt::Waiting => self.say(&name, ui::NOTE, "waits for the solution"),
                Rebuilt::New(patch) => {
                    if solved.is_none() {
                        solved = Some(self.solve(patch, &shipped)?);
                    }
                    if let Some(solved) = &solved {
                        self.rebuild(&name, solved)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Both sides with the solution in them.
    fn solve(&self, new: &Patch, shipped: &Sides) -> anyhow::Result<Sides> {
        let mut solved = Sides { before: shipped.before.clone(), after: shipped.after.clone() };
        if let Some(old) = self.old_solution(shipped)? {
            let before = old.apply(|path| self.read(&shipped.before, path));
            solved.before.extend(before.unwrap_or_default());
        }
        solved.after.extend(new.apply(|path| self.read(&shipped.after, path))?);
        Ok(solved)
    }

    /// The solution that fits the old files: a person may have rebuilt the stored one already.
    fn old_solution(&self, shipped: &Sides) -> anyhow::Result<Option<Patch>> {
        let source = &self.plan.source;
        let Some(stored) = self.before("solution.patch")? else { return Ok(None) };
        if self.fits(&stored, &shipped.before) {
            return Ok(Some(stored));
        }
        let committed = source.git.show(&source.revision, &self.path("solution.patch"))?;
        let committed = committed.map(|text| Patch::parse(&String::from_utf8_lossy(&text)));
        Ok(Some(committed.filter(|patch| self.fits(patch, &shipped.before)).unwrap_or(stored)))
    }

    fn fits(&self, patch: &Patch, files: &Files) -> bool {
        patch.apply(|path| self.read(files, path)).is_ok()
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
    fn rebuild(&mut self, name: &str, sides: &Sides) -> anyhow::Result<Rebuilt> {
        let Some(stored) = self.before(name)? else { return Ok(Rebuilt::Untouched) };
        let paths = stored.paths();
        if paths.iter().any(|path| self.plan.touched.waiting.contains(path)) {
            self.say(name, ui::NOTE, "waits for a file above");
            return Ok(Rebuilt::Waiting);
        }
        if !paths.iter().any(|path| sides.after.contains_key(path)) {
            return Ok(Rebuilt::Untouched);
        }
        // A person may have rebuilt it by hand, before this run or since the last one.
        let path = self.path(name);
        let now = self.plan.now(&path)?;
        let edited = self.plan.decision(&path, &now).and(now);
        let edited = edited.map(|text| Patch::parse(&String::from_utf8_lossy(&text)));
        let is_decided = edited.is_some();
        let patch = edited.unwrap_or(stored);
        if is_decided && self.fits(&patch, &sides.after) {
            return Ok(Rebuilt::New(patch));
        }
        let Ok(patched) = patch.apply(|path| self.read(&sides.before, path)) else {
            if self.fits(&patch, &sides.after) {
                return Ok(Rebuilt::New(patch));
            }
            let conflict = format!("{path} fits neither the old nor the new files; edit it");
            self.plan.conflicts.push(conflict);
            return Ok(Rebuilt::Waiting);
        };
        match self.solved_files(name, patched, sides)? {
            Some([base, result]) => {
                let rebuilt = Patch::between(&patch.lead, &base, &result)?;
                self.write(name, rebuilt, is_decided)
            }
            None => Ok(Rebuilt::Waiting),
        }
    }

    /// The files without and with the solution, both with the change; `None` when a person must decide.
    fn solved_files(
        &mut self,
        name: &str,
        patched: Files,
        sides: &Sides,
    ) -> anyhow::Result<Option<[Files; 2]>> {
        let (mut base, mut result) = (Files::new(), Files::new());
        let mut is_waiting = false;
        for (file, solved) in patched {
            let (old, new) = (self.read(&sides.before, &file), self.read(&sides.after, &file));
            base.insert(file.clone(), new.clone());
            match self.solved(name, &file, solved, [old, new])? {
                Some(content) => drop(result.insert(file, content)),
                None => is_waiting = true,
            }
        }
        Ok((!is_waiting).then_some([base, result]))
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
        self.plan.write(&path, text, None, is_decided)?;
        Ok(Rebuilt::New(rebuilt))
    }

    /// One solved file with the change in it; `None` when a person must decide.
    #[expect(clippy::option_option, reason = "a solution may delete a file")]
    fn solved(
        &mut self,
        name: &str,
        file: &str,
        solved: Option<Vec<u8>>,
        [old, new]: [Option<Vec<u8>>; 2],
    ) -> anyhow::Result<Option<Option<Vec<u8>>>> {
        let scratch = format!("{FOLDER}/{}/{name}/{file}", self.exercise.name);
        if old == new {
            return Ok(Some(solved));
        }
        let step = Step {
            path: &scratch,
            current: Some(solved.clone()),
            base: old,
            theirs: new,
            labels: [&self.path(name), "before the change", file],
        };
        Ok(match self.plan.settle(&step)? {
            Outcome::Same | Outcome::Absent => Some(solved),
            Outcome::Merged(content) => {
                // No person has to see the solved file.
                self.plan.entries.remove(&scratch);
                Some(content)
            }
            Outcome::Decided(content) => Some(content),
            Outcome::Conflict => {
                let conflict = format!(
                    "{}: the solved file with both sides is {scratch}; the patch is made of what you \
                     make of it",
                    self.path(name)
                );
                self.plan.conflicts.pop();
                self.plan.conflicts.push(conflict);
                None
            }
        })
    }
}
