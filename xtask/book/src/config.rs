//! What `book.toml` says about the book.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// The settings that the tools read. mdBook reads the others.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Config {
    pub(crate) book: About,
    preprocessor: Preprocessor,
    output: Output,
}

/// The metadata of the book.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct About {
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) authors: Vec<String>,
    pub(crate) language: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Preprocessor {
    course: Course,
}

/// The table `[preprocessor.course]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct Course {
    /// The parts of the book, in the order of reading.
    #[serde(rename = "part")]
    pub(crate) parts: Vec<BookPart>,
    /// Whether the findings of `check core` fail the build. Otherwise they are only printed.
    pub(crate) core_gate: bool,
    /// The same for `check words`.
    pub(crate) words_gate: bool,
}

/// A part of the book, and the chapter that it shows.
#[derive(Debug, Deserialize)]
pub(crate) struct BookPart {
    /// The directory of its pages, with a trailing `/`.
    pub(crate) folder: String,
    pub(crate) chapter: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Output {
    html: Html,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Html {
    redirect: BTreeMap<String, String>,
}

impl About {
    pub(crate) fn author(&self) -> String {
        self.authors.join(", ")
    }
}

impl Config {
    /// # Errors
    /// Returns an error if the file cannot be read, or has no part.
    pub(crate) fn read(root: &Path) -> Result<Config> {
        let text = fs::read_to_string(root.join("book/book.toml")).context("book/book.toml")?;
        let config: Config = toml::from_str(&text).context("book/book.toml")?;
        let has_parts = !config.course().parts.is_empty();
        ensure!(has_parts, "book/book.toml has no [[preprocessor.course.part]]");
        Ok(config)
    }

    pub(crate) fn course(&self) -> &Course {
        &self.preprocessor.course
    }

    /// The former addresses, each with the target of its redirect.
    pub(crate) fn redirects(&self) -> &BTreeMap<String, String> {
        &self.output.html.redirect
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_is_off_until_it_is_switched_on() {
        for (value, expected) in
            [("", false), ("core-gate = false", false), ("core-gate = true", true)]
        {
            let config: Config =
                toml::from_str(&format!("[preprocessor.course]\n{value}\n")).unwrap();
            assert_eq!(config.course().core_gate, expected, "{value}");
        }
    }
}
