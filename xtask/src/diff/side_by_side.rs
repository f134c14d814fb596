//! `--side-by-side`: old on the left, new on the right, long lines wrapped to the terminal.

use std::fmt::Write;

use anstyle::Style;
use unicode_width::UnicodeWidthChar;

use super::compare::{Entry, Kind};
use super::unified::{self, Block};
use crate::ui;

/// Columns of a line number and the space behind it.
const NUMBER: usize = 5;
/// A tab goes to the next multiple of this.
const TAB: usize = 4;
/// Below this width two columns cannot be read.
const NARROWEST: usize = 60;

/// One file in two columns. A file that is new or gone has nothing to stand beside, so it takes the whole width.
pub(crate) fn file(entry: &Entry, width: usize) -> String {
    if entry.is_binary() || matches!(entry.kind, Kind::New | Kind::Gone) || width < NARROWEST {
        return unified::file(entry);
    }
    let half = (width - 3) / 2;
    let diff = entry.lines();
    let mut text = String::new();
    for hunk in diff.hunks() {
        text += &ui::paint(ui::PLACE, &hunk.header());
        text.push('\n');
        for block in hunk.blocks() {
            rows(&block, half, &mut text);
        }
    }
    text
}

fn rows(block: &Block<'_>, half: usize, text: &mut String) {
    let (gone, added) =
        if block.equal { (Style::new(), Style::new()) } else { (ui::BAD, ui::GOOD) };
    for at in 0..block.old.len().max(block.new.len()) {
        let left = cell(block.old.get(at), block.old_start + at, half);
        let right = cell(block.new.get(at), block.new_start + at, half);
        for row in 0..left.len().max(right.len()) {
            let of = |cell: &[String]| cell.get(row).cloned().unwrap_or_default();
            let left = of(&left);
            let pad = " ".repeat(half - columns(&left));
            let (left, right) = (ui::paint(gone, &left), ui::paint(added, &of(&right)));
            let _ = writeln!(text, "{left}{pad} │ {right}");
        }
    }
}

/// A line as the rows it takes: its number, then its text, wrapped.
fn cell(line: Option<&String>, number: usize, half: usize) -> Vec<String> {
    let Some(line) = line else {
        return Vec::new();
    };
    let pieces = wrap(&without_tabs(line.trim_end_matches(['\r', '\n'])), half - NUMBER);
    let numbered = |(row, piece): (usize, String)| match row {
        0 => format!("{number:>4} {piece}"),
        _ => format!("     {piece}"),
    };
    pieces.into_iter().enumerate().map(numbered).collect()
}

fn columns(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or_default()).sum()
}

fn without_tabs(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut column = 0;
    for character in line.chars() {
        if character == '\t' {
            let spaces = TAB - column % TAB;
            text.push_str(&" ".repeat(spaces));
            column += spaces;
        } else {
            text.push(character);
            column += character.width().unwrap_or_default();
        }
    }
    text
}

/// Cuts a line into pieces that take at most `room` columns each.
fn wrap(line: &str, room: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut used = 0;
    for character in line.chars() {
        let takes = character.width().unwrap_or_default();
        if used + takes > room {
            pieces.push(String::new());
            used = 0;
        }
        if let Some(piece) = pieces.last_mut() {
            piece.push(character);
        }
        used += takes;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::tests::plain;

    #[test]
    fn both_columns_fit_the_width_and_long_lines_are_wrapped() {
        let old = "one\nlet a = 1;\nend\n";
        let new = "one\nlet a_name_that_is_too_long_for_the_column = 1;\nadded\nend\n";
        let text = plain(&file(&Entry::of("a.rs", old.as_bytes(), new.as_bytes()), 61));
        assert_eq!(
            text,
            "\
@@ -1,3 +1,4 @@
   1 one                      │    1 one
   2 let a = 1;               │    2 let a_name_that_is_too_l
                              │      ong_for_the_column = 1;
                              │    3 added
   3 end                      │    4 end
"
        );
        assert!(text.lines().all(|line| columns(line) <= 61));
    }

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(wrap("日本語", 5), ["日本", "語"]);
        assert_eq!(wrap("", 5), [""]);
    }

    #[test]
    fn tabs_become_spaces() {
        assert_eq!(without_tabs("a\tb"), "a   b");
    }

    #[test]
    fn a_new_file_needs_no_second_column() {
        assert_eq!(plain(&file(&Entry::of("a", b"", b"x\n"), 80)), "+x\n");
    }
}
