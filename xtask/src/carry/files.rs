//! The way of one changed file through the later chapters.

use anyhow::bail;

use super::plan::{self, Outcome, Plan, Step};
use super::{Source, disk, manifest, merge, names};
use crate::ui;
use crate::workspace::Chapter;

/// A file of the chapter that a person has changed; its path is from the chapter's folder.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub path: String,
    pub old: Option<Vec<u8>>,
    pub new: Option<Vec<u8>>,
}

impl Change {
    pub(super) fn path_in(&self, chapter: &Chapter) -> String {
        format!("{}/{}", chapter.folder, self.path)
    }

    /// Only the targets of exercises have changed, which belong to this chapter.
    fn is_of_exercises(&self) -> bool {
        let text = |content: &Option<Vec<u8>>| {
            content.as_deref().map(|content| manifest::carried(&String::from_utf8_lossy(content)))
        };
        self.path == "Cargo.toml" && text(&self.old) == text(&self.new)
    }
}

/// What has changed in the chapter. Its exercises stay where they are.
pub(super) fn changes(source: &Source<'_>) -> anyhow::Result<Vec<Change>> {
    let folder = &source.chapter.folder;
    let mut changes = Vec::new();
    for path in source.git.changed_since(&source.revision, folder)? {
        let Some(within) = path.strip_prefix(&format!("{folder}/")) else { continue };
        if within.starts_with("exercises/") {
            continue;
        }
        let old = source.git.show(&source.revision, &path)?;
        let new = disk::read(&source.workspace.path(&path))?;
        let known = [old.as_deref().unwrap_or_default(), b"", b""];
        let left = new.as_deref().map(|content| merge::leftovers(content, known));
        if let Some((line, marker)) = left.unwrap_or_default().first() {
            bail!(
                "{}; edit it first. A line that belongs there must not begin with seven such signs",
                plan::leftover(&path, *line, marker)
            );
        }
        if old != new {
            changes.push(Change { path: within.to_string(), old, new });
        }
    }
    Ok(changes)
}

/// Merges one change into chapter after chapter, until a person must decide.
pub(super) fn carry(plan: &mut Plan<'_>, change: &Change) -> anyhow::Result<()> {
    let source = plan.source;
    plan.line(&ui::paint(ui::TITLE, &change.path));
    plan.touched.add(&change.path_in(source.chapter), change.old.clone(), change.new.clone());
    if change.is_of_exercises() {
        plan.line(&ui::paint(ui::DIM, "  is about exercises, which stay in their chapter"));
        return Ok(());
    }
    // The change as the chapter before made it: after a merge that is no longer the first chapter's.
    let mut from = source.chapter;
    let (mut old, mut new) = (change.old.clone(), change.new.clone());
    for chapter in source.workspace.after(source.chapter) {
        let path = change.path_in(chapter);
        let [before, now] = [plan.before(&path)?, plan.now(&path)?];
        let reason = plan.lessons.of(&chapter.name).remove(&change.path);
        let gone = reason.as_deref().is_some_and(|reason| reason.starts_with("gone"));
        if gone && before.is_none() && now.is_none() {
            let why = format!("has no such file ({})", reason.unwrap_or_default());
            tell(plan, chapter, ui::DIM, &why);
            continue;
        }
        let (base, theirs) =
            own_names(plan, change, [from, chapter], before.as_deref(), [&old, &new]);
        let labels = [path.as_str(), "before the change", &change.path_in(from)];
        let step = Step { path: &path, current: None, base, theirs, labels };
        let copied = before == step.base;
        match plan.settle(&step)? {
            Outcome::Same => {
                tell(plan, chapter, ui::DIM, "has it already");
                // Carried by hand, and not as it is here: the next chapter gets it as it is there.
                let committed = source.git.show(&source.revision, &path)?;
                if committed != before {
                    plan.touched.add(&path, committed.clone(), before.clone());
                    (old, new, from) = (committed, before, chapter);
                }
            }
            Outcome::Absent => tell(plan, chapter, ui::DIM, "has no such file"),
            Outcome::Merged(result) => {
                let what = match &result {
                    _ if result == now => "has it already",
                    None => "deleted",
                    Some(_) if copied => "copied",
                    Some(_) => "merged",
                };
                tell(plan, chapter, if result == now { ui::DIM } else { ui::GOOD }, what);
                plan.touched.add(&path, before.clone(), result.clone());
                (old, new, from) = (before, result, chapter);
            }
            Outcome::Decided(result) => {
                tell(plan, chapter, ui::GOOD, "kept as you resolved it");
                plan.touched.add(&path, before.clone(), result.clone());
                (old, new, from) = (before, result, chapter);
            }
            Outcome::Conflict => {
                tell(plan, chapter, ui::BAD, "conflict");
                // What a person makes of it is what the chapters after this one get.
                plan.touched.waiting.insert(path);
                return Ok(());
            }
        }
    }
    Ok(())
}

fn tell(plan: &mut Plan<'_>, chapter: &Chapter, style: anstyle::Style, what: &str) {
    plan.line(&format!("  {:<16} {}", chapter.name, ui::paint(style, what)));
}

/// Both sides of the change with the name of the crate that they are merged into.
fn own_names(
    plan: &Plan<'_>,
    change: &Change,
    [from, to]: [&Chapter; 2],
    before: Option<&[u8]>,
    [old, new]: [&Option<Vec<u8>>; 2],
) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
    let root = plan.source.workspace.root();
    let translate = |content: &Option<Vec<u8>>| {
        content.as_deref().map(|content| names::translate(root, content, &change.path, from, to))
    };
    let renamed = translate(old);
    // The later chapter has the earlier's name too: it stands in a comment, and stays.
    let stays = before.is_some_and(|before| {
        Some(before) == new.as_deref() || (Some(before) == old.as_deref() && renamed != *old)
    });
    if stays { (old.clone(), new.clone()) } else { (renamed, translate(new)) }
}
