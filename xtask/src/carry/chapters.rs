//! The way of the changed files through the later chapters.

use super::change::Change;
use super::plan::Plan;
use super::{manifest, names};
use crate::merge::{self, Content, Merged};
use crate::ui;
use crate::workspace::Chapter;

/// Merges the changes into chapter after chapter. A file stops in the chapter in which a person must decide.
pub(super) fn carry(plan: &mut Plan<'_>, changes: &[Change]) -> anyhow::Result<()> {
    for change in changes {
        let title = ui::paint(ui::TITLE, &change.path);
        let was = change.was.as_ref().map(|was| format!(" (was {was})")).unwrap_or_default();
        plan.line(&format!("{title}{was}"));
        let from = plan.chapter;
        let old = Here::find(plan, change, from)?.carried;
        if let Some(path) = change.path_before(from) {
            plan.put(&path, None);
        }
        plan.put(&change.path_in(from), change.new.clone());
        let mut way = Way { change, from, old, new: change.new.clone() };
        for chapter in plan.workspace.after(from) {
            if !way.reach(plan, chapter)? {
                break;
            }
        }
    }
    Ok(())
}

/// The file of a change in one chapter.
struct Here {
    path: String,
    /// The path before a rename, if the file is still there.
    old_path: Option<String>,
    /// The content that the change is merged into.
    ours: Content,
    /// The part that has reached the later chapters.
    carried: Content,
}

impl Here {
    fn find(plan: &Plan<'_>, change: &Change, chapter: &Chapter) -> anyhow::Result<Here> {
        let path = change.path_in(chapter);
        let (mut ours, mut carried, mut old_path) = (plan.now(&path)?, plan.carried(&path)?, None);
        if carried.is_none()
            && let Some(was) = change.path_before(chapter)
        {
            carried = plan.carried(&was)?;
            if ours.is_none() {
                ours = plan.now(&was)?;
                old_path = Some(was);
            }
        }
        Ok(Here { path, old_path, ours, carried })
    }
}

/// A change on its way: after a merge, the next chapter gets the change of the merged file.
struct Way<'c> {
    change: &'c Change,
    from: &'c Chapter,
    old: Content,
    new: Content,
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
        let mut merged = self.merge(plan, &here, [&base, &theirs])?;
        let is_kept = merged.conflict.is_some() && is_committed(plan, &here)?;
        if is_kept {
            merged = Merged { content: here.ours.clone(), conflict: None };
        }
        let (style, what) = match &merged.content {
            _ if merged.conflict.is_some() => (ui::BAD, "conflict"),
            _ if is_kept => (ui::NOTE, "kept as it is committed"),
            result if *result == here.ours && here.old_path.is_none() => (ui::DIM, "up to date"),
            None => (ui::GOOD, "deleted"),
            _ if here.ours == base => (ui::GOOD, "copied"),
            _ => (ui::GOOD, "merged"),
        };
        tell(plan, style, what);
        plan.put(&here.path, merged.content.clone());
        if let Some(old_path) = &here.old_path {
            plan.put(old_path, None);
        }
        if let Some(sentence) = merged.conflict {
            plan.conflicts.push(sentence);
            // The later chapters get the edited file.
            plan.pending.extend([here.path].into_iter().chain(here.old_path));
            return Ok(false);
        }
        if merged.content != here.carried {
            (self.from, self.old, self.new) = (chapter, here.carried, merged.content);
        }
        Ok(true)
    }

    /// Merges the change into the file, unless a person is resolving a conflict in it.
    fn merge(
        &self,
        plan: &Plan<'_>,
        here: &Here,
        [base, theirs]: [&Content; 2],
    ) -> anyhow::Result<Merged> {
        if let Some(sentence) = plan.unfinished.get(&here.path) {
            return Ok(Merged { content: here.ours.clone(), conflict: Some(sentence.clone()) });
        }
        let labels = [&*here.path, "before the change", &self.change.path_in(self.from)];
        merge::merge([&here.ours, base, theirs], labels)
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

/// Whether the commits of the change have changed this file as well: then they have the change in another form.
fn is_committed(plan: &Plan<'_>, here: &Here) -> anyhow::Result<bool> {
    let [revision, head] = [&plan.last.revision, &plan.last.head];
    Ok(revision != head
        && here.ours != here.carried
        && here.ours == plan.git.show(head, &here.path)?)
}
