//! Counts how many of each chapter's new and changed lines its part of the book shows.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use anyhow::{Result, ensure};

use crate::config::{BookPart, Config};
use crate::diff::Changes;
use crate::expand::expand_page;
use crate::files;
use crate::listing::Shown;
use crate::minutes::ranges;
use crate::source::is_rust;
use crate::sources::{Chapter, Sources};

type Lines = BTreeSet<usize>;

/// Prints how much each part shows, and the lines that are shown nowhere.
pub(crate) fn run() -> Result<()> {
    let sources = Sources::find()?;
    let parts = &Config::read(sources.root())?.parts;
    let shown = shown(&sources, parts)?;
    let mut complete = true;
    for BookPart { chapter: name, .. } in parts {
        let (mut all, mut have, mut missing) = (0, 0, String::new());
        for (path, mut lines) in wanted(&sources, sources.chapter(name)?)? {
            all += lines.len();
            if let Some(shown) = shown.get(&(name.clone(), path.clone())) {
                have += lines.intersection(shown).count();
                lines.retain(|line| !shown.contains(line));
            }
            if !lines.is_empty() {
                let _ = writeln!(missing, "  {path}: {}", ranges(&lines, "-"));
            }
        }
        let (percent, tenth) = (have * 100 / all.max(1), have * 1000 / all.max(1) % 10);
        println!("{name}: {percent}.{tenth} % ({have} of {all} lines)");
        print!("{missing}");
        complete &= missing.is_empty();
    }
    ensure!(complete, "some lines are shown nowhere in their part");
    Ok(())
}

/// The lines of its chapter that each part shows, by chapter and file.
fn shown(sources: &Sources, parts: &[BookPart]) -> Result<BTreeMap<(String, String), Lines>> {
    let mut all: BTreeMap<_, Lines> = BTreeMap::new();
    for (path, text) in files::pages(sources.root())? {
        let Some(part) = parts.iter().find(|part| path.starts_with(&part.folder)) else {
            continue;
        };
        let (page, errors) = expand_page(sources, &path, &text);
        ensure!(errors.is_empty(), "{}", errors.join("\n"));
        for Shown { chapter, path, lines } in page.shown {
            if chapter == part.chapter {
                all.entry((chapter, path)).or_default().extend(lines);
            }
        }
    }
    Ok(all)
}

/// The lines that a chapter adds or changes, without tests, blank lines and lines with only a brace.
fn wanted(sources: &Sources, chapter: &Chapter) -> Result<BTreeMap<String, Lines>> {
    let before = sources.before(chapter);
    let mut files = BTreeMap::new();
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
