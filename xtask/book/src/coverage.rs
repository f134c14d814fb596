//! Counts how many of each chapter's new and changed lines its part of the book shows.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context, Result, bail};

use crate::preprocess::expand_page;
use crate::source::{Chapter, Sources, is_rust};
use crate::{diff, files};

/// Lines by file.
type Files = BTreeMap<String, BTreeSet<usize>>;

/// A part of the book, and the chapter that it shows.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct BookPart {
    /// The directory of its pages, with a trailing `/`.
    pub(crate) folder: String,
    pub(crate) chapter: String,
}

pub(crate) fn run(list_missing: bool) -> Result<()> {
    let sources = Sources::find()?;
    let book_parts = book_parts(&sources)?;
    let shown = shown(&sources, &book_parts)?;
    let nothing = Files::new();
    let mut complete = true;
    for part in &book_parts {
        let name = &part.chapter;
        let chapter = sources.chapter(name)?;
        let wanted = wanted(&sources, chapter)?;
        let shown = shown.get(name).unwrap_or(&nothing);
        let missing: Files = wanted
            .iter()
            .map(|(path, lines)| {
                let shown = shown.get(path).cloned().unwrap_or_default();
                (path.clone(), lines.difference(&shown).copied().collect::<BTreeSet<_>>())
            })
            .filter(|(_, lines)| !lines.is_empty())
            .collect();
        let all: usize = wanted.values().map(BTreeSet::len).sum();
        let lacking: usize = missing.values().map(BTreeSet::len).sum();
        let have = all - lacking;
        println!(
            "{name}: {}.{} % ({have} of {all} lines)",
            have * 100 / all.max(1),
            have * 1000 / all.max(1) % 10
        );
        if list_missing {
            for (path, lines) in &missing {
                println!("  {path}: {}", ranges(lines));
            }
        }
        complete &= missing.is_empty();
    }
    if !complete {
        bail!("some lines are shown nowhere in their part; `coverage --missing` lists them");
    }
    Ok(())
}

/// Reads from `book.toml` which part belongs to which chapter.
pub(crate) fn book_parts(sources: &Sources) -> Result<Vec<BookPart>> {
    let file = sources.root().join("book/book.toml");
    let config: toml::Table = toml::from_str(&fs::read_to_string(&file)?)?;
    let parts = config
        .get("preprocessor")
        .and_then(|all| all.get("course"))
        .and_then(|course| course.get("part"))
        .with_context(|| format!("{} has no [[preprocessor.course.part]]", file.display()))?;
    Ok(parts.clone().try_into()?)
}

/// The lines of its chapter that each part shows.
fn shown(sources: &Sources, book_parts: &[BookPart]) -> Result<BTreeMap<String, Files>> {
    let mut all: BTreeMap<String, Files> = BTreeMap::new();
    let root = sources.root().join("book/src");
    for path in files::below(&root, "md")? {
        let Some(part) = book_parts.iter().find(|part| path.starts_with(&part.folder)) else {
            continue;
        };
        let text = fs::read_to_string(root.join(&path))?;
        for shown in expand_page(sources, &path, &text)?.shown {
            if shown.chapter == part.chapter {
                all.entry(shown.chapter)
                    .or_default()
                    .entry(shown.path)
                    .or_default()
                    .extend(shown.lines);
            }
        }
    }
    Ok(all)
}

/// The lines that a chapter adds or changes, without tests, blank lines and lines with only a brace.
fn wanted(sources: &Sources, chapter: &Chapter) -> Result<Files> {
    let before = sources.before(chapter);
    let mut files = Files::new();
    for path in chapter.files()? {
        if path.starts_with("tests/") || !(is_rust(&path) || path == "Cargo.toml") {
            continue;
        }
        let new = sources.read(chapter, &path)?;
        let old = match before {
            Some(before) if before.folder().join(&path).is_file() => {
                Some(sources.read(before, &path)?)
            }
            _ => None,
        };
        let says_something = |number: &usize| new.line(*number).chars().any(char::is_alphanumeric);
        let lines: BTreeSet<usize> =
            diff::added(old.as_deref(), &new).into_iter().filter(says_something).collect();
        files.insert(path, lines);
    }
    Ok(files)
}

/// `1-3, 7, 9-10`
fn ranges(lines: &BTreeSet<usize>) -> String {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for line in lines {
        match ranges.last_mut() {
            Some((_, end)) if *end + 1 == *line => *end = *line,
            _ => ranges.push((*line, *line)),
        }
    }
    let text = |(start, end): &(usize, usize)| {
        if start == end { start.to_string() } else { format!("{start}-{end}") }
    };
    ranges.iter().map(text).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_names_a_chapter() {
        let sources = Sources::find().unwrap();
        for part in book_parts(&sources).unwrap() {
            assert_eq!(sources.chapter(&part.chapter).unwrap().name, part.chapter);
            assert!(part.folder.ends_with('/'), "{}", part.folder);
        }
    }

    #[test]
    fn lines_in_a_row_are_a_range() {
        assert_eq!(ranges(&BTreeSet::from([1, 2, 3, 7, 9, 10])), "1-3, 7, 9-10");
    }
}
