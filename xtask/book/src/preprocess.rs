//! The preprocessor that mdBook calls. It reads the book as JSON, expands its directives, and writes it.

use std::io;

use anyhow::{Context, Result, anyhow, bail};
use mdbook_preprocessor::book::{Book, BookItem};
use serde_json::Value;

use crate::config::Config;
use crate::directive;
use crate::expand::expand_page;
use crate::glossary::Glossary;
use crate::minutes::Minutes;
use crate::modules;
use crate::sources::Sources;

/// Reads a book from standard input and writes it to standard output.
pub(crate) fn run() -> Result<()> {
    let mut book = read(&io::read_to_string(io::stdin())?)?;
    let sources = Sources::find()?;
    // The labs are optional: without them the book can still be read.
    if let Err(error) = modules::refresh(&sources) {
        eprintln!("the labs of the book were not compiled: {error:#}");
    }
    let glossary = Glossary::read(sources.root())?;
    let mut minutes = Minutes::of(&Config::read(sources.root())?.parts);
    let mut errors = Vec::new();
    book.for_each_mut(|item| {
        let BookItem::Chapter(chapter) = item else { return };
        let Some(path) = chapter.path.as_ref().map(|path| path.display().to_string()) else {
            return;
        };
        // Glossary links come first, while the page has only prose, because words in a listing must not be linked.
        let content = glossary.link(&path, &chapter.content);
        let (page, found) = expand_page(&sources, &path, &content);
        minutes.add(&path, &chapter.name, &page);
        chapter.content = page.markdown;
        errors.extend(found);
    });
    if !errors.is_empty() {
        return Err(anyhow!("{}", errors.join("\n")));
    }
    let minutes = minutes.table();
    book.for_each_mut(|item| {
        if let BookItem::Chapter(chapter) = item {
            chapter.content = chapter.content.replace(directive::MINUTES, &minutes);
        }
    });
    serde_json::to_writer(io::stdout(), &book)?;
    Ok(())
}

/// The versions of mdBook whose format this program reads.
const SERIES: &str = "0.5.";

/// Parses the input from mdBook, which is its context and the book. The format of another version differs.
fn read(input: &str) -> Result<Book> {
    let value: Value = serde_json::from_str(input).context("mdBook sends no JSON")?;
    let version = value[0]["mdbook_version"].as_str().unwrap_or("of an unknown version");
    if !version.starts_with(SERIES) {
        bail!(
            "this book needs mdBook {SERIES}x, and this is mdBook {version}; `cargo xtask book` finds the right one, or \
             installs it into target/tools"
        );
    }
    let (_context, book) = mdbook_preprocessor::parse_input(input.as_bytes())?;
    Ok(book)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Regression test: the message was an error of serde, "missing field `items`".
    #[test]
    fn another_mdbook_is_told_with_the_way_out() {
        let input = r#"[{"root":"/b","config":{},"renderer":"html","mdbook_version":"0.4.40"},
            {"sections":[],"__non_exhaustive":null}]"#;
        let error = read(input).unwrap_err().to_string();
        assert!(
            error.starts_with(
                "this book needs mdBook 0.5.x, and this is mdBook 0.4.40; `cargo xtask book`"
            ),
            "{error}"
        );
        assert!(read("[{}, {}]").unwrap_err().to_string().contains("of an unknown version"));
        let right = r#"[{"root":"/b","config":{"book":{}},"renderer":"html","mdbook_version":"0.5.4"},{"items":[]}]"#;
        assert!(read(right).unwrap().items.is_empty());
    }
}
