//! What mdBook calls: the book comes in as JSON, its directives are expanded, and it goes out again.

use std::io;

use anyhow::{Result, anyhow};
use mdbook_preprocessor::book::BookItem;

use crate::directive::{self, Shown};
use crate::page::{Part, parts};
use crate::source::Sources;
use crate::{figure, transcript};

/// Reads a book from standard input and writes it to standard output.
pub(crate) fn run() -> Result<()> {
    let (_context, mut book) = mdbook_preprocessor::parse_input(io::stdin())?;
    let sources = Sources::find()?;
    let mut errors = Vec::new();
    book.for_each_mut(|item| {
        let BookItem::Chapter(chapter) = item else { return };
        let Some(path) = chapter.path.as_ref().map(|path| path.display().to_string()) else {
            return;
        };
        match expand_page(&sources, &path, &chapter.content) {
            Ok(page) => chapter.content = page.markdown,
            Err(error) => errors.push(format!("{error:#}")),
        }
    });
    if !errors.is_empty() {
        return Err(anyhow!("{}", errors.join("\n")));
    }
    serde_json::to_writer(io::stdout(), &book)?;
    Ok(())
}

/// A page with its directives expanded.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) markdown: String,
    pub(crate) shown: Vec<Shown>,
}

/// Expands all directives, pictures and transcripts of a page.
///
/// # Errors
/// Everything that is wrong with the page, each with its line.
pub(crate) fn expand_page(sources: &Sources, path: &str, content: &str) -> Result<Page> {
    let mut page = Page::default();
    let mut errors = Vec::new();
    for part in parts(content) {
        let (line, expanded) = match part {
            Part::Text(line, text) => (line, Ok(text)),
            Part::Directive(line, text) => {
                let expanded = directive::expand(sources, &text).map(|expanded| {
                    page.shown.extend(expanded.shown);
                    expanded.markdown
                });
                (line, expanded.map_err(|error| error.context(format!("{{{{#{text}}}}}"))))
            }
            Part::Fence { line, info, body, raw } => {
                let expanded = match info.split([' ', ',']).next().unwrap_or_default() {
                    "svgbob" => figure::render(&info, &body.join("\n")),
                    "transcript" | "transcript-not-run" => Ok(transcript::render(&body)),
                    _ => Ok(raw.join("\n")),
                };
                (line, expanded)
            }
        };
        match expanded {
            Ok(text) => {
                page.markdown.push_str(&text);
                page.markdown.push('\n');
            }
            Err(error) => errors.push(format!("book/src/{path}:{line}: {error:#}")),
        }
    }
    if errors.is_empty() { Ok(page) } else { Err(anyhow!("{}", errors.join("\n"))) }
}
