//! Counts how many of each chapter's new and changed lines its part of the book shows.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail, ensure};

use crate::config::{BookPart, Config};
use crate::diff::Changes;
use crate::expand::expand_page;
use crate::files;
use crate::minutes::ranges;
use crate::source::is_rust;
use crate::sources::{Chapter, Sources};

/// Lines by file.
type Files = BTreeMap<String, BTreeSet<usize>>;

pub(crate) fn run(list_missing: bool) -> Result<()> {
    let sources = Sources::find()?;
    let book_parts = &Config::read(sources.root())?.parts;
    let shown = shown(&sources, book_parts)?;
    let nothing = Files::new();
    let mut complete = true;
    for part in book_parts {
        let name = &part.chapter;
        let chapter = sources.chapter(name)?;
        let wanted = wanted(&sources, chapter)?;
        let shown = shown.get(name).unwrap_or(&nothing);
        let mut missing = wanted.clone();
        for (path, lines) in &mut missing {
            lines.retain(|line| !shown.get(path).is_some_and(|shown| shown.contains(line)));
        }
        missing.retain(|_, lines| !lines.is_empty());
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
                println!("  {path}: {}", ranges(lines, "-"));
            }
        }
        complete &= missing.is_empty();
    }
    if !complete {
        bail!("some lines are shown nowhere in their part; `coverage --missing` lists them");
    }
    Ok(())
}

/// The lines of its chapter that each part shows.
fn shown(sources: &Sources, book_parts: &[BookPart]) -> Result<BTreeMap<String, Files>> {
    let mut all: BTreeMap<String, Files> = BTreeMap::new();
    for (path, text) in files::pages(sources.root())? {
        let Some(part) = book_parts.iter().find(|part| path.starts_with(&part.folder)) else {
            continue;
        };
        let (page, errors) = expand_page(sources, &path, &text);
        ensure!(errors.is_empty(), "{}", errors.join("\n"));
        for shown in page.shown {
            if shown.chapter == part.chapter {
                let files = all.entry(shown.chapter).or_default();
                files.entry(shown.path).or_default().extend(shown.lines);
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
        let old = before.map(|before| sources.read_if_there(before, &path)).transpose()?.flatten();
        let says_something = |number: &usize| new.line(*number).chars().any(char::is_alphanumeric);
        let added = Changes::new(old.as_deref(), &new).added();
        files.insert(path, added.into_iter().filter(says_something).collect());
    }
    Ok(files)
}
