//! `{{#step …}}` shows the lines that a step adds to the step before it.

use std::collections::BTreeSet;
use std::rc::Rc;

use anyhow::{Result, bail};
use course::{MAX_ADDED, Step};

use crate::arguments::{names, word};
use crate::diff::{Changes, is_doc};
use crate::items;
use crate::listing::{self, Expanded};
use crate::source::Source;
use crate::sources::{Chapter, Sources};

/// The number of unchanged lines around an insertion.
const CONTEXT: usize = 1;

/// A step, its file, and the step before it.
struct Program<'a> {
    step: &'a Step,
    chapter: &'a Chapter,
    source: Rc<Source>,
    /// `None` for a new program, which is shown as a whole.
    before: Option<(&'a Step, Rc<Source>)>,
}

/// Expands `STEP [ITEM, ITEM …]`.
pub(crate) fn render(sources: &Sources, rest: &str) -> Result<Expanded> {
    let (called, names_of_items) = word(rest);
    let steps = all(sources)?;
    let program = Program::find(sources, &steps, called)?;
    let (chapter, source) = (program.chapter, &program.source);
    let names = names(names_of_items);
    let pieces = items::find(source, &names)?;
    if let Some((before, old)) = &program.before {
        let is_wanted = |number| pieces.iter().any(|piece| piece.lines.contains(&number));
        let changes = Changes::of_step(old, source, |number| names.is_empty() || is_wanted(number));
        return program.insertion(before, old, &changes);
    }
    let shown = match names[..] {
        [] => listing::whole(chapter, source),
        _ => listing::pieces(chapter, source, &pieces),
    };
    let lines = shown.shown.iter().flat_map(|shown| &shown.lines);
    program.limit(lines.filter(|number| !is_doc(source.line(**number))).count())?;
    Ok(shown)
}

/// The steps of all chapters, in the order of the course. The package of a step identifies its chapter.
pub(crate) fn all(sources: &Sources) -> Result<Vec<Step>> {
    let folder = |chapter: &Chapter| match chapter.name.as_str() {
        "final" => "final".to_string(),
        name => format!("chapters/{name}"),
    };
    let chapters: Vec<(String, &str)> =
        sources.chapters().iter().map(|it| (folder(it), it.name.as_str())).collect();
    let chapters = chapters.iter().map(|(folder, name)| (folder.as_str(), *name));
    Ok(course::read(sources.root(), chapters)?.0)
}

impl<'a> Program<'a> {
    fn find(sources: &'a Sources, steps: &'a [Step], called: &str) -> Result<Program<'a>> {
        let step = course::find(steps, called)?;
        let read = |step: &Step| {
            let chapter = sources.chapter(&step.package)?;
            anyhow::Ok((chapter, sources.read(chapter, &format!("steps/{}", step.file))?))
        };
        let (chapter, source) = read(step)?;
        let mut before = None;
        if let Some(other) = course::before(steps, step) {
            let (_, old) = read(other)?;
            // The first step of a chapter may be a program of another kind. Then most of it is new, and a diff would be
            // one long deletion and the whole program again.
            let is_kept = step.package == other.package || is_mostly_kept(&old, &source);
            before = is_kept.then_some((other, old));
        }
        Ok(Program { step, chapter, source, before })
    }

    /// The listing of the new lines, among unchanged lines.
    fn insertion(&self, before: &Step, old: &Source, changes: &Changes) -> Result<Expanded> {
        let added = changes.added();
        if added.is_empty() {
            bail!("{} adds nothing there; it adds lines to: {}", self.step.file, self.choice());
        }
        self.limit(added.len())?;
        let all = Changes::of_step(old, &self.source, |_| true).added().len();
        let count = match all {
            1 => "1 line".to_string(),
            all if all == added.len() => format!("{all} lines"),
            all => format!("{} of its {all} lines", added.len()),
        };
        let caption =
            format!("{}, adds {count} to <code>{}</code>", self.chapter.title(), before.file);
        Ok(listing::difference(self.chapter, &self.source, &caption, changes.text(CONTEXT, &[])))
    }

    /// # Errors
    /// Returns an error when a listing would have too many new lines, with the items to choose from.
    fn limit(&self, lines: usize) -> Result<()> {
        if lines > MAX_ADDED {
            let choice = self.choice();
            bail!("{lines} new lines are more than {MAX_ADDED}; name some of the items: {choice}");
        }
        Ok(())
    }

    /// The items that contain new lines, and the number of these lines.
    fn choice(&self) -> String {
        let new = match &self.before {
            Some((_, old)) => Changes::of_step(old, &self.source, |_| true).added(),
            None => self.source.code().into_iter().collect(),
        };
        let mut items = Vec::new();
        for name in items::all(&self.source) {
            let Ok(pieces) = items::find(&self.source, &[&name]) else { continue };
            let lines: BTreeSet<usize> = pieces.into_iter().flat_map(|piece| piece.lines).collect();
            match lines.intersection(&new).count() {
                0 => {}
                count => items.push(format!("{name} ({count})")),
            }
        }
        items.join(", ")
    }
}

/// Whether at least half of a program's lines were in the program before it.
fn is_mostly_kept(old: &Source, new: &Source) -> bool {
    2 * Changes::of_step(old, new, |_| true).added().len() <= new.code().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(rest: &str) -> Result<Expanded> {
        render(&Sources::find().unwrap(), rest)
    }

    #[test]
    fn a_step_of_the_course_is_shown_with_how_much_it_adds() {
        let shown = step("02_echo_once").unwrap();
        assert!(
            shown.markdown.contains(
                "<code>steps/02_echo_once.rs</code>, chapter 1, adds 12 lines to <code>01_accept.rs</code>"
            ),
            "{}",
            shown.markdown
        );
        assert!(shown.markdown.contains("\n+        echo(stream)?;\n"), "{}", shown.markdown);
        assert!(!shown.markdown.contains("//! Step"), "{}", shown.markdown);
        assert_eq!(shown.shown[0].path, "steps/02_echo_once.rs");
        let part = step("2 echo").unwrap().markdown;
        assert!(part.contains("of its 12 lines to"), "{part}");
        assert!(!part.contains("listener.accept"), "{part}");
    }

    #[test]
    fn a_new_program_is_shown_as_it_is_and_the_first_step_of_a_chapter_may_go_on() {
        let new = step("01_accept").unwrap().markdown;
        assert!(new.contains("```rust,noplayground\n//! Step 1"), "{new}");
        let goes_on = step("06_thread_each").unwrap().markdown;
        assert!(goes_on.contains("to <code>05_deadline.rs</code>"), "{goes_on}");
        let other = step("10_one_read main").unwrap().markdown;
        assert!(other.contains("```rust,noplayground\nfn main"), "{other}");
    }

    #[test]
    fn too_many_lines_are_an_error_that_names_the_items_and_an_unknown_step_one_that_names_the_steps()
     {
        let error = step("30_event_loop").unwrap_err().to_string();
        assert!(error.contains("new lines are more than 40; name some of the items: "), "{error}");
        assert!(error.contains("main ("), "{error}");
        let error = step("02_nothing").unwrap_err().to_string();
        assert!(error.starts_with("no step `02_nothing`; there are 01_accept, "), "{error}");
        let error = step("02_echo_once address").unwrap_err().to_string();
        assert!(error.starts_with("02_echo_once.rs adds nothing there; it adds"), "{error}");
    }
}
