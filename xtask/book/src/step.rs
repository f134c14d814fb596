//! `{{#step …}}` shows the lines that a step adds to the step before it.

use std::collections::BTreeSet;
use std::rc::Rc;

use anyhow::{Result, bail};
use course::{MAX_ADDED, Step};

use crate::arguments::{names, word};
use crate::diff::Changes;
use crate::items;
use crate::listing::{self, Expanded};
use crate::source::Source;
use crate::sources::{Chapter, Sources};

/// The number of unchanged lines around an insertion.
const CONTEXT: usize = 1;

/// Expands `STEP [ITEM, ITEM …]`.
pub(crate) fn render(sources: &Sources, rest: &str) -> Result<Expanded> {
    let (called, names_of_items) = word(rest);
    let steps = all(sources)?;
    let step = course::find(&steps, called)?;
    let (chapter, source) = program(sources, step)?;
    let (before, changes) = before(sources, &steps, step, &source)?;
    let names = names(names_of_items);
    let pieces = items::find(&source, &names)?;
    // The whole program includes what was removed at its end.
    let is_wanted = |number| names.is_empty() || items::are_on(&pieces, number);
    let all = changes.added();
    let new = all.iter().filter(|number| is_wanted(**number)).count();
    if new == 0 {
        bail!("{} adds nothing there; it adds lines to: {}", step.file, choice(&source, &all));
    }
    if new > MAX_ADDED {
        let choice = choice(&source, &all);
        bail!("{new} new lines are more than {MAX_ADDED}; name some of the items: {choice}");
    }
    let Some(before) = before else {
        return Ok(listing::pieces(chapter, &source, &pieces));
    };
    let count = match all.len() {
        1 => "1 line".to_string(),
        all if all == new => format!("{all} lines"),
        all => format!("{new} of its {all} lines"),
    };
    let caption = format!("{}, adds {count} to <code>{}</code>", chapter.title(), before.file);
    let (text, lines) = changes.text(CONTEXT, is_wanted);
    Ok(listing::listing(chapter, &source, Some(&caption), &text, lines))
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

/// The chapter and the file of a step.
fn program<'a>(sources: &'a Sources, step: &Step) -> Result<(&'a Chapter, Rc<Source>)> {
    let chapter = sources.chapter(&step.package)?;
    Ok((chapter, sources.read(chapter, &format!("steps/{}", step.file))?))
}

/// The step that this one adds to, and the changes to it. A new program has no such step, and is shown as a whole.
fn before<'a>(
    sources: &Sources,
    steps: &'a [Step],
    step: &Step,
    source: &Source,
) -> Result<(Option<&'a Step>, Changes)> {
    if let Some(other) = course::before(steps, step) {
        let changes = Changes::of_step(Some(&*program(sources, other)?.1), source);
        // The first step of a chapter may be a program of another kind. Then most of it is new, and a diff would be one
        // long deletion and the whole program again.
        if step.package == other.package || 2 * changes.added().len() <= source.lines.len() {
            return Ok((Some(other), changes));
        }
    }
    Ok((None, Changes::of_step(None, source)))
}

/// The items that contain new lines, and the number of these lines.
fn choice(source: &Source, new: &BTreeSet<usize>) -> String {
    let mut items = Vec::new();
    for (name, pieces) in items::all(source) {
        let lines: BTreeSet<usize> = pieces.into_iter().flat_map(|piece| piece.lines).collect();
        match lines.intersection(new).count() {
            0 => {}
            count => items.push(format!("{name} ({count})")),
        }
    }
    items.join(", ")
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
