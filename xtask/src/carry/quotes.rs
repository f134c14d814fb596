//! Places that quote a value which the change has replaced: `DRAIN` was 10 seconds, and a page says so.
//!
//! A sentence does not say which ten seconds it means. So a line with the value is listed if it also has the name, if
//! its page belongs to the part that shows the changed code, or if it is a comment. All other lines are only counted.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::change::Change;
use super::journal::Content;
use super::pages::Page;
use super::search::{Line, lines};
use super::source::Source;
use super::value::{Value, values};

/// How many lines are listed for one value.
const MAX_QUOTES: usize = 12;
/// How many characters of a line are shown around the value.
const SHOWN: usize = 70;

/// Lists the lines that may quote a value that the change has replaced. Empty when no value has changed.
pub(super) fn report(
    source: &Source<'_>,
    changes: &[Change],
    pages: &[Page],
) -> anyhow::Result<String> {
    let as_text = |content: &Content| {
        String::from_utf8_lossy(content.as_deref().unwrap_or_default()).into_owned()
    };
    let mut text = String::new();
    for change in changes {
        for value in values(&as_text(&change.old), &as_text(&change.new)) {
            text += &places(source, &value, pages)?;
        }
    }
    Ok(text)
}

/// The lines that may quote one value.
fn places(source: &Source<'_>, value: &Value, pages: &[Page]) -> anyhow::Result<String> {
    // The parts of the book that show the changed code.
    let parts: Vec<&str> = pages
        .iter()
        .filter(|page| page.of_source)
        .filter_map(|page| page.path.rsplit_once('/').map(|(folder, _)| folder))
        .chain(["book/src/appendix"])
        .collect();
    let is_meant = |line: &Line| {
        let folder = line.path.rsplit_once('/').map(|(folder, _)| folder);
        let is_comment = !is_page(&line.path) && line.text.trim_start().starts_with("//");
        let is_near = is_page(&line.path) && folder.is_none_or(|folder| parts.contains(&folder));
        is_comment || is_near || value.is_named_in(&line.text)
    };
    let pattern = value.pattern.as_deref();
    let quoted = pattern.map(|pattern| quoted(source, pattern)).transpose()?.unwrap_or_default();
    let (meant, others): (Vec<Line>, Vec<Line>) = quoted.into_iter().partition(is_meant);
    let named = if value.is_constant() { named(source, value)? } else { Vec::new() };
    // Lines with the name come first.
    let listed: BTreeMap<_, _> = named
        .into_iter()
        .chain(meant)
        .map(|line| ((!value.is_named_in(&line.text), line.path.clone(), line.number), line))
        .collect();
    let mut text = String::new();
    if !listed.is_empty() {
        let _ = writeln!(text, "Lines that may quote {}, which was {}:", value.name, value.number);
        for Line { path, number, at, text: line } in listed.values().take(MAX_QUOTES) {
            let _ = writeln!(text, "  {path}:{number}: {}", excerpt(line, *at));
        }
        if listed.len() > MAX_QUOTES {
            let _ = writeln!(text, "  and {} more", listed.len() - MAX_QUOTES);
        }
    }
    if let Some(pattern) = pattern.filter(|_| !others.is_empty()) {
        let _ = writeln!(
            text,
            "Other lines with this value, probably of something else: {} (git grep -nwiE '{pattern}')",
            others.len()
        );
    }
    Ok(text)
}

/// Whether the file is a page of the book or the README.
fn is_page(path: &str) -> bool {
    path.starts_with("book/") || !path.contains('/')
}

/// The lines with the value in the pages, and in the code of the chapters from the changed one on.
fn quoted(source: &Source<'_>, pattern: &str) -> anyhow::Result<Vec<Line>> {
    let mut places = vec!["README.md".to_string()];
    let chapters = [source.chapter].into_iter().chain(source.workspace.after(source.chapter));
    for folder in chapters.map(|chapter| chapter.folder.as_str()).chain(["book/src"]) {
        places.extend(["md", "rs", "toml"].map(|kind| format!("{folder}/*.{kind}")));
    }
    let places: Vec<&str> = places.iter().map(String::as_str).collect();
    lines(source.git, &["-wiE", pattern], &places)
}

/// The lines of pages that name the constant, other than to show its code.
fn named(source: &Source<'_>, value: &Value) -> anyhow::Result<Vec<Line>> {
    let mut named = lines(source.git, &["-wF", &value.name], &["README.md", "book/src/*.md"])?;
    named.retain(|line| !line.text.starts_with("{{#"));
    Ok(named)
}

/// The part of a long line around the value.
fn excerpt(line: &str, at: usize) -> String {
    let before = line.get(..at).unwrap_or_default();
    let start = before.char_indices().rev().map(|(at, _)| at).nth(SHOWN / 2).unwrap_or(0);
    let shown: String = line[start..].chars().take(SHOWN).collect();
    shown.trim().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_cut_around_the_value() {
        let line = format!("{} ten seconds {}", "é".repeat(100), "x".repeat(100));
        let shown = excerpt(&line, line.find("ten").unwrap());
        assert!(shown.contains("ten seconds") && shown.chars().count() <= SHOWN, "{shown}");
    }
}
