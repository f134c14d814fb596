//! Exports the book as an EPUB and as a PDF, from the pages that mdBook has built.
//!
//! mdBook's print page contains the whole book, and its links stay within it, so both formats start from that page:
//! 1. [`mod@pages`] splits it into pages, opens the folds, and replaces elements that need a browser.
//! 2. [`xhtml`] and [`epub`] convert the pages to well-formed XML and pack them.
//! 3. [`pdf`] combines them into one document, which a browser prints.
//!
//! Nothing else is needed for an EPUB. `mdbook-epub` would need a program that takes minutes to compile and a stricter
//! Markdown, and pandoc drops folds and the marks of typed lines in transcripts.

mod epub;
mod pages;
mod pdf;
mod xhtml;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::browser;
use crate::source::Sources;
use pages::Page;

/// The output files.
#[derive(clap::Args)]
pub(crate) struct Wanted {
    /// Writes the book as an EPUB.
    #[arg(long, value_name = "FILE")]
    epub: Option<PathBuf>,
    /// Prints the book as a PDF, with a browser.
    #[arg(long, value_name = "FILE")]
    pdf: Option<PathBuf>,
}

/// The metadata of the book.
struct About {
    title: String,
    description: String,
    author: String,
    language: String,
    version: String,
}

/// Writes the requested files, and prints their paths.
///
/// # Errors
/// Returns an error if the book has not been built, a page cannot be read, or there is no browser for a PDF.
pub(crate) fn run(wanted: &Wanted) -> Result<()> {
    ensure!(
        wanted.epub.is_some() || wanted.pdf.is_some(),
        "name a file: --epub FILE or --pdf FILE"
    );
    let sources = Sources::find()?;
    let about = About::read(sources.root())?;
    let print = print_page(sources.root())?;
    let pages = pages(sources.root(), &print)?;
    if let Some(file) = &wanted.epub {
        fs::write(file, epub::pack(&about, &pages)?).with_context(|| file.display().to_string())?;
        println!("{} pages in {}", pages.len(), file.display());
    }
    if let Some(file) = &wanted.pdf {
        let document = pdf::document(&about, &pages, &print, &sources.root().join("book/book"))?;
        browser::print(&sources, document, file)?;
        println!("{} pages in {}", pages.len(), file.display());
    }
    Ok(())
}

/// Checks without writing a file that each page is well-formed, and that each link has an anchor. Returns a few words
/// for the summary.
pub(crate) fn check(sources: &Sources, problems: &mut Vec<String>) -> Result<String> {
    let pages = pages(sources.root(), &print_page(sources.root())?)?;
    if let Err(error) = epub::pack(&About::read(sources.root())?, &pages) {
        problems.push(format!("EPUB: {error:#}"));
    }
    Ok(format!("{} pages in an EPUB", pages.len()))
}

/// Reads mdBook's print page, which contains all pages.
fn print_page(root: &Path) -> Result<String> {
    fs::read_to_string(root.join("book/book/print.html"))
        .context("book/book/print.html is missing; `mdbook build book` writes it")
}

fn pages(root: &Path, print: &str) -> Result<Vec<Page>> {
    let summary =
        fs::read_to_string(root.join("book/src/SUMMARY.md")).context("book/src/SUMMARY.md")?;
    pages::read(print, &summary)
}

impl About {
    fn read(root: &Path) -> Result<About> {
        let config = fs::read_to_string(root.join("book/book.toml")).context("book/book.toml")?;
        let config: toml::Table = toml::from_str(&config).context("book/book.toml")?;
        let book = config.get("book").context("book/book.toml has no table `book`")?;
        let text = |value: Option<&toml::Value>| {
            value.and_then(toml::Value::as_str).unwrap_or_default().to_string()
        };
        Ok(About {
            title: text(book.get("title")),
            description: text(book.get("description")),
            author: text(book.get("authors").and_then(|authors| authors.get(0))),
            language: text(book.get("language")),
            version: env!("CARGO_PKG_VERSION").to_string(),
        })
    }

    /// The first page.
    fn title_page(&self) -> String {
        let [title, description, author] =
            [&self.title, &self.description, &self.author].map(|text| xhtml::escaped(text));
        format!(
            "<div class=\"title-page\"><h1>{title}</h1>\n<p>{description}</p>\n<p>{author}</p>\n\
             <p>Version {}</p>\n\
             <p>The text is under the Creative Commons Attribution 4.0 International licence \
             (<a href=\"https://creativecommons.org/licenses/by/4.0/\">CC BY 4.0</a>), the code under the MIT licence.</p>\n\
             </div>",
            self.version
        )
    }
}
