//! The way of the changed files through the later chapters.

use super::change::Change;
use super::plan::Plan;
use super::{manifest, names};
use crate::merge::{self, Content, Merged};
use crate::ui;
use crate::workspace::Chapter;

/// A change on its way: after a merge, the next chapter gets the change of the merged file.
struct Way<'c> {
    change: &'c Change,
    from: &'c Chapter,
    old: Content,
    new: Content,
}

/// Merges the changes into chapter after chapter. A file stops in the chapter in which a person must decide.
pub(super) fn carry(plan: &mut Plan<'_>, changes: &[Change]) -> anyhow::Result<()> {
    let workspace = plan.workspace;
    for change in changes {
        let from = plan.chapter;
        let title = ui::paint(ui::TITLE, &change.path);
        let was = change.was.as_ref().map(|was| format!(" (was {was})")).unwrap_or_default();
        plan.line(&format!("{title}{was}"));
        if change.is_of_exercises() {
            plan.painted(" ", ui::DIM, "is about exercises, which stay in their chapter");
            continue;
        }
        let old = Here::find(plan, change, from)?.carried;
        let mut way = Way { change, from, old, new: change.new.clone() };
        if let Some(path) = change.path_before(from) {
            plan.put(&path, None)?;
        }
        plan.put(&change.path_in(from), change.new.clone())?;
        for chapter in workspace.after(from) {
            if !way.reach(plan, chapter)? {
                break;
            }
        }
    }
    Ok(())
}

/// What a chapter has of a changed file.
struct Here {
    path: String,
    now: Content,
    /// The part that has reached the later chapters.
    carried: Content,
    /// The path before a rename, if the file is still there.
    old_path: Option<String>,
    /// The content that the change is merged into.
    ours: Content,
    /// Whether a person has changed the file in this chapter, and the change is not carried yet.
    is_own: bool,
}

impl Here {
    fn find(plan: &Plan<'_>, change: &Change, chapter: &Chapter) -> anyhow::Result<Here> {
        let path = change.path_in(chapter);
        let (now, known) = (plan.now(&path)?, plan.carried(&path)?);
        let is_own = now.is_some() && now != known;
        let (mut carried, mut ours, mut old_path) = (known, now.clone(), None);
        if carried.is_none()
            && let Some(was) = change.path_before(chapter)
        {
            carried = plan.carried(&was)?;
            // A person may have made another file at the old path.
            if carried.is_some() && plan.now(&was)? == carried {
                ours = now.clone().or_else(|| carried.clone());
                old_path = Some(was);
            }
        }
        Ok(Here { path, now, carried, old_path, ours, is_own })
    }
}

impl<'c> Way<'c> {
    /// Merges the change into one chapter. Returns whether it goes on to the next one.
    fn reach(&mut self, plan: &mut Plan<'_>, chapter: &'c Chapter) -> anyhow::Result<bool> {
        let tell = |plan: &mut Plan<'_>, style, what: &str| {
            plan.painted(&format!("  {:<16}", chapter.name), style, what);
        };
        let here = Here::find(plan, self.change, chapter)?;
        if let Some(reason) = self.absent(plan, chapter, &here) {
            tell(plan, ui::DIM, &format!("has no such file{reason}"));
            return Ok(true);
        }
        let [base, theirs] = self.as_in(plan, chapter, &here.ours);
        let unfinished = merge::unfinished(&here.path, &here.now, &here.carried);
        let (merged, is_kept) = match unfinished {
            Some(_) => (Merged { content: here.now.clone(), conflict: unfinished }, false),
            None => self.merge(plan, &here, [&base, &theirs])?,
        };
        if let Some(sentence) = merged.conflict {
            tell(plan, ui::BAD, "conflict");
            plan.conflicts.push(sentence);
            // The later chapters get the edited file.
            plan.waiting.insert(here.path);
            return Ok(false);
        }
        if let Some(old_path) = &here.old_path {
            plan.put(old_path, None)?;
        }
        let is_decided = base == theirs
            && plan
                .previous
                .as_ref()
                .is_some_and(|last| here.is_own || last.is_conflict(&here.path));
        let (style, what) = match &merged.content {
            _ if is_decided => (ui::GOOD, "kept as you resolved it"),
            _ if is_kept => (ui::NOTE, "kept as it is committed"),
            Some(_) if theirs.is_none() => (ui::NOTE, "kept, though the change deletes it"),
            result if *result == here.now => (ui::DIM, "has it already"),
            None => (ui::GOOD, "deleted"),
            _ if here.ours == base => (ui::GOOD, "copied"),
            _ => (ui::GOOD, "merged"),
        };
        tell(plan, style, what);
        if merged.content != here.carried {
            (self.from, self.old, self.new) = (chapter, here.carried, merged.content);
        }
        Ok(true)
    }

    /// Merges the change into the file, and plans to write it. If that is a conflict and the file has changed in the
    /// commits of the change, these have it in another form: the file is kept.
    fn merge(
        &self,
        plan: &mut Plan<'_>,
        here: &Here,
        [base, theirs]: [&Content; 2],
    ) -> anyhow::Result<(Merged, bool)> {
        let labels = [here.path.as_str(), "before the change", &self.change.path_in(self.from)];
        let mut merged = merge::merge([&here.ours, base, theirs], labels)?;
        let is_committed = plan.revision != plan.head;
        let is_kept = merged.conflict.is_some() && here.is_own && is_committed;
        if is_kept {
            merged = Merged { content: here.now.clone(), conflict: None };
        }
        plan.put(&here.path, merged.content.clone())?;
        Ok((merged, is_kept))
    }

    /// Why a chapter has no file for the change; `None` if it has one, or gets a new one.
    fn absent(&self, plan: &Plan<'_>, chapter: &Chapter, here: &Here) -> Option<String> {
        if here.ours.is_some() {
            return None;
        }
        let lessons = plan.lessons.of(&chapter.name);
        let paths = [Some(&self.change.path), self.change.was.as_ref()].into_iter().flatten();
        let mut reasons = paths.filter_map(|path| lessons.get(path));
        match reasons.find(|reason| reason.starts_with("gone")) {
            Some(reason) => Some(format!(" ({reason})")),
            None => (self.old.is_some() && self.new.is_some()).then(String::new),
        }
    }

    /// Both sides of the change, old and new, as this chapter would have them.
    fn as_in(&self, plan: &Plan<'_>, chapter: &Chapter, ours: &Content) -> [Content; 2] {
        let path = &self.change.path;
        let sides = [&self.old, &self.new];
        let renamed = sides.map(|side| {
            let root = plan.workspace.root();
            side.as_deref().map(|text| names::translate(root, text, path, self.from, chapter))
        });
        // The name of the earlier crate is also in the later chapter, in a comment: it stays.
        let is_old = *ours == self.old && renamed[0] != self.old;
        let stays = ours.is_some() && (is_old || *ours == self.new);
        let sides = if stays { sides.map(Clone::clone) } else { renamed };
        if path == "Cargo.toml"
            && let Some(own) = ours
        {
            let own = String::from_utf8_lossy(own);
            return sides.map(|side| {
                let side = String::from_utf8_lossy(side.as_deref()?).into_owned();
                Some(manifest::adapted(&side, &own).into_bytes())
            });
        }
        sides
    }
}
