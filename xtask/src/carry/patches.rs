//! The patches of exercises, rebuilt when they no longer apply.
//!
//! A patch leads from a chapter to a solution. It is applied to the files before the change, the change is merged into the
//! solved files, and the difference between the new files and the merged ones is the new patch. After a conflict the
//! solved files are in the directory `.carry`, and the patch is built from them after a person has edited them.

use super::plan::Plan;
use super::store::FOLDER;
use crate::exercise::Exercise;
use crate::merge::{self, Content};
use crate::patch::{Files, Patch};
use crate::ui;

/// The files that a patch may be for: a commit's, or this run's.
struct State {
    commit: Option<String>,
    /// The files of the solution, in the place of the chapters' own.
    solved: Files,
}

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
        let [carried, before] =
            [&self.plan.last.carried, &self.plan.last.revision].map(Clone::clone);
        let shipped = [None, Some(carried), Some(before)];
        let shipped = shipped.map(|commit| State { commit, solved: Files::new() });
        // Wrong solutions are changes of the right one, so that comes first.
        let is_solved = self.rebuild("solution.patch", &shipped)?;
        for name in self.exercise.alternatives(self.plan.workspace)? {
            self.rebuild(&name, &shipped)?;
        }
        let solved = is_solved.then(|| shipped.each_ref().map(|state| self.solved(state)));
        for name in self.exercise.wrong(self.plan.workspace)? {
            if let Some(solved) = &solved {
                self.rebuild(&name, solved)?;
            }
        }
        Ok(())
    }

    /// The files of a state with its solution.
    fn solved(&self, state: &State) -> State {
        let solution = self.read(state, &self.path("solution.patch"));
        let solved = solution.and_then(|solution| self.applied(&parsed(&solution), state));
        State { commit: state.commit.clone(), solved: solved.unwrap_or_default() }
    }

    /// The files that the patch makes of a state; `None` when it does not apply.
    fn applied(&self, patch: &Patch, state: &State) -> Option<Files> {
        patch.apply(|path| self.read(state, path)).ok()
    }

    fn read(&self, state: &State, path: &str) -> Content {
        if let Some(content) = state.solved.get(path) {
            return content.clone();
        }
        let shipped = match &state.commit {
            Some(commit) => self.plan.git.show(commit, path),
            None => self.plan.now(path),
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

    /// Rebuilds one patch, if it no longer applies to the first of these states. Returns whether it applies then.
    fn rebuild(&mut self, name: &str, states: &[State; 3]) -> anyhow::Result<bool> {
        let path = self.path(name);
        let Some(stored) = self.read(&states[0], &path) else { return Ok(false) };
        let stored = parsed(&stored);
        let is_touched = stored.paths().iter().any(|path| self.plan.files.contains_key(path));
        if !is_touched || self.applied(&stored, &states[0]).is_some() {
            return Ok(true);
        }
        let now = |path: String| (path.clone(), self.read(&states[0], &path));
        let theirs: Files = stored.paths().into_iter().map(now).collect();
        let Some((solved, open)) = self.merged(name, &stored, &theirs, states)? else {
            let sentence = format!("{path} fits neither the old nor the new files; edit it");
            self.plan.conflicts.push(sentence);
            return Ok(false);
        };
        for (file, content) in &solved {
            let scratch = self.scratch(name, file);
            if open.contains(file) {
                self.plan.conflicts.push(format!(
                    "{path}: edit the solved file {scratch}, which has both sides; the patch is rebuilt from it"
                ));
            }
            self.plan.put(&scratch, content.clone().filter(|_| !open.is_empty()));
        }
        if !open.is_empty() {
            return Ok(false);
        }
        let rebuilt = Patch::between(&stored.lead, &theirs, &solved)?;
        if rebuilt.diff.is_empty() {
            let sentence = format!("{path}: the change does already what this patch does; edit it");
            self.plan.conflicts.push(sentence);
            return Ok(false);
        }
        self.plan.painted(&path, ui::GOOD, "rebuilt");
        self.plan.put(&path, Some(rebuilt.text().into_bytes()));
        Ok(true)
    }

    /// The solved files with the change in them, and the paths that a person must edit. `None` when the patch applies to
    /// no files.
    fn merged(
        &self,
        name: &str,
        stored: &Patch,
        theirs: &Files,
        states: &[State; 3],
    ) -> anyhow::Result<Option<(Files, Vec<String>)>> {
        let (mut solved, mut conflicts) = (Files::new(), Vec::new());
        for path in theirs.keys() {
            solved.insert(path.clone(), self.plan.now(&self.scratch(name, path))?);
        }
        if solved.values().any(Option::is_some) {
            let is_open =
                |path: &&String| self.plan.unfinished.contains_key(&self.scratch(name, path));
            conflicts.extend(theirs.keys().filter(is_open).cloned());
            return Ok(Some((solved, conflicts)));
        }
        let mut fits =
            states[1..].iter().filter_map(|state| Some((state, self.applied(stored, state)?)));
        let Some((state, old)) = fits.next() else { return Ok(None) };
        for (path, ours) in old {
            let base = self.read(state, &path);
            let labels = [&*self.path(name), "before the change", &path];
            let merged = merge::merge([&ours, &base, &theirs[&path]], labels)?;
            conflicts.extend(merged.conflict.map(|_| path.clone()));
            solved.insert(path, merged.content);
        }
        Ok(Some((solved, conflicts)))
    }
}

fn parsed(text: &[u8]) -> Patch {
    Patch::parse(&String::from_utf8_lossy(text))
}
