//! The patches of exercises, made anew for files that have changed beneath them.
//!
//! A patch is the step from a chapter to a solution. The step is taken in the old files, the change is
//! merged into what comes out, and the step from the new files to that is the new patch. Where the merge
//! needs a person, the solved file with both sides is put into the folder `.carry`, and the patch is made
//! from what the person makes of it.

use super::journal::FOLDER;
use super::plan::{Outcome, Plan, Step};
use crate::disk;
use crate::exercise::{Base, Exercise};
use crate::patch::{Files, Patch};
use crate::ui;

/// Makes the patches anew.
pub(super) fn carry(plan: &mut Plan<'_>) -> anyhow::Result<()> {
    for exercise in Exercise::all(plan.source.workspace)? {
        Remaker { plan: &mut *plan, exercise: &exercise }.all()?;
    }
    Ok(())
}

/// The files of a chapter as they were and as they are, some of them solved.
struct Sides {
    before: Files,
    after: Files,
}

struct Remaker<'p, 'a> {
    plan: &'p mut Plan<'a>,
    exercise: &'p Exercise,
}

/// What has become of a patch.
enum Remade {
    /// The files that it touches are as they were.
    Untouched,
    /// It holds now.
    New(Patch),
    /// A person must decide, about it or about a file that it is for.
    Waiting,
}

impl Remaker<'_, '_> {
    fn all(&mut self) -> anyhow::Result<()> {
        let shipped = Sides {
            before: self.plan.touched.before.clone(),
            after: self.plan.touched.after.clone(),
        };
        // Wrong solutions may be steps from the right one, so that comes first.
        let old_solution = self.old_solution(&shipped)?;
        let solution = self.remake("solution.patch", &shipped)?;
        for name in self.exercise.alternatives(self.plan.source.workspace)? {
            if self.before(&name)?.is_some() {
                self.remake(&name, &shipped)?;
            }
        }
        for name in self.exercise.wrong(self.plan.source.workspace)? {
            let Some(wrong) = self.before(&name)? else { continue };
            if Base::of(&wrong)? == Base::Chapter {
                self.remake(&name, &shipped)?;
                continue;
            }
            let new_solution = match &solution {
                Remade::Untouched => continue,
                Remade::New(patch) => patch,
                Remade::Waiting => {
                    self.say(&name, ui::NOTE, "waits for the solution");
                    continue;
                }
            };
            let Some(old_solution) = &old_solution else { continue };
            let mut solved = Sides { before: shipped.before.clone(), after: shipped.after.clone() };
            let before = old_solution.apply(|path| self.read(&shipped.before, path));
            solved.before.extend(before.unwrap_or_default());
            solved.after.extend(new_solution.apply(|path| self.read(&shipped.after, path))?);
            self.remake(&name, &solved)?;
        }
        Ok(())
    }

    /// The solution that fits the old files: a person may have made the new one already.
    fn old_solution(&self, shipped: &Sides) -> anyhow::Result<Option<Patch>> {
        let source = &self.plan.source;
        let Some(stored) = self.before("solution.patch")? else { return Ok(None) };
        let fits = |patch: &Patch| patch.apply(|path| self.read(&shipped.before, path)).is_ok();
        if stored.diff.is_empty() || fits(&stored) {
            return Ok(Some(stored));
        }
        let committed = source.git.show(&source.revision, &self.path("solution.patch"))?;
        let committed = committed.map(|text| Patch::parse(&String::from_utf8_lossy(&text)));
        Ok(Some(committed.filter(fits).unwrap_or(stored)))
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

    /// Makes one patch anew.
    fn remake(&mut self, name: &str, sides: &Sides) -> anyhow::Result<Remade> {
        let Some(patch) = self.before(name)? else { return Ok(Remade::Untouched) };
        let path = self.path(name);
        let paths = patch.paths();
        if paths.iter().any(|path| self.plan.touched.waiting.contains(path)) {
            self.say(name, ui::NOTE, "waits for a file above");
            return Ok(Remade::Waiting);
        }
        if !paths.iter().any(|path| sides.after.contains_key(path)) {
            return Ok(Remade::Untouched);
        }
        // A person may have made it anew by hand, before this run or since the last one.
        let edited = self.plan.decision(&path)?.and_then(|(text, _)| text);
        let edited = edited.map(|text| Patch::parse(&String::from_utf8_lossy(&text)));
        let decided = edited.is_some();
        if let Some(edited) = &edited
            && edited.apply(|path| self.read(&sides.after, path)).is_ok()
        {
            return Ok(Remade::New(edited.clone()));
        }
        let patch = edited.unwrap_or(patch);
        let Ok(patched) = patch.apply(|path| self.read(&sides.before, path)) else {
            if patch.apply(|path| self.read(&sides.after, path)).is_ok() {
                return Ok(Remade::New(patch));
            }
            let conflict = format!("{path} fits neither the old nor the new files; edit it");
            self.plan.conflicts.push(conflict);
            return Ok(Remade::Waiting);
        };
        let (mut base, mut result) = (Files::new(), Files::new());
        let mut waiting = false;
        for (file, solved) in patched {
            let (old, new) = (self.read(&sides.before, &file), self.read(&sides.after, &file));
            base.insert(file.clone(), new.clone());
            match self.solved(name, &file, solved, [old, new])? {
                Some(content) => drop(result.insert(file, content)),
                None => waiting = true,
            }
        }
        if waiting {
            return Ok(Remade::Waiting);
        }
        let anew = Patch::between(&patch.lead, &base, &result)?;
        if anew.diff.is_empty() {
            let conflict = format!("{path}: the change does already what this patch does; edit it");
            self.plan.conflicts.push(conflict);
            return Ok(Remade::Waiting);
        }
        let text = anew.text().into_bytes();
        if self.plan.now(&path)?.as_deref() != Some(&text[..]) {
            self.say(name, ui::GOOD, "made anew");
        }
        self.plan.write(&path, text, None, decided)?;
        Ok(Remade::New(anew))
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
                // Nobody has to see it.
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
