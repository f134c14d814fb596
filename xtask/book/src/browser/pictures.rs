//! Pictures of the pages, and the whole book as a PDF.

use std::env;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::pages;
use super::program::{Browser, NAMES};
use super::site::Site;
use crate::sources::Sources;

/// The theme and the width of each screenshot, and the end of its file name.
const LOOKS: [(&str, u32, &str); 3] =
    [("light", 1200, "light"), ("navy", 1200, "dark"), ("light", 390, "phone")];

/// Takes screenshots of these pages, or of all: light, dark, and as wide as a phone.
pub(crate) fn screenshots(folder: &Path, chosen: &[String], height: u32) -> Result<()> {
    let sources = Sources::find()?;
    let root = sources.root().join("book/book");
    let chosen = if chosen.is_empty() { pages::all(&root)? } else { chosen.to_vec() };
    fs::create_dir_all(folder)?;
    let site = Site::serve(&root, pages::in_frame(pages::FRAME, &[])?)?;
    for page in &chosen {
        let page = page.trim_start_matches('/');
        if !root.join(page).is_file() {
            bail!(
                "no page {page} in book/book; build the book, or name one such as part1/index.html"
            );
        }
        for (theme, width, look) in LOOKS {
            let name = page.trim_end_matches(".html").replace('/', "-");
            let file = env::current_dir()?.join(folder).join(format!("{name}-{look}.png"));
            let query = format!("?page=/{page}&theme={theme}&width={width}&height={height}");
            let options = [
                format!("--screenshot={}", file.display()),
                format!("--window-size={width},{height}"),
            ];
            let Some(browser) = Browser::start(&sources, &options, &site.frame(&query))? else {
                bail!("pictures need a browser: one of {}", NAMES.join(", "));
            };
            browser.wait()?;
            println!("{}", file.display());
        }
    }
    Ok(())
}

/// Prints a document as a PDF. Its addresses are relative to the built book.
///
/// # Errors
/// If there is no browser, or it writes no PDF.
pub(crate) fn print(sources: &Sources, document: String, file: &Path) -> Result<()> {
    let site = Site::serve(&sources.root().join("book/book"), document)?;
    let file = std::path::absolute(file)?;
    if file.exists() {
        fs::remove_file(&file).with_context(|| file.display().to_string())?;
    }
    let options = [
        format!("--print-to-pdf={}", file.display()),
        "--no-pdf-header-footer".to_string(),
        "--generate-pdf-document-outline".to_string(),
    ];
    let Some(browser) = Browser::start(sources, &options, &site.frame(""))? else {
        bail!(
            "a PDF is printed by a browser, and none of {} is installed: apt install chromium, brew install chromium, or \
             Google Chrome. An EPUB needs none: --epub",
            NAMES.join(", ")
        );
    };
    browser.wait()?;
    // The browser exits with success even if it could not write the file.
    if !file.is_file() {
        bail!("the browser has not written {}", file.display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_printed() {
        let sources = Sources::find().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.pdf");
        let document = "<!DOCTYPE html><title>A</title><p>B".to_string();
        match print(&sources, document, &file) {
            Ok(()) => assert!(fs::read(&file).unwrap().starts_with(b"%PDF-")),
            Err(error) => {
                let error = error.to_string();
                assert!(error.contains("is installed: apt install chromium"), "{error}");
                println!("skipped: {error}");
            }
        }
    }
}
