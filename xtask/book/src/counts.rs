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

use crate::config::Config;
use crate::pattern::regex;
use crate::sources::Sources;
use crate::{exercise, files, page};

/// Number words in prose, from 1 on.
const WORDS: &str = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen \
    seventeen eighteen nineteen twenty";

/// Compares the counts of all pages. Returns the number of compared counts.
pub(crate) fn check(sources: &Sources, problems: &mut Vec<String>) -> Result<usize> {
    let parts = Config::read(sources.root())?.parts;
    // part3/messages/ and part3/routing/ are one part.
    let folders: BTreeSet<_> = parts.iter().map(|part| part.folder.split('/').next()).collect();
    let chapters = sources.chapters().iter().filter(|chapter| chapter.name != "final").count();
    let mut compared = 0;
    for (page, text) in files::pages(sources.root())? {
        let part = parts.iter().find(|part| page.starts_with(&part.folder));
        let mut exercises = 0;
        for chapter in sources.chapters() {
            if part.is_none_or(|part| part.chapter == chapter.name) {
                exercises += exercise::of(chapter)?.len();
            }
        }
        let parts = (page == "introduction.md").then_some(folders.len());
        compared += compare(&page, &text, [Some(exercises), Some(chapters), parts], problems);
    }
    Ok(compared)
}

/// Compares the counts of a page with the real numbers of exercises, chapters and parts. `None` is not counted on this
/// page. Returns the number of compared counts.
fn compare(page: &str, text: &str, real: [Option<usize>; 3], problems: &mut Vec<String>) -> usize {
    let prose = page::prose(text, str::to_string);
    let phrases = [
        (regex!(r"\b(\w+)\s+exercises\b"), "exercises"),
        (regex!(r"\b(?:[Tt]he|[Aa]ll)\s+(\w+)\s+chapters\b"), "chapters"),
        (regex!(r"\bin\s+(\w+)\s+parts\b"), "parts"),
    ];
    let mut compared = 0;
    for ((phrase, noun), real) in phrases.into_iter().zip(real) {
        let Some(real) = real else { continue };
        for found in phrase.captures_iter(&prose) {
            let said = &found[1];
            let Some(number) = number(said) else { continue };
            compared += 1;
            if number != real {
                let line = prose[..found.get_match().start()].matches('\n').count() + 1;
                problems.push(format!(
                    "book/src/{page}:{line}: it says {said} {noun}, and there are {real}"
                ));
            }
        }
    }
    compared
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
        compare("a.md", text, [Some(3), Some(6), parts], &mut problems);
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
