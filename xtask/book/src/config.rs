//! The settings in `book.toml` that the tools read.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use mdbook_preprocessor::config;
use serde::Deserialize;

pub(crate) struct Config {
    pub(crate) book: About,
    /// The parts of the book, in the order of reading.
    pub(crate) parts: Vec<BookPart>,
    /// The former addresses, each with the target of its redirect.
    pub(crate) redirects: BTreeMap<String, String>,
}

/// The metadata of the book.
#[derive(Debug, Default)]
pub(crate) struct About {
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) author: String,
    pub(crate) language: String,
}

/// A part of the book, and the chapter that it shows.
#[derive(Debug, Deserialize)]
pub(crate) struct BookPart {
    /// The directory of its pages, with a trailing `/`.
    pub(crate) folder: String,
    pub(crate) chapter: String,
}

impl Config {
    pub(crate) fn read(root: &Path) -> Result<Config> {
        let config = config::Config::from_disk(root.join("book/book.toml"));
        let config = config.context("book/book.toml")?;
        let parts = config.get("preprocessor.course.part")?;
        let redirects = config.get("output.html.redirect")?;
        let book = config.book;
        Ok(Config {
            parts: parts.context("book/book.toml has no [[preprocessor.course.part]]")?,
            redirects: redirects.unwrap_or_default(),
            book: About {
                title: book.title.unwrap_or_default(),
                description: book.description.unwrap_or_default(),
                author: book.authors.join(", "),
                language: book.language.unwrap_or_default(),
            },
        })
    }
}
