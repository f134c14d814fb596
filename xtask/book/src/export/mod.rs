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
mod title;
mod xhtml;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::config::{About, Config};
use crate::sources::Sources;
use crate::{browser, files};
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

/// Writes the requested files, and prints their paths.
pub(crate) fn run(wanted: &Wanted) -> Result<()> {
    ensure!(
        wanted.epub.is_some() || wanted.pdf.is_some(),
        "name a file: --epub FILE or --pdf FILE"
    );
    let sources = Sources::find()?;
    let (about, print, pages) = read(sources.root())?;
    if let Some(file) = &wanted.epub {
        fs::write(file, epub::pack(&about, &pages)?).with_context(|| file.display().to_string())?;
        println!("{} pages in {}", pages.len(), file.display());
    }
    if let Some(file) = &wanted.pdf {
        let document = pdf::document(&about, &pages, &print)?;
        browser::print::print(&sources, document, file)?;
        println!("{} pages in {}", pages.len(), file.display());
    }
    Ok(())
}

/// Checks without writing a file that each page is well-formed, and that each link has an anchor. Returns a few words
/// for the summary.
pub(crate) fn check(root: &Path, problems: &mut Vec<String>) -> Result<String> {
    let (about, _, pages) = read(root)?;
    if let Err(error) = epub::pack(&about, &pages) {
        problems.push(format!("EPUB: {error:#}"));
    }
    Ok(format!("{} pages in an EPUB", pages.len()))
}

/// Reads the metadata of the book, mdBook's print page, which contains the whole book, and its pages.
fn read(root: &Path) -> Result<(About, String, Vec<Page>)> {
    let print = files::read(root, "book/book/print.html");
    let print = print.context("`mdbook build book` writes the print page")?;
    let pages = pages::read(&print, &files::read(root, "book/src/SUMMARY.md")?)?;
    Ok((Config::read(root)?.book, print, pages))
}
