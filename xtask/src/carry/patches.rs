//! The patches of exercises, rebuilt when they no longer apply.
//!
//! A patch leads from a chapter to a solution. It is applied to the files before the change, the change is merged into the
//! solved files, and the difference between the new files and the merged ones is the new patch. After a conflict the
//! solved files are in the directory `.carry`, and the patch is built from what a person makes of them.

use super::plan::Plan;
use super::store::FOLDER;
use crate::exercise::Exercise;
use crate::merge::{self, Content};
use crate::patch::{Files, Patch};
use crate::ui;

/// The files that a patch may be for.
#[derive(Clone, Copy)]
enum Side {
    Now,
    /// Those that the last run has carried.
    Carried,
    /// Those before the change.
    Before,
}

const SIDES: [Side; 3] = [Side::Now, Side::Carried, Side::Before];

/// For each side, files in the place of the chapters' own: those that the solution makes.
type Overlay = [Files; 3];

/// Rebuilds the patches of all exercises.
pub(super) fn carry(plan: &mut Plan<'_>) -> anyhow::Result<()> {
    for exercise in Exercise::all(plan.workspace)? {
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
        let shipped = Overlay::default();
        // Wrong solutions are changes of the right one, so that comes first.
        let solution = self.rebuild("solution.patch", &shipped)?;
        for name in self.exercise.alternatives(self.plan.workspace)? {
            self.rebuild(&name, &shipped)?;
        }
        let solved = solution.map(|solution| self.solved(solution)).transpose()?;
        for name in self.exercise.wrong(self.plan.workspace)? {
            if !self.stored(&name)?.is_some_and(|patch| self.is_touched(&patch)) {
                continue;
            }
            match &solved {
                Some(solved) => drop(self.rebuild(&name, solved)?),
                None => self.say(&name, ui::NOTE, "waits for the solution"),
            }
        }
        Ok(())
    }

    /// The files that the solution makes, on each side.
    fn solved(&self, solution: Patch) -> anyhow::Result<Overlay> {
        let patches = [
            Some(solution),
            self.plan.carried(&self.path("solution.patch"))?.as_deref().map(parsed),
            self.plan.before(&self.path("solution.patch"))?.as_deref().map(parsed),
        ];
        let applied =
            |side: Side| self.applied(patches[side as usize].as_ref()?, side, &Overlay::default());
        Ok(SIDES.map(|side| applied(side).unwrap_or_default()))
    }

    /// The files that the patch makes of one side; `None` when it does not apply.
    fn applied(&self, patch: &Patch, side: Side, overlay: &Overlay) -> Option<Files> {
        patch.apply(|path| self.read(path, side, overlay)).ok()
    }

    fn read(&self, path: &str, side: Side, overlay: &Overlay) -> Content {
        if let Some(content) = overlay[side as usize].get(path) {
            return content.clone();
        }
        let shipped = match side {
            Side::Now => self.plan.now(path),
            Side::Carried => self.plan.carried(path),
            Side::Before => self.plan.before(path),
        };
        shipped.ok().flatten()
    }

    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.exercise.folder)
    }

    /// The path of a solved file in which a person decides.
    fn scratch(&self, name: &str, path: &str) -> String {
        format!("{FOLDER}/{}/{name}/{path}", self.exercise.name)
    }

    fn stored(&self, name: &str) -> anyhow::Result<Option<Patch>> {
        Ok(self.plan.now(&self.path(name))?.as_deref().map(parsed))
    }

    /// Whether the change is in a file of the patch.
    fn is_touched(&self, patch: &Patch) -> bool {
        patch.paths().iter().any(|path| self.plan.entries.contains_key(path))
    }

    fn say(&mut self, name: &str, style: anstyle::Style, what: &str) {
        self.plan.painted(&self.path(name), style, what);
    }

    /// Rebuilds one patch, if it no longer applies. Returns the patch for the new files; `None` when there is none, or a
    /// person must decide.
    fn rebuild(&mut self, name: &str, overlay: &Overlay) -> anyhow::Result<Option<Patch>> {
        let Some(stored) = self.stored(name)? else { return Ok(None) };
        let paths = stored.paths();
        if paths.iter().any(|path| self.plan.waiting.contains(path)) {
            self.say(name, ui::NOTE, "waits for a conflict above");
            return Ok(None);
        }
        if !self.is_touched(&stored) || self.applied(&stored, Side::Now, overlay).is_some() {
            return Ok(Some(stored));
        }
        let theirs: Files =
            paths.iter().map(|path| (path.clone(), self.read(path, Side::Now, overlay))).collect();
        let Some((solved, conflicts)) = self.merged(name, &stored, &theirs, overlay)? else {
            let path = self.path(name);
            let conflict = format!("{path} fits neither the old nor the new files; edit it");
            self.plan.conflicts.push(conflict);
            return Ok(None);
        };
        if conflicts.is_empty() {
            return self.write(name, Patch::between(&stored.lead, &theirs, &solved)?);
        }
        for (path, content) in solved {
            self.plan.put(&self.scratch(name, &path), content)?;
        }
        for path in conflicts {
            let (path, scratch) = (self.path(name), self.scratch(name, &path));
            self.plan.conflicts.push(format!(
                "{path}: edit the solved file {scratch}, which has both sides; the patch is rebuilt from it"
            ));
        }
        Ok(None)
    }

    /// The solved files with the change in them, and those that a person must edit. `None` when the patch applies to no
    /// files.
    fn merged(
        &self,
        name: &str,
        stored: &Patch,
        theirs: &Files,
        overlay: &Overlay,
    ) -> anyhow::Result<Option<(Files, Vec<String>)>> {
        let (mut solved, mut conflicts) = (Files::new(), Vec::new());
        for path in theirs.keys() {
            solved.insert(path.clone(), self.plan.now(&self.scratch(name, path))?);
        }
        let was_asked = solved.values().any(Option::is_some);
        if was_asked {
            let is_open =
                |path: &&String| merge::unfinished(path, &solved[*path], &theirs[*path]).is_some();
            conflicts.extend(theirs.keys().filter(is_open).cloned());
            return Ok(Some((solved, conflicts)));
        }
        let old = [Side::Carried, Side::Before].into_iter();
        let mut fits = old.filter_map(|side| Some((side, self.applied(stored, side, overlay)?)));
        let Some((side, old)) = fits.next() else { return Ok(None) };
        for (path, ours) in old {
            let base = self.read(&path, side, overlay);
            let labels = [&*self.path(name), "before the change", &path];
            let merged = merge::merge([&ours, &base, &theirs[&path]], labels)?;
            conflicts.extend(merged.conflict.map(|_| path.clone()));
            solved.insert(path, merged.content);
        }
        Ok(Some((solved, conflicts)))
    }

    /// Plans the rebuilt patch, unless there is nothing left of it.
    fn write(&mut self, name: &str, rebuilt: Patch) -> anyhow::Result<Option<Patch>> {
        let path = self.path(name);
        if rebuilt.diff.is_empty() {
            let conflict = format!("{path}: the change does already what this patch does; edit it");
            self.plan.conflicts.push(conflict);
            return Ok(None);
        }
        self.say(name, ui::GOOD, "rebuilt");
        self.plan.put(&path, Some(rebuilt.text().into_bytes()))?;
        for path in rebuilt.paths() {
            self.plan.put(&self.scratch(name, &path), None)?;
        }
        Ok(Some(rebuilt))
    }
}

fn parsed(text: &[u8]) -> Patch {
    Patch::parse(&String::from_utf8_lossy(text))
}
