//! The directives of a page, which are between `{{#` and `}}`.

use std::collections::BTreeSet;
use std::rc::Rc;

use anyhow::{Context, Result, bail};

use crate::source::{Chapter, Source, Sources};
use crate::{diff, exercise, items, listing, minutes, plot, step, tree};

/// The default number of unchanged lines around a change.
const CONTEXT: usize = 3;

/// An expanded directive, that is its Markdown and the lines that it shows.
#[derive(Debug, Default)]
pub(crate) struct Expanded {
    pub(crate) markdown: String,
    pub(crate) shown: Vec<Shown>,
}

/// Lines of a chapter's file that a page shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) chapter: String,
    pub(crate) path: String,
    pub(crate) lines: BTreeSet<usize>,
}

/// Expands the text between `{{#` and `}}`.
pub(crate) fn expand(sources: &Sources, text: &str) -> Result<Expanded> {
    let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let rest = rest.trim();
    match name {
        "file" => file(sources, rest),
        "item" => item(sources, rest),
        "diff" => difference(sources, rest),
        "step" => step::render(sources, rest),
        "tree" => Ok(markdown(tree::render(sources, rest)?)),
        "exercise" => Ok(markdown(exercise::render(sources, rest)?)),
        "plot" => Ok(markdown(plot::render(sources.root(), rest)?)),
        "ladder" => generated(sources, "ladder", "cargo run -p wire --bin ladder"),
        "minutes" => Ok(markdown(minutes::MARK.to_string())),
        "version" => Ok(markdown(version())),
        "climb" => generated(sources, "climb", "cargo xtask prove-climb --write"),
        _ => bail!(
            "no directive `{name}`; there are file, item, diff, tree, step, exercise, plot, ladder, climb, minutes, version"
        ),
    }
}

/// Expands to a table that another command has written.
fn generated(sources: &Sources, name: &str, command: &str) -> Result<Expanded> {
    let file = sources.root().join(format!("book/src/generated/{name}.md"));
    let text = std::fs::read_to_string(&file)
        .with_context(|| format!("{}: make it with `{command}`", file.display()))?;
    Ok(markdown(text))
}

/// The version of the course, which is the same for all crates.
fn version() -> String {
    format!("<p class=\"course-meta\">Version {}</p>", env!("CARGO_PKG_VERSION"))
}

fn markdown(markdown: String) -> Expanded {
    Expanded { markdown, shown: Vec::new() }
}

/// `CHAPTER PATH [ITEM, ITEM …]`
fn file_and_items<'a>(
    sources: &'a Sources,
    rest: &'a str,
) -> Result<(&'a Chapter, Rc<Source>, Vec<&'a str>)> {
    let mut words = rest.splitn(3, char::is_whitespace);
    let chapter = sources.chapter(words.next().unwrap_or_default())?;
    let path = words.next().context("name a chapter and then a file, such as `01 src/echo.rs`")?;
    let names = words.next().unwrap_or_default().split(',').map(str::trim);
    Ok((chapter, sources.read(chapter, path)?, names.filter(|name| !name.is_empty()).collect()))
}

fn file(sources: &Sources, rest: &str) -> Result<Expanded> {
    let (chapter, source, names) = file_and_items(sources, rest)?;
    if !names.is_empty() {
        bail!("`file` shows a whole file; use `item` for a part of it");
    }
    let lines = source.code();
    Ok(Expanded {
        markdown: listing::whole(chapter, &source, &lines),
        shown: vec![shown(chapter, &source, lines)],
    })
}

fn item(sources: &Sources, rest: &str) -> Result<Expanded> {
    let (chapter, source, names) = file_and_items(sources, rest)?;
    if names.is_empty() {
        bail!("`item` needs the names of one or more items behind the path");
    }
    let mut pieces = Vec::new();
    for name in names {
        pieces.extend(items::find(&source, name)?);
    }
    let lines = pieces.iter().flat_map(|piece| piece.lines.clone().chain(piece.inside));
    Ok(Expanded {
        shown: vec![shown(chapter, &source, lines)],
        markdown: listing::pieces(chapter, &source, &pieces),
    })
}

/// `OLD NEW PATH [ITEM, ITEM …] [context=LINES]`
fn difference(sources: &Sources, rest: &str) -> Result<Expanded> {
    let (rest, context) = match rest.rsplit_once(" context=") {
        Some((rest, lines)) => (rest, lines.parse().context("`context=` is a number of lines")?),
        None => (rest, CONTEXT),
    };
    let (old, rest) =
        rest.split_once(char::is_whitespace).context("name two chapters and a file")?;
    let old = sources.chapter(old)?;
    let (new, source, names) = file_and_items(sources, rest.trim_start())?;
    let mut pieces = Vec::new();
    for name in names {
        pieces.extend(items::find(&source, name)?.into_iter().map(|piece| piece.lines));
    }
    let there = old.folder().join(&source.path).is_file();
    let before = if there { Some(sources.read(old, &source.path)?) } else { None };
    let (text, lines) = diff::render(before.as_deref(), &source, &pieces, context);
    if text.is_empty() {
        bail!("{} is the same in {} and {}", source.path, old.name, new.name);
    }
    Ok(Expanded {
        markdown: listing::difference(old, new, &source, &text),
        shown: vec![shown(new, &source, lines)],
    })
}

/// The lines of a file that a page shows.
pub(crate) fn shown(
    chapter: &Chapter,
    source: &Source,
    lines: impl IntoIterator<Item = usize>,
) -> Shown {
    Shown {
        chapter: chapter.name.clone(),
        path: source.path.clone(),
        lines: lines.into_iter().collect(),
    }
}
