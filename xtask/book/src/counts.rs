//! Compares the numbers in the prose, such as "nine exercises", with the real ones.
//!
//! Only phrases with a single meaning are compared:
//!
//! | in the prose | is the number of |
//! |---|---|
//! | `three exercises`, on a page of a part | exercises of the part's chapter |
//! | `nine exercises`, on any other page | exercises of the course |
//! | `the six chapters`, `all six chapters` | directories in `chapters` |
//! | `in six parts`, in the introduction | parts of the book |

use std::collections::BTreeSet;

use anyhow::Result;
use regex::Regex;

use crate::config::{BookPart, Config};
use crate::pattern::regex;
use crate::sources::Sources;
use crate::{exercise, files, page};

/// Number words in prose, from 1 on.
const WORDS: &str = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen \
    seventeen eighteen nineteen twenty";

/// The real numbers for a page. `None` is not counted there.
struct Real {
    exercises: usize,
    chapters: usize,
    parts: Option<usize>,
}

/// Compares the counts of all pages. Returns the number of compared counts.
pub(crate) fn check(sources: &Sources, problems: &mut Vec<String>) -> Result<usize> {
    let parts = Config::read(sources.root())?.parts;
    let mut compared = 0;
    for (page, text) in files::pages(sources.root())? {
        compared += compare(&page, &text, &real(sources, &parts, &page)?, problems);
    }
    Ok(compared)
}

/// Compares the counts of a page. Returns the number of compared counts.
fn compare(page: &str, text: &str, real: &Real, problems: &mut Vec<String>) -> usize {
    let prose = page::prose(text, str::to_string);
    let mut compared = 0;
    let mut compare = |pattern: &Regex, noun: &str, real: usize| {
        for found in pattern.captures_iter(&prose) {
            let Some(said) = number(&found[1]) else { continue };
            compared += 1;
            if said != real {
                let at = found.get(0).map_or(0, |all| all.start());
                let line = prose[..at].matches('\n').count() + 1;
                let said = &found[1];
                problems.push(format!(
                    "book/src/{page}:{line}: it says {said} {noun}, and there are {real}"
                ));
            }
        }
    };
    compare(regex!(r"\b(\w+)\s+exercises\b"), "exercises", real.exercises);
    compare(regex!(r"\b(?:[Tt]he|[Aa]ll)\s+(\w+)\s+chapters\b"), "chapters", real.chapters);
    if let Some(parts) = real.parts {
        compare(regex!(r"\bin\s+(\w+)\s+parts\b"), "parts", parts);
    }
    compared
}

fn real(sources: &Sources, parts: &[BookPart], page: &str) -> Result<Real> {
    let part = parts.iter().find(|part| page.starts_with(&part.folder));
    let mut exercises = 0;
    for chapter in sources.chapters() {
        if part.is_none_or(|part| part.chapter == chapter.name) {
            exercises += exercise::of(chapter)?.len();
        }
    }
    let chapters = sources.chapters().iter().filter(|chapter| chapter.name != "final").count();
    // part3/messages/ and part3/routing/ are one part.
    let folders: BTreeSet<_> = parts.iter().map(|part| part.folder.split('/').next()).collect();
    let parts = (page == "introduction.md").then_some(folders.len());
    Ok(Real { exercises, chapters, parts })
}

/// A number in digits or in letters.
fn number(word: &str) -> Option<usize> {
    let word = word.to_lowercase();
    let spelled = WORDS.split(' ').position(|it| it == word).map(|index| index + 1);
    spelled.or_else(|| word.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str, parts: Option<usize>) -> Vec<String> {
        let mut problems = Vec::new();
        compare("a.md", text, &Real { exercises: 3, chapters: 6, parts }, &mut problems);
        problems
    }

    #[test]
    fn a_count_that_is_not_the_real_number_is_found_and_what_may_mean_something_else_is_not() {
        for (text, expected) in [
            ("Three exercises belong to it, 3 exercises.", None),
            (
                "# A\n\n```text\na\n```\nFour exercises.",
                Some("6: it says Four exercises, and there are 3"),
            ),
            ("for the\ntwo exercises", Some("2: it says two exercises, and there are 3")),
            ("The six chapters and final, all 6 chapters", None),
            ("The five chapters", Some("1: it says five chapters, and there are 6")),
            ("A server, in three parts.", Some("1: it says three parts, and there are 2")),
            (
                "```text\ntwo exercises\n```\nThe exercises of parts 4 and 5, and all exercises.",
                None,
            ),
            (
                "Two chapters later, one of seven chapters. The other chapters, all of the chapters.",
                None,
            ),
        ] {
            let expected: Vec<_> =
                expected.iter().map(|it| format!("book/src/a.md:{it}")).collect();
            assert_eq!(problems(text, Some(2)), expected, "{text}");
        }
        assert_eq!(problems("A body in three parts.", None), [""; 0]);
    }
}
