//! `--side-by-side`: old on the left, new on the right, long lines wrapped to the terminal.

use std::fmt::Write;

use anstyle::Style;
use unicode_width::UnicodeWidthChar;

use super::files::FileDiff;
use crate::ui::{self, plain};

/// Columns of a line number and the space after it.
const NUMBER: usize = 5;
/// A tab goes to the next multiple of this.
const TAB: usize = 4;
/// Below this width two columns cannot be read.
const MIN_WIDTH: usize = 60;

/// One file in two columns. A new or removed file has only one column, so its lines take the whole width.
pub(crate) fn render(file: &FileDiff, width: usize) -> String {
    if file.is_one_sided() || width < MIN_WIDTH {
        return file.unified().to_string();
    }
    let mut columns = Columns { half: (width - 3) / 2, ..Columns::default() };
    for line in plain(file.body).lines() {
        match line.split_at_checked(1) {
            Some(("-", text)) => columns.old.push(text.to_string()),
            Some(("+", text)) => columns.new.push(text.to_string()),
            Some((" ", text)) => columns.unchanged(text),
            _ => columns.other(line),
        }
    }
    columns.flush([ui::BAD, ui::GOOD]);
    columns.text
}

/// The rows so far, and a change that is still being read.
#[derive(Default)]
struct Columns {
    /// The width of one column.
    half: usize,
    /// The numbers of the next lines, old and new.
    numbers: [usize; 2],
    /// Removed lines, and the added ones in their place.
    old: Vec<String>,
    new: Vec<String>,
    text: String,
}

impl Columns {
    fn unchanged(&mut self, line: &str) {
        self.flush([ui::BAD, ui::GOOD]);
        self.old.push(line.to_string());
        self.new.push(line.to_string());
        self.flush([Style::new(); 2]);
    }

    /// The header of a hunk, `@@ -1,4 +1,6 @@`, or a note of git's.
    fn other(&mut self, line: &str) {
        self.flush([ui::BAD, ui::GOOD]);
        let mut words = line.split(' ').skip(1);
        let mut first = |sign| {
            let number = words.next()?.strip_prefix(sign)?;
            number.split(',').next()?.parse().ok()
        };
        if let Some(numbers) = first('-').zip(first('+')) {
            self.numbers = numbers.into();
        }
        let _ = writeln!(self.text, "{}", ui::paint(ui::PLACE, line));
    }

    /// Writes the rows of a change, or of a line that is the same on both sides.
    fn flush(&mut self, styles: [Style; 2]) {
        let half = self.half;
        for at in 0..self.old.len().max(self.new.len()) {
            let left = cell(self.old.get(at), self.numbers[0] + at, half);
            let right = cell(self.new.get(at), self.numbers[1] + at, half);
            for row in 0..left.len().max(right.len()) {
                let [left, right] =
                    [&left, &right].map(|cell| cell.get(row).map_or("", String::as_str));
                let pad = " ".repeat(half - columns(left));
                let (left, right) = (ui::paint(styles[0], left), ui::paint(styles[1], right));
                let _ = writeln!(self.text, "{left}{pad} │ {right}");
            }
        }
        self.numbers[0] += self.old.len();
        self.numbers[1] += self.new.len();
        self.old.clear();
        self.new.clear();
    }
}

/// The rows of a line: its number, then its text, wrapped.
fn cell(line: Option<&String>, number: usize, half: usize) -> Vec<String> {
    let Some(line) = line else {
        return Vec::new();
    };
    let pieces = wrap(&without_tabs(line), half - NUMBER);
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
    use super::super::files::tests::tree;
    use super::super::files::{LINES, git_diff, split};
    use super::*;

    /// One changed file, side by side.
    fn rendered(old: &[(&str, &str)], new: &[(&str, &str)], width: usize) -> String {
        let printed = git_diff(&tree(old), &tree(new), LINES).unwrap();
        plain(&render(&split(&printed)[0], width))
    }

    #[test]
    fn both_columns_fit_the_width_and_long_lines_are_wrapped() {
        let old = "one\nlet a = 1;\nend\n";
        let new = "one\nlet a_name_that_is_too_long_for_the_column = 1;\nadded\nend\n";
        let text = rendered(&[("a.rs", old)], &[("a.rs", new)], 61);
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
        assert_eq!(rendered(&[], &[("a", "x\n")], 80), "+x\n");
    }
}
