//! The way of the changed files through the later chapters.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::change::{self, Change};
use super::journal::Content;
use super::plan::{Outcome, Plan, Sides};
use super::source::Source;
use super::{manifest, names};
use crate::ui;
use crate::workspace::Chapter;

/// A change on its way: after a merge, the next chapter gets the change of the merged file.
struct Way<'c> {
    change: &'c Change,
    from: &'c Chapter,
    old: Content,
    new: Content,
    /// No later chapter gets it: a person must decide first, or it stays in its chapter.
    has_ended: bool,
    /// The part of the report about it.
    text: String,
}

/// What a chapter has of a changed file.
struct Found {
    path: String,
    /// The content that the change is merged into: of the file, or of the file at its path before a rename.
    content: Content,
    /// The path before a rename, if the file is still there.
    old_path: Option<String>,
    /// The chapter had the same file as the chapter before.
    is_copy: bool,
}

/// Merges the changes into chapter after chapter. A file stops in the chapter in which a person must decide.
pub(super) fn carry(plan: &mut Plan<'_>, changes: &[Change]) -> anyhow::Result<()> {
    let Source { workspace, chapter, .. } = plan.source;
    let mut ways: Vec<Way<'_>> = changes.iter().map(|change| Way::new(chapter, change)).collect();
    for Way { change, .. } in &ways {
        let (old, new) = (change.old.clone(), change.new.clone());
        if let Some(was) = change.path_before(chapter) {
            plan.touch(&was, old, None);
            plan.touch(&change.path_in(chapter), None, new);
        } else {
            plan.touch(&change.path_in(chapter), old, new);
        }
    }
    for chapter in workspace.after(chapter) {
        reach(plan, chapter, &mut ways)?;
    }
    for way in ways {
        plan.text += &way.text;
    }
    Ok(())
}

/// Brings the changes to one chapter, with one merge of all its files.
fn reach<'c>(
    plan: &mut Plan<'_>,
    chapter: &'c Chapter,
    ways: &mut [Way<'c>],
) -> anyhow::Result<()> {
    let (mut sides, mut merged, mut from) = (Sides::default(), Vec::new(), BTreeMap::new());
    for way in ways.iter_mut().filter(|way| !way.has_ended) {
        let Some(mut found) = way.find(plan, chapter)? else { continue };
        let path = &way.change.path;
        let [base, theirs] = way.as_in(plan, chapter, &found);
        found.is_copy = found.content == base;
        sides.ours.insert(path.clone(), found.content.clone());
        sides.base.insert(path.clone(), base);
        sides.theirs.insert(path.clone(), theirs);
        from.insert(path.clone(), &way.from.folder);
        merged.push((way, found));
    }
    if merged.is_empty() {
        return Ok(());
    }
    let labels = |path: &str| {
        let from = from.get(path).map_or("", |folder| folder.as_str());
        [format!("{}/{path}", chapter.folder), "before the change".into(), format!("{from}/{path}")]
    };
    let mut outcomes = plan.merge(&chapter.folder, sides, &labels)?;
    for (way, found) in merged {
        if let Some((outcome, result)) = outcomes.remove(&way.change.path) {
            way.follow(plan, chapter, found, outcome, result)?;
        }
    }
    Ok(())
}

impl<'c> Way<'c> {
    fn new(from: &'c Chapter, change: &'c Change) -> Way<'c> {
        let mut text = ui::paint(ui::TITLE, &change.path);
        text += &change.was.as_ref().map(|was| format!(" (was {was})")).unwrap_or_default();
        text.push('\n');
        let has_ended = change.is_of_exercises();
        if has_ended {
            text += &ui::paint(ui::DIM, "  is about exercises, which stay in their chapter");
            text.push('\n');
        }
        let (old, new) = (change.old.clone(), change.new.clone());
        Way { change, from, old, new, has_ended, text }
    }

    fn tell(&mut self, chapter: &Chapter, style: anstyle::Style, what: &str) {
        let _ = writeln!(self.text, "  {:<16} {}", chapter.name, ui::paint(style, what));
    }

    /// Finds the file in a chapter; `None` when there is nothing to merge.
    fn find(&mut self, plan: &mut Plan<'_>, chapter: &'c Chapter) -> anyhow::Result<Option<Found>> {
        let path = self.change.path_in(chapter);
        change::must_be_no_link(&plan.source, &path)?;
        let (mut content, mut old_path) = (plan.before(&path)?, None);
        if content.is_none()
            && let Some(was) = self.change.path_before(chapter)
        {
            content = plan.before(&was)?;
            old_path = content.is_some().then_some(was);
        }
        if content.is_none() {
            let is_here = plan.now(&path)?.is_some();
            if let Some(reason) = gone(plan, self.change, chapter).filter(|_| !is_here) {
                self.tell(chapter, ui::DIM, &format!("has no such file ({reason})"));
                return Ok(None);
            }
            if self.old.is_some() && self.new.is_some() {
                self.tell(chapter, ui::DIM, "has no such file");
                return Ok(None);
            }
        }
        let was_decided = plan.committed.contains(&path) && !self.change.carried_in().is_empty();
        if was_decided || self.change.is_carried_to(chapter) {
            let found = Found { path, content: content.clone(), old_path: None, is_copy: false };
            self.follow(plan, chapter, found, Outcome::Same, content)?;
            return Ok(None);
        }
        Ok(Some(Found { path, content, old_path, is_copy: false }))
    }

    /// Both sides of the change, old and new, as this chapter would have them.
    fn as_in(&self, plan: &Plan<'_>, chapter: &Chapter, found: &Found) -> [Content; 2] {
        let path = &self.change.path;
        let sides = [&self.old, &self.new];
        let renamed = sides.map(|side| {
            let root = plan.source.workspace.root();
            side.as_deref().map(|text| names::translate(root, text, path, self.from, chapter))
        });
        // The name of the earlier crate is also in the later chapter, in a comment: it stays.
        let is_old = found.content == self.old && renamed[0] != self.old;
        let stays = found.content.is_some() && (is_old || found.content == self.new);
        let sides = if stays { sides.map(Clone::clone) } else { renamed };
        if path == "Cargo.toml"
            && let [Some(old), Some(new), Some(own)] = [&sides[0], &sides[1], &found.content]
        {
            let [old, new, own] = [old, new, own].map(|text| String::from_utf8_lossy(text));
            return manifest::adapted([&old, &new], &own).map(|text| Some(text.into_bytes()));
        }
        sides
    }

    /// Goes on to the next chapter with the result in this one.
    fn follow(
        &mut self,
        plan: &mut Plan<'_>,
        chapter: &'c Chapter,
        found: Found,
        outcome: Outcome,
        result: Content,
    ) -> anyhow::Result<()> {
        let Found { path, content, old_path, is_copy } = found;
        let (style, what) = match outcome {
            Outcome::Conflict => (ui::BAD, "conflict"),
            Outcome::Decided => (ui::GOOD, "kept as you resolved it"),
            Outcome::Same => (ui::DIM, "has it already"),
            Outcome::Merged if result == plan.now(&path)? => (ui::DIM, "has it already"),
            Outcome::Merged if result.is_none() => (ui::GOOD, "deleted"),
            Outcome::Merged if is_copy => (ui::GOOD, "copied"),
            Outcome::Merged => (ui::GOOD, "merged"),
        };
        self.tell(chapter, style, what);
        if let Some(old_path) = &old_path {
            plan.remove(old_path)?;
            plan.touch(old_path, content.clone(), None);
        }
        if outcome == Outcome::Conflict {
            // The later chapters get the edited file.
            plan.waiting.insert(path);
            self.has_ended = true;
            return Ok(());
        }
        // If a person has carried it in another form, the next chapter gets this form.
        let is_same = outcome == Outcome::Same;
        let old = if is_same { self.committed(plan, chapter)? } else { content };
        if !is_same || old != result {
            let before = old.clone().filter(|_| old_path.is_none());
            plan.touch(&path, before, result.clone());
            (self.from, self.old, self.new) = (chapter, old, result);
        }
        Ok(())
    }

    /// The file as it was in the commit before the change.
    fn committed(&self, plan: &Plan<'_>, chapter: &Chapter) -> anyhow::Result<Content> {
        let Source { git, revision, .. } = &plan.source;
        let here = git.show(revision, &self.change.path_in(chapter))?;
        match self.change.path_before(chapter).filter(|_| here.is_none()) {
            Some(was) => git.show(revision, &was),
            None => Ok(here),
        }
    }
}

/// Why the list of lessons says that a chapter has no such file.
fn gone(plan: &Plan<'_>, change: &Change, chapter: &Chapter) -> Option<String> {
    let lessons = plan.lessons.of(&chapter.name);
    let paths = [Some(&change.path), change.was.as_ref()].into_iter().flatten();
    let mut reasons = paths.filter_map(|path| lessons.get(path));
    reasons.find(|reason| reason.starts_with("gone")).cloned()
}
