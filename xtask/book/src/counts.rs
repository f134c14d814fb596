//! Compares the numbers of exercises in the prose, such as "nine exercises", with the real ones.
//!
//! A page of a part has the number of exercises of the part's chapter, and any other page counts all of them.

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
    let mut compared = 0;
    for (page, text) in files::pages(sources.root())? {
        let part = parts.iter().find(|part| page.starts_with(&part.folder));
        let mut real = 0;
        for chapter in sources.chapters() {
            if part.is_none_or(|part| part.chapter == chapter.name) {
                real += exercise::of(chapter)?.len();
            }
        }
        compared += compare(&page, &text, real, problems);
    }
    Ok(compared)
}

/// Compares the counts of a page. Returns the number of compared counts.
fn compare(page: &str, text: &str, real: usize, problems: &mut Vec<String>) -> usize {
    let prose = page::prose(text, str::to_string);
    let mut compared = 0;
    for found in regex!(r"\b(\w+)\s+exercises\b").captures_iter(&prose) {
        let said = &found[1];
        let Some(number) = number(said) else { continue };
        compared += 1;
        if number != real {
            let line = prose[..found.get_match().start()].matches('\n').count() + 1;
            problems.push(format!(
                "book/src/{page}:{line}: it says {said} exercises, and there are {real}"
            ));
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

    #[test]
    fn a_count_that_is_not_the_real_number_is_found_and_other_exercises_are_not_counted() {
        for (text, expected) in [
            ("Three exercises belong to it, 3 exercises.", ""),
            (
                "# A\n\n```text\na\n```\nFour exercises.",
                "6: it says Four exercises, and there are 3",
            ),
            ("for the\ntwo exercises", "2: it says two exercises, and there are 3"),
            ("```text\ntwo exercises\n```\nThe exercises of parts 4 and 5, and all exercises.", ""),
        ] {
            let mut problems = Vec::new();
            compare("a.md", text, 3, &mut problems);
            let expected: Vec<_> =
                expected.lines().map(|it| format!("book/src/a.md:{it}")).collect();
            assert_eq!(problems, expected, "{text}");
        }
    }
}
