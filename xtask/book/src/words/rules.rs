//! Reads the rules from `words.toml`.

use anyhow::{Context, Result};
use regex::Regex;
use serde::Deserialize;

/// The file, which is a part of this program. It explains the patterns.
const FILE: &str = include_str!("../../words.toml");

/// Patterns with targets, denied words, and required terms.
pub(crate) struct Rules {
    pub(crate) patterns: Vec<Pattern>,
    pub(crate) denied: Vec<Denied>,
    /// The spellings of each term.
    pub(crate) terms: Vec<Vec<String>>,
}

/// A pattern with its target.
pub(crate) struct Pattern {
    pub(crate) name: String,
    pub(crate) regex: Regex,
    pub(crate) target: Target,
    pub(crate) only: Option<Only>,
    /// Whether a match in a question does not count.
    pub(crate) questions: bool,
}

/// The limit for each 1,000 words, or for each sentence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Target {
    Most(f64),
    Least(f64),
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
pub(crate) struct Denied {
    pub(crate) regex: Regex,
    pub(crate) instead: String,
    /// Whether it is denied on pages only.
    pub(crate) only_prose: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    pattern: Vec<ListedPattern>,
    deny: Vec<ListedDenied>,
    terms: Terms,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListedPattern {
    name: String,
    regex: String,
    most: Option<f64>,
    least: Option<f64>,
    most_a_sentence: Option<f64>,
    only: Option<Only>,
    #[serde(default)]
    questions: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListedDenied {
    regex: String,
    instead: String,
    only: Option<Only>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Terms {
    names: Vec<String>,
}

impl Rules {
    pub(crate) fn read() -> Result<Rules> {
        let listed: Listed = toml::from_str(FILE).context("xtask/book/words.toml")?;
        let patterns = listed.pattern.into_iter().map(pattern).collect::<Result<_>>()?;
        let denied = listed.deny.into_iter().map(|it| {
            let only_prose = it.only == Some(Only::Prose);
            anyhow::Ok(Denied { regex: Regex::new(&it.regex)?, instead: it.instead, only_prose })
        });
        let spellings = |name: &String| name.split('|').map(str::to_string).collect();
        Ok(Rules {
            patterns,
            denied: denied.collect::<Result<_>>()?,
            terms: listed.terms.names.iter().map(spellings).collect(),
        })
    }
}

fn pattern(listed: ListedPattern) -> Result<Pattern> {
    let ListedPattern { name, regex, most, least, most_a_sentence, only, questions } = listed;
    let target = match (most, least, most_a_sentence) {
        (Some(most), None, None) => Target::Most(most),
        (None, Some(least), None) => Target::Least(least),
        (None, None, Some(most)) => Target::MostASentence(most),
        _ => anyhow::bail!("xtask/book/words.toml: one target for `{name}`, not none and not two"),
    };
    let regex = Regex::new(&format!("(?m){regex}"))?;
    Ok(Pattern { name, regex, target, only, questions })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_read_and_its_patterns_find_what_they_are_for() {
        let rules = Rules::read().unwrap();
        let find = |name: &str| rules.patterns.iter().find(|it| it.name == name).unwrap();
        assert_eq!(find("persons").target, Target::Most(0.5));
        assert!(find("persons").regex.is_match("Whoever comes waits."));
        assert!(find("headless what").regex.is_match("It sends what is left."));
        assert!(find("headless what").regex.is_match("A\nWhat is left stays."));
        let denied = |text: &str| rules.denied.iter().any(|it| it.regex.is_match(text));
        for text in ["at the door", "they are turned away", "the head of it", "a habit", "noes"] {
            assert!(denied(text), "{text}");
        }
        for text in
            ["an indoor test", "several", "head-of-line blocking", "HEAD", "connection refused"]
        {
            assert!(!denied(text), "{text}");
        }
        assert!(rules.terms.contains(&vec!["4-tuple".to_string()]));
    }
}
