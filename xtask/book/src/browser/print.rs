//! Prints a document as a PDF.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use wire::clients::BROWSERS;

use super::program::Browser;
use super::site::Site;
use crate::sources::Sources;

/// Prints a document as a PDF. Its addresses are relative to the built book.
pub(crate) fn print(sources: &Sources, document: String, file: &Path) -> Result<()> {
    let site = Site::serve(&sources.root().join("book/book"), document, None, None)?;
    let file = std::path::absolute(file)?;
    if file.exists() {
        fs::remove_file(&file).with_context(|| file.display().to_string())?;
    }
    let options = [
        format!("--print-to-pdf={}", file.display()),
        "--no-pdf-header-footer".to_string(),
        "--generate-pdf-document-outline".to_string(),
    ];
    let Some(browser) = Browser::start(sources, &options, &site.frame(0, 1))? else {
        bail!(
            "a PDF is printed by a browser, and none of {} is installed: apt install chromium, brew install chromium, or \
             Google Chrome. An EPUB needs none: --epub",
            BROWSERS.join(", ")
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
