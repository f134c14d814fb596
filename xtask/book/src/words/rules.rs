//! Reads the rules from `words.toml`.

use anyhow::{Context, Result};
use regex::Regex;
use serde::{Deserialize, Deserializer, de};

/// The file, which is a part of this program. It explains the patterns.
const FILE: &str = include_str!("../../words.toml");

/// Patterns with targets, denied words, and required terms.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rules {
    #[serde(rename = "pattern")]
    pub(crate) patterns: Vec<Pattern>,
    #[serde(rename = "deny")]
    pub(crate) denied: Vec<Denied>,
    pub(crate) terms: Terms,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pattern {
    pub(crate) name: String,
    #[serde(deserialize_with = "multiline")]
    pub(crate) regex: Regex,
    pub(crate) target: Target,
    pub(crate) only: Option<Only>,
    /// Whether a match in a question does not count.
    #[serde(default)]
    pub(crate) questions: bool,
}

/// How often a pattern may be found.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    /// At most, for each 1,000 words.
    Most(f64),
    /// At least, for each 1,000 words.
    Least(f64),
    /// At most, for each sentence.
    MostASentence(f64),
}

/// The texts to which a pattern applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Only {
    /// Core pages.
    Core,
    /// Pages.
    Prose,
}

/// A word to avoid, and the field's own term.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Denied {
    #[serde(deserialize_with = "multiline")]
    pub(crate) regex: Regex,
    pub(crate) instead: String,
    pub(crate) only: Option<Only>,
}

/// The required terms. A name may have several spellings: `busy loop|spin`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Terms {
    pub(crate) names: Vec<String>,
}

impl Rules {
    pub(crate) fn read() -> Result<Rules> {
        toml::from_str(FILE).context("xtask/book/words.toml")
    }
}

/// A regular expression in which `^` matches at the start of each line.
fn multiline<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Regex, D::Error> {
    let text = String::deserialize(deserializer)?;
    Regex::new(&format!("(?m){text}")).map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn denied_words_are_found_and_words_that_contain_them_are_not() {
        let rules = Rules::read().unwrap();
        let denied = |text: &str| rules.denied.iter().any(|it| it.regex.is_match(text));
        for text in ["at the door", "they are turned away", "the head of it", "a habit", "noes"] {
            assert!(denied(text), "{text}");
        }
        for text in
            ["an indoor test", "several", "head-of-line blocking", "HEAD", "connection refused"]
        {
            assert!(!denied(text), "{text}");
        }
    }
}
