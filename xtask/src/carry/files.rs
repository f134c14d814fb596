//! The way of one changed file through the later chapters.

use super::change::Change;
use super::plan::{Outcome, Plan, Step};
use super::source::Source;
use super::{changed, names};
use crate::ui;
use crate::workspace::Chapter;

/// The change that the next chapter gets: after a merge it differs from the change of the first chapter.
struct Way<'c> {
    from: &'c Chapter,
    old: Option<Vec<u8>>,
    new: Option<Vec<u8>>,
}

/// The result in one chapter.
enum Reached {
    /// The next chapter gets the same change.
    Same,
    /// The next chapter gets the change of this chapter: the file before and after.
    Other(Option<Vec<u8>>, Option<Vec<u8>>),
    /// A person must decide first.
    Waiting,
}

/// Merges one change into chapter after chapter, until a person must decide.
pub(super) fn carry(plan: &mut Plan<'_>, change: &Change) -> anyhow::Result<()> {
    let (workspace, chapter) = (plan.source.workspace, plan.source.chapter);
    let title = ui::paint(ui::TITLE, &change.path);
    match &change.was {
        Some(was) => plan.line(&format!("{title} (was {was})")),
        None => plan.line(&title),
    }
    let (path, old, new) = (change.path_in(chapter), &change.old, &change.new);
    match change.path_before(chapter) {
        None => plan.touched.add(&path, old.clone(), new.clone()),
        Some(was) => {
            plan.touched.add(&was, old.clone(), None);
            plan.touched.add(&path, None, new.clone());
        }
    }
    if change.is_of_exercises() {
        plan.line(&ui::paint(ui::DIM, "  is about exercises, which stay in their chapter"));
        return Ok(());
    }
    let mut way = Way { from: chapter, old: change.old.clone(), new: change.new.clone() };
    for chapter in workspace.after(chapter) {
        match reach(plan, change, chapter, &way)? {
            Reached::Same => {}
            Reached::Other(old, new) => way = Way { from: chapter, old, new },
            Reached::Waiting => return Ok(()),
        }
    }
    Ok(())
}

/// Brings the change to one chapter.
fn reach(
    plan: &mut Plan<'_>,
    change: &Change,
    chapter: &Chapter,
    way: &Way<'_>,
) -> anyhow::Result<Reached> {
    let path = change.path_in(chapter);
    changed::must_be_no_link(&plan.source, &path)?;
    let moved = moved(plan, change, chapter)?;
    let [there, now] = [plan.before(&path)?, plan.now(&path)?];
    let before = moved.as_ref().map(|(_, content)| content.clone()).or_else(|| there.clone());
    if let Some(reason) = gone(plan, change, chapter).filter(|_| before.is_none() && now.is_none())
    {
        tell(plan, chapter, ui::DIM, &format!("has no such file ({reason})"));
        return Ok(Reached::Same);
    }
    let (outcome, copied) = merge(plan, change, chapter, way, [&before, &there])?;
    let (result, what) = match outcome {
        Outcome::Same => {
            tell(plan, chapter, ui::DIM, "has it already");
            return carried_by_hand(plan, change, chapter, before);
        }
        Outcome::Absent => {
            tell(plan, chapter, ui::DIM, "has no such file");
            return Ok(Reached::Same);
        }
        Outcome::Conflict => {
            tell(plan, chapter, ui::BAD, "conflict");
            // The later chapters get the edited file.
            plan.touched.waiting.insert(path);
            remove(plan, moved)?;
            return Ok(Reached::Waiting);
        }
        Outcome::Decided(result) => (result, "kept as you resolved it"),
        Outcome::Merged(result) if result == now => (result, "has it already"),
        Outcome::Merged(None) => (None, "deleted"),
        Outcome::Merged(result) => (result, if copied { "copied" } else { "merged" }),
    };
    tell(plan, chapter, if what == "has it already" { ui::DIM } else { ui::GOOD }, what);
    plan.touched.add(&path, there, result.clone());
    remove(plan, moved)?;
    Ok(Reached::Other(before, result))
}

/// Merges the change into one chapter's file. `before` and `there` differ when the file still has its old path. Returns
/// also whether this chapter and the chapter before had the same file.
fn merge(
    plan: &mut Plan<'_>,
    change: &Change,
    chapter: &Chapter,
    way: &Way<'_>,
    [before, there]: [&Option<Vec<u8>>; 2],
) -> anyhow::Result<(Outcome, bool)> {
    let path = change.path_in(chapter);
    let was_decided = plan.committed.contains(&path) && change.carried_in().next().is_some();
    if was_decided || change.is_carried_to(chapter) {
        return Ok((Outcome::Same, false));
    }
    let (base, theirs) = own_names(plan, change, chapter, before.as_deref(), way);
    let copied = *before == base;
    let moves = before != there;
    let current = moves.then(|| before.clone());
    let labels = [path.as_str(), "before the change", &change.path_in(way.from)];
    let step = Step { path: &path, current, base, theirs, labels };
    let outcome = plan.settle(&step)?;
    if moves && outcome == Outcome::Same {
        // There is nothing to merge, but the path is new.
        let content = before.clone().unwrap_or_default();
        plan.write(&path, content, step.theirs.clone(), false)?;
        return Ok((Outcome::Merged(before.clone()), true));
    }
    Ok((outcome, copied))
}

/// The chapter has the change already. If a person has carried it in another form, the next chapter gets this form.
fn carried_by_hand(
    plan: &mut Plan<'_>,
    change: &Change,
    chapter: &Chapter,
    before: Option<Vec<u8>>,
) -> anyhow::Result<Reached> {
    let committed = committed(plan, change, chapter)?;
    if committed == before {
        return Ok(Reached::Same);
    }
    plan.touched.add(&change.path_in(chapter), committed.clone(), before.clone());
    Ok(Reached::Other(committed, before))
}

/// The file as it was in the commit before the change.
fn committed(
    plan: &Plan<'_>,
    change: &Change,
    chapter: &Chapter,
) -> anyhow::Result<Option<Vec<u8>>> {
    let Source { git, revision, .. } = &plan.source;
    let here = git.show(revision, &change.path_in(chapter))?;
    match change.path_before(chapter).filter(|_| here.is_none()) {
        Some(was) => git.show(revision, &was),
        None => Ok(here),
    }
}

/// The old path and the content of a renamed file, in a chapter that has no file at the new path.
fn moved(
    plan: &Plan<'_>,
    change: &Change,
    chapter: &Chapter,
) -> anyhow::Result<Option<(String, Vec<u8>)>> {
    let Some(was) = change.path_before(chapter) else { return Ok(None) };
    let is_free = plan.before(&change.path_in(chapter))?.is_none();
    let content = plan.before(&was)?.filter(|_| is_free);
    Ok(content.map(|content| (was, content)))
}

/// Removes a file that has another path now.
fn remove(plan: &mut Plan<'_>, moved: Option<(String, Vec<u8>)>) -> anyhow::Result<()> {
    let Some((path, content)) = moved else { return Ok(()) };
    plan.touched.add(&path, Some(content.clone()), None);
    let labels = [path.as_str(), "before the change", "renamed"];
    let step = Step { path: &path, current: None, base: Some(content), theirs: None, labels };
    plan.settle(&step).map(drop)
}

/// Why the list of lessons says that a chapter has no such file.
fn gone(plan: &Plan<'_>, change: &Change, chapter: &Chapter) -> Option<String> {
    let lessons = plan.lessons.of(&chapter.name);
    let paths = [Some(&change.path), change.was.as_ref()].into_iter().flatten();
    let mut reasons = paths.filter_map(|path| lessons.get(path));
    reasons.find(|reason| reason.starts_with("gone")).cloned()
}

fn tell(plan: &mut Plan<'_>, chapter: &Chapter, style: anstyle::Style, what: &str) {
    plan.line(&format!("  {:<16} {}", chapter.name, ui::paint(style, what)));
}

/// Both sides of the change, with the name of the crate into which they are merged.
fn own_names(
    plan: &Plan<'_>,
    change: &Change,
    to: &Chapter,
    before: Option<&[u8]>,
    Way { from, old, new }: &Way<'_>,
) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
    let root = plan.source.workspace.root();
    let translate = |content: &Option<Vec<u8>>| {
        content.as_deref().map(|content| names::translate(root, content, &change.path, from, to))
    };
    let renamed = translate(old);
    // The name of the earlier crate is also in the later chapter, in a comment: it stays.
    let stays = before.is_some_and(|before| {
        Some(before) == new.as_deref() || (Some(before) == old.as_deref() && renamed != *old)
    });
    if stays { (old.clone(), new.clone()) } else { (renamed, translate(new)) }
}
