//! Places that quote a value which the change has replaced: `DRAIN` was 10 seconds, and a page says so.
//!
//! A sentence does not say which ten seconds it means. So a line with the value is listed if it also has the name, if
//! its page belongs to the part that shows the changed code, or if it is a comment. All other lines are only counted.

use std::fmt::Write as _;
use std::fs;

use super::change::Change;
use super::pages::Page;
use super::source::Source;
use super::value::{Value, values};
use crate::git::split_zero;

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
    let as_text = |content: &Option<Vec<u8>>| {
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
    let mut named = Vec::new();
    let mut others = 0;
    for path in searched(source)? {
        let text = fs::read_to_string(source.workspace.path(&path)).unwrap_or_default();
        let is_page = path.starts_with("book/") || !path.contains('/');
        let is_near =
            is_page && path.rsplit_once('/').is_none_or(|(folder, _)| parts.contains(&folder));
        for (number, line) in text.lines().enumerate() {
            let quoted = value.quoted(line);
            let is_comment = !is_page && line.trim_start().starts_with("//");
            let is_named = value.is_named_in(line);
            let is_meant = is_near || is_comment || is_named;
            if quoted.is_some_and(|_| is_meant) || (is_page && value.is_written_out_in(line)) {
                let shown = excerpt(line, quoted.unwrap_or_default());
                named.push((!is_named, format!("  {path}:{}: {shown}\n", number + 1)));
            } else if quoted.is_some() {
                others += 1;
            }
        }
    }
    // Lines with the name come first.
    named.sort_by_key(|(is_unnamed, _)| *is_unnamed);
    let mut text = String::new();
    if !named.is_empty() {
        let _ = writeln!(text, "Lines that may quote {}, which was {}:", value.name, value.number);
        named.iter().take(MAX_QUOTES).for_each(|(_, line)| text.push_str(line));
        if named.len() > MAX_QUOTES {
            let _ = writeln!(text, "  and {} more", named.len() - MAX_QUOTES);
        }
    }
    if let Some(search) = value.search().filter(|_| others > 0) {
        let _ = writeln!(
            text,
            "Other lines with this value, probably of something else: {others} ({search})"
        );
    }
    Ok(text)
}

/// The pages, and the code of the chapters from the changed one on.
fn searched(source: &Source<'_>) -> anyhow::Result<Vec<String>> {
    let chapters = [source.chapter].into_iter().chain(source.workspace.after(source.chapter));
    let folders = chapters.map(|chapter| chapter.folder.as_str());
    let places: Vec<&str> = ["book/src", "README.md"].into_iter().chain(folders).collect();
    let listed = source.git.run(&[&["ls-files", "-z", "--"], &places[..]].concat())?;
    let mut paths = split_zero(&listed);
    paths.retain(|path| [".md", ".rs", ".toml"].iter().any(|end| path.ends_with(end)));
    Ok(paths)
}

/// The part of a long line around the value.
fn excerpt(line: &str, at: usize) -> String {
    let before = line[..at].char_indices().rev().map(|(at, _)| at).nth(SHOWN / 2).unwrap_or(0);
    let shown: String = line[before..].chars().take(SHOWN).collect();
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
