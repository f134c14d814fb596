//! Compares the numbers in the prose, such as "nine exercises", with the real ones, and finds exercises that no page
//! shows.
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

/// Compares the counts of all pages. Returns the number of compared counts.
pub(crate) fn check(sources: &Sources, problems: &mut Vec<String>) -> Result<usize> {
    let config = Config::read(sources.root())?;
    let mut compared = 0;
    for (page, text) in files::pages(sources.root())? {
        let prose = page::prose(&text, str::to_string);
        for (pattern, noun, real) in counted(sources, &config.parts, &page)? {
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
        }
    }
    Ok(compared)
}

/// Finds exercises that no page shows, and pages whose title differs from the title of their exercise. Returns the
/// number of exercises.
pub(crate) fn exercises(sources: &Sources, problems: &mut Vec<String>) -> Result<usize> {
    let mut shown = Vec::new();
    for (page, text) in files::pages(sources.root())? {
        for part in page::parts(&text) {
            if let page::Part::Directive(_, directive) = part
                && let Some(number) = directive.strip_prefix("exercise ")
            {
                shown.push((number.trim().to_string(), page.clone(), text.clone()));
            }
        }
    }
    let mut count = 0;
    for chapter in sources.chapters() {
        for folder in exercise::of(chapter)? {
            count += 1;
            let Some((number, page, text)) =
                shown.iter().find(|(number, ..)| exercise::is_number(&folder, number))
            else {
                let folder = folder.strip_prefix(sources.root()).unwrap_or(&folder).display();
                problems.push(format!("{folder}: on no page; `{{{{#exercise N}}}}` shows it"));
                continue;
            };
            let title = exercise::title(&folder, number)?;
            if !text.lines().any(|line| line == title) {
                problems.push(format!("book/src/{page}: its title must be `{title}`"));
            }
        }
    }
    Ok(count)
}

/// What can be counted on this page: a pattern, whose only group is the number, a noun, and the real number.
fn counted(
    sources: &Sources,
    book_parts: &[BookPart],
    page: &str,
) -> Result<Vec<(&'static Regex, &'static str, usize)>> {
    let part = book_parts.iter().find(|part| page.starts_with(&part.folder));
    let mut exercises = 0;
    for chapter in sources.chapters() {
        if part.is_none_or(|part| part.chapter == chapter.name) {
            exercises += exercise::of(chapter)?.len();
        }
    }
    let chapters = sources.chapters().iter().filter(|chapter| chapter.name != "final").count();
    let mut counted = vec![
        (regex!(r"\b(\w+)\s+exercises\b"), "exercises", exercises),
        (regex!(r"\b(?:[Tt]he|[Aa]ll)\s+(\w+)\s+chapters\b"), "chapters", chapters),
    ];
    if page == "introduction.md" {
        // part3/messages/ and part3/routing/ are one part.
        let folders = book_parts.iter().map(|part| part.folder.split('/').next());
        let real = folders.collect::<BTreeSet<_>>().len();
        counted.push((regex!(r"\bin\s+(\w+)\s+parts\b"), "parts", real));
    }
    Ok(counted)
}

/// A number in digits or in letters.
fn number(word: &str) -> Option<usize> {
    let word = word.to_lowercase();
    let spelled = WORDS.split(' ').position(|it| it == word).map(|index| index + 1);
    spelled.or_else(|| word.parse().ok())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// A course with three exercises in chapter 4, one in chapter 5, and this text on this page.
    fn problems(page: &str, text: &str) -> Vec<String> {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "book/book.toml", BOOK);
        for chapter in ["01_echo", "04_router", "05_middleware"] {
            write(root.path(), &format!("chapters/{chapter}/Cargo.toml"), "");
        }
        write(root.path(), "final/Cargo.toml", "");
        for exercise in ["04_router:01_a", "04_router:02_b", "04_router:03_c", "05_middleware:04_d"]
        {
            let folder = exercise.replace(':', "/exercises/");
            write(root.path(), &format!("chapters/{folder}/task.md"), "# A");
        }
        write(root.path(), &format!("book/src/{page}"), text);
        let sources = Sources::at(root.path()).unwrap();
        let mut problems = Vec::new();
        check(&sources, &mut problems).unwrap();
        if text.contains("{{#exercise") {
            exercises(&sources, &mut problems).unwrap();
        }
        problems
    }

    const BOOK: &str = "[[preprocessor.course.part]]\nfolder = 'part1/'\nchapter = '01_echo'\n\
        [[preprocessor.course.part]]\nfolder = 'part2/one/'\nchapter = '04_router'\n\
        [[preprocessor.course.part]]\nfolder = 'part2/two/'\nchapter = '05_middleware'\n";

    fn write(root: &Path, file: &str, text: &str) {
        let file = root.join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    #[test]
    fn a_count_that_is_not_the_real_number_is_found() {
        for (page, right, wrong) in [
            ("part2/one/exercises.md", "Three exercises belong to it.", "Four exercises belong."),
            ("part2/one/index.md", "hours for the\nthree exercises", "for the\ntwo exercises"),
            ("part2/two/index.md", "1 exercises", "3 exercises"),
            ("companion.md", "the 4 exercises", "the nine exercises"),
            ("companion.md", "The three chapters and final", "The six chapters and final"),
            ("introduction.md", "A server, in two parts.", "A server, in three parts."),
        ] {
            assert_eq!(problems(page, right), [""; 0], "{page} {right}");
            let found = problems(page, wrong);
            assert_eq!(found.len(), 1, "{page} {wrong}: {found:?}");
            assert!(found[0].starts_with(&format!("book/src/{page}:")), "{found:?}");
        }
        assert_eq!(
            problems("part2/one/a.md", "# A\n\n```text\na\n```\nTwo exercises, in all."),
            ["book/src/part2/one/a.md:6: it says Two exercises, and there are 3"]
        );
    }

    #[test]
    fn what_may_mean_something_else_is_not_compared() {
        for text in [
            "```text\ntwo exercises\n```",
            "The exercises of parts 4 and 5, and all exercises, and exercises 3 to 5.",
            "Two chapters later, a request in two parts is one of seven chapters.",
            "The other chapters, all of the chapters.",
        ] {
            assert_eq!(problems("part2/one/a.md", text), [""; 0], "{text}");
        }
        assert_eq!(problems("part1/a.md", "A body in three parts."), [""; 0]);
    }

    #[test]
    fn an_exercise_on_no_page_is_found() {
        let page = |number| format!("# Exercise {number}: A\n\n{{{{#exercise {number}}}}}\n\n");
        let three = ["1", "02", "3"].map(page).concat();
        assert_eq!(problems("a.md", &format!("{three}{}", page("4"))), [""; 0]);
        assert_eq!(
            problems("a.md", &format!("{three}Exercise 4, and\n```text\n{{{{#exercise 4}}}}\n```")),
            ["chapters/05_middleware/exercises/04_d: on no page; `{{#exercise N}}` shows it"]
        );
        assert_eq!(
            problems("a.md", &format!("{three}# Exercise 4: B\n{{{{#exercise 4}}}}\n")),
            ["book/src/a.md: its title must be `# Exercise 4: A`"]
        );
    }
}
