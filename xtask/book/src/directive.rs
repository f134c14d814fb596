//! The directives of a page, which are between `{{#` and `}}`.

use std::rc::Rc;

use anyhow::{Context, Result, bail};

use crate::arguments::{names, word};
use crate::diff::Changes;
use crate::listing::{self, Expanded};
use crate::source::Source;
use crate::sources::{Chapter, Sources};
use crate::{exercise, files, items, plot, step, tree};

/// The default number of unchanged lines around a change.
const CONTEXT: usize = 3;

/// What `{{#minutes}}` becomes until all pages have been expanded.
pub(crate) const MINUTES: &str = "<!-- minutes of all parts -->";

/// Expands the text between `{{#` and `}}`.
pub(crate) fn expand(sources: &Sources, text: &str) -> Result<Expanded> {
    let (name, rest) = word(text);
    let markdown = match name {
        "file" => return file(sources, rest),
        "item" => return item(sources, rest),
        "diff" => return difference(sources, rest),
        "step" => return step::render(sources, rest),
        "tree" => tree::render(sources, rest)?,
        "exercise" => exercise::render(sources, rest)?,
        "plot" => plot::render(sources.root(), rest)?,
        "ladder" => generated(sources, "ladder", "cargo run -p wire --bin ladder")?,
        "climb" => generated(sources, "climb", "cargo xtask prove-climb --write")?,
        "minutes" => MINUTES.to_string(),
        "version" => version(),
        _ => bail!(
            "no directive `{name}`; there are file, item, diff, tree, step, exercise, plot, ladder, climb, minutes, version"
        ),
    };
    Ok(Expanded { markdown, shown: Vec::new() })
}

/// A table that another command has written.
fn generated(sources: &Sources, name: &str, command: &str) -> Result<String> {
    let file = format!("book/src/generated/{name}.md");
    files::read(sources.root(), &file).with_context(|| format!("make it with `{command}`"))
}

/// The version of the course, which is the same for all crates.
fn version() -> String {
    format!("<p class=\"course-meta\">Version {}</p>", env!("CARGO_PKG_VERSION"))
}

/// `CHAPTER PATH [ITEM, ITEM …]`
fn file_and_items<'a>(
    sources: &'a Sources,
    rest: &'a str,
) -> Result<(&'a Chapter, Rc<Source>, Vec<&'a str>)> {
    let (chapter, rest) = word(rest);
    let chapter = sources.chapter(chapter)?;
    let (path, items) = word(rest);
    if path.is_empty() {
        bail!("name a chapter and then a file, such as `01 src/echo.rs`");
    }
    Ok((chapter, sources.read(chapter, path)?, names(items)))
}

fn file(sources: &Sources, rest: &str) -> Result<Expanded> {
    let (chapter, source, names) = file_and_items(sources, rest)?;
    if !names.is_empty() {
        bail!("`file` shows a whole file; use `item` for a part of it");
    }
    Ok(listing::pieces(chapter, &source, &items::find(&source, &names)?))
}

fn item(sources: &Sources, rest: &str) -> Result<Expanded> {
    let (chapter, source, names) = file_and_items(sources, rest)?;
    if names.is_empty() {
        bail!("`item` needs the names of one or more items behind the path");
    }
    Ok(listing::pieces(chapter, &source, &items::find(&source, &names)?))
}

/// `OLD NEW PATH [ITEM, ITEM …] [context=LINES]`
fn difference(sources: &Sources, rest: &str) -> Result<Expanded> {
    let (rest, context) = match rest.rsplit_once(" context=") {
        Some((rest, lines)) => (rest, lines.parse().context("`context=` is a number of lines")?),
        None => (rest, CONTEXT),
    };
    let (old, rest) = word(rest);
    let old = sources.chapter(old)?;
    let (new, source, names) = file_and_items(sources, rest)?;
    let pieces = items::find(&source, &names)?;
    let before = sources.read_if_there(old, &source.path)?;
    let changes = Changes::new(before.as_deref(), &source);
    // The whole file includes what was removed at its end.
    let is_wanted = |number| names.is_empty() || items::are_on(&pieces, number);
    let (text, lines) = changes.text(context, is_wanted);
    if text.is_empty() {
        bail!("{} is the same in {} and {}", source.path, old.name, new.name);
    }
    let caption = format!("{} → {}", old.title(), new.title());
    Ok(listing::listing(new, &source, Some(&caption), &text, lines))
}
