//! Reads the rules from `words.toml`, and finds their patterns in a text.

use anyhow::{Context, Result};
use regex::Regex;
use serde::{Deserialize, Deserializer, de};

/// The file, which is a part of this program. It explains the patterns.
const FILE: &str = include_str!("../../words.toml");

/// Patterns with targets, and required terms.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rules {
    #[serde(rename = "pattern")]
    pub(super) patterns: Vec<Pattern>,
    /// The required terms. A term may have several spellings: `busy loop|spin`.
    pub(super) terms: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pattern {
    /// Its name in messages. A denied word has none.
    #[serde(default)]
    pub(super) name: String,
    #[serde(deserialize_with = "multiline")]
    regex: Regex,
    pub(super) target: Target,
    #[serde(default)]
    pub(super) only: Kind,
    /// Whether a match in a question does not count.
    #[serde(default)]
    questions: bool,
}

/// How often a pattern may be found.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Target {
    /// At most, for each 1,000 words.
    Most(f64),
    /// At least, for each 1,000 words.
    Least(f64),
    /// At most, for each sentence.
    MostASentence(f64),
    /// Never. These are the words to write instead.
    Instead(String),
}

/// The kind of a text. A pattern for one kind also applies to the kinds below it.
#[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    #[default]
    Any,
    /// Pages.
    Prose,
    /// Core pages.
    Core,
}

/// A file's text, and its set.
pub(super) struct Text {
    pub(super) file: String,
    pub(super) set: &'static str,
    pub(super) kind: Kind,
    /// The text, with the same line numbers as the file.
    pub(super) lines: String,
}

/// A match of a pattern.
pub(super) struct Hit<'a> {
    pub(super) text: &'a Text,
    pub(super) line: usize,
    pub(super) found: &'a str,
    pub(super) pattern: &'a Pattern,
}

impl Rules {
    pub(super) fn read() -> Result<Rules> {
        toml::from_str(FILE).context("xtask/book/words.toml")
    }

    /// The findings in a text, by line.
    pub(super) fn hits<'a>(&'a self, text: &'a Text) -> Vec<Hit<'a>> {
        let mut hits = Vec::new();
        for pattern in &self.patterns {
            if pattern.is_denied() && text.kind < pattern.only {
                continue;
            }
            for found in pattern.regex.find_iter(&text.lines) {
                if pattern.questions && is_question(&text.lines[found.end()..]) {
                    continue;
                }
                let at = found.end() - found.as_str().trim_start().len();
                let line = text.lines[..at].matches('\n').count() + 1;
                hits.push(Hit { text, line, found: found.as_str().trim(), pattern });
            }
        }
        hits.sort_by_key(|hit| hit.line);
        hits
    }
}

impl Pattern {
    pub(super) fn is_denied(&self) -> bool {
        matches!(self.target, Target::Instead(_))
    }
}

/// A regular expression in which `^` matches at the start of each line.
fn multiline<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Regex, D::Error> {
    let text = String::deserialize(deserializer)?;
    Regex::new(&format!("(?m){text}")).map_err(de::Error::custom)
}

/// Whether a sentence that continues with `rest` is a question.
fn is_question(rest: &str) -> bool {
    rest.find(['.', '!', '?', ';']).is_some_and(|at| rest[at..].starts_with('?'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(kind: Kind, text: &str) -> Vec<(usize, String)> {
        let text = Text { file: String::new(), set: "", kind, lines: text.to_string() };
        let rules = Rules::read().unwrap();
        rules.hits(&text).iter().map(|hit| (hit.line, hit.found.to_string())).collect()
    }

    #[test]
    fn a_finding_has_its_line_and_a_question_is_none() {
        let found = found(Kind::Any, "One\n\nWhat is a head?\nWhat is left waits\nat the door.");
        let expected = [(3, "a head"), (4, "What is"), (5, "door")];
        assert_eq!(found, expected.map(|(line, text)| (line, text.to_string())));
    }

    #[test]
    fn denied_words_are_found_and_words_that_contain_them_are_not() {
        let denied = "at the door\nthey are turned away\nthe head of it\na habit\nnoes\n";
        let right = "an indoor test\nseveral\nhead-of-line blocking\nHEAD\nconnection refused\n";
        let found = found(Kind::Any, &[denied, right].concat());
        assert_eq!(found.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn a_word_may_be_denied_on_pages_only() {
        let denied = |kind| found(kind, "A parked connection.").len();
        assert_eq!([Kind::Core, Kind::Prose, Kind::Any].map(denied), [1, 1, 0]);
    }
}
