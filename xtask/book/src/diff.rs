//! The changes of a file between two chapters, and of a program between two steps.

use std::collections::BTreeSet;
use std::ops::Range;

use similar::{ChangeTag, TextDiff};

use crate::items::Piece;
use crate::source::Source;

/// Skips the file's own comment, which names the step and is not part of the addition.
pub(crate) fn is_doc(line: &str) -> bool {
    line.starts_with("//!")
}

/// A line of a diff.
struct Change {
    tag: ChangeTag,
    text: String,
    /// The line number in the new file where it is, or where it was removed.
    at: usize,
    /// Whether the page shows it.
    wanted: bool,
}

/// The lines of two files, of which the second is newer. Tests are left out.
pub(crate) struct Changes {
    changes: Vec<Change>,
    /// Whether white space at the ends of lines and hunks is left out.
    is_trimmed: bool,
}

impl Changes {
    /// Marks the changed lines that are in the `wanted` lines of the new file.
    pub(crate) fn new(
        old: Option<&Source>,
        new: &Source,
        wanted: impl Fn(usize) -> bool,
    ) -> Changes {
        let old_text = old.map(Source::texts).unwrap_or_default();
        let (new_text, new_lines) = (new.texts(), new.code());
        let mut changes = Vec::new();
        let mut at = 1;
        for change in TextDiff::from_slices(&old_text, &new_text).iter_all_changes() {
            if let Some(index) = change.new_index() {
                at = new_lines[index] + 1;
            }
            let line = change.new_index().map_or(at, |index| new_lines[index]);
            let text = change.value().to_string();
            changes.push(Change { tag: change.tag(), text, at: line, wanted: wanted(line) });
        }
        // A removed line belongs to an item if the item continues there, or if a new line of the item replaces it.
        for index in 0..changes.len() {
            let next = changes[index..].iter().find(|change| change.tag != ChangeTag::Delete);
            let replaced = next.is_some_and(|next| next.tag == ChangeTag::Insert && next.wanted);
            let change = &changes[index];
            if change.tag == ChangeTag::Delete {
                let inside = change.wanted && wanted(change.at.saturating_sub(1));
                changes[index].wanted = inside || replaced;
            }
        }
        Changes { changes, is_trimmed: false }
    }

    /// For a step: without the files' own comments, which name the steps, and without white space at the ends.
    pub(crate) fn of_step(old: &Source, new: &Source, wanted: impl Fn(usize) -> bool) -> Changes {
        let Changes { mut changes, .. } = Changes::new(Some(old), new, wanted);
        changes.retain(|change| !is_doc(&change.text));
        Changes { changes, is_trimmed: true }
    }

    /// The new lines that are wanted.
    pub(crate) fn added(&self) -> BTreeSet<usize> {
        let added = self.changes.iter().filter(|it| it.wanted && it.tag == ChangeTag::Insert);
        added.map(|change| change.at).collect()
    }

    /// The wanted changes with `context` unchanged lines around each, and the shown lines of the new file. With
    /// `pieces`, only the hunks that touch these lines of the new file.
    pub(crate) fn text(&self, context: usize, pieces: &[Piece]) -> (String, BTreeSet<usize>) {
        let (mut text, mut lines) = (String::new(), BTreeSet::new());
        for hunk in self.hunks(context) {
            let new = self.changes[hunk.clone()].iter().filter(|it| it.tag != ChangeTag::Delete);
            let new: BTreeSet<usize> = new.map(|change| change.at).collect();
            let is_in = |piece: &Piece| new.iter().any(|number| piece.lines.contains(number));
            if !pieces.is_empty() && !pieces.iter().any(is_in) {
                continue;
            }
            lines.extend(new);
            if !text.is_empty() {
                text.push_str("@@\n");
            }
            for change in &self.changes[hunk] {
                let sign = match change.tag {
                    ChangeTag::Delete => '-',
                    ChangeTag::Insert => '+',
                    ChangeTag::Equal => ' ',
                };
                let line = format!("{sign}{}", change.text);
                text.push_str(if self.is_trimmed { line.trim_end() } else { &line });
                text.push('\n');
            }
        }
        (text, lines)
    }

    /// Neighbouring lines that are shown together.
    fn hunks(&self, context: usize) -> Vec<Range<usize>> {
        let is_equal = |index: &usize| self.changes[*index].tag == ChangeTag::Equal;
        let (end, mut shown) = (self.changes.len(), BTreeSet::new());
        for index in (0..end).filter(|index| !is_equal(index) && self.changes[*index].wanted) {
            shown.insert(index);
            shown.extend((index + 1..end).take(context).take_while(is_equal));
            shown.extend((0..index).rev().take(context).take_while(is_equal));
        }
        let mut hunks: Vec<Range<usize>> = Vec::new();
        for index in shown {
            match hunks.last_mut() {
                Some(last) if last.end == index => last.end = index + 1,
                _ => hunks.push(index..index + 1),
            }
        }
        if !self.is_trimmed {
            return hunks;
        }
        let is_blank = |index: usize| {
            self.changes[index].tag == ChangeTag::Equal
                && self.changes[index].text.trim().is_empty()
        };
        for hunk in &mut hunks {
            while hunk.start < hunk.end && is_blank(hunk.start) {
                hunk.start += 1;
            }
            while hunk.start < hunk.end && is_blank(hunk.end - 1) {
                hunk.end -= 1;
            }
        }
        hunks.retain(|hunk| self.changes[hunk.clone()].iter().any(|it| !it.text.trim().is_empty()));
        hunks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(old: &str, new: &str, wanted: &[usize], context: usize) -> String {
        let old = Source::new("steps/a.rs", old).unwrap();
        let new = Source::new("steps/b.rs", new).unwrap();
        let wanted = |number| wanted.is_empty() || wanted.contains(&number);
        Changes::of_step(&old, &new, wanted).text(context, &[]).0
    }

    #[test]
    fn an_insertion_has_its_context_and_no_comment_of_the_file() {
        let old = "//! Step 1.\n\nfn a() {\n    b();\n}\n";
        let new = "//! Step 2.\n//! More.\n\nfn a() {\n    b();\n    c();\n}\n";
        assert_eq!(text(old, new, &[], 1), "     b();\n+    c();\n }\n");
        assert_eq!(text(old, new, &[], 0), "+    c();\n");
    }

    #[test]
    fn only_the_lines_of_an_item_are_shown_also_if_its_neighbour_is_new() {
        let old = "fn main() {\n    a();\n}\n\nfn z() {}\n";
        let new = "fn main() {\n    b();\n}\n\nfn c() {}\n\nfn d() {}\n\nfn z() {}\n";
        assert_eq!(text(old, new, &[1, 2, 3], 1), " fn main() {\n-    a();\n+    b();\n }\n");
        assert_eq!(text(old, new, &[7], 1), "+fn d() {}\n");
        assert_eq!(text("a!();\n\nb!();\n", "a!();\n\nc!();\nb!();\n", &[], 1), "+c!();\n b!();\n");
    }

    #[test]
    fn a_diff_has_signs_and_knows_its_lines() {
        let old = Source::new("a.txt", "//! a\n\nc\n").unwrap();
        let new = Source::new("a.txt", "//! A\n\nc\nd\n").unwrap();
        let changes = Changes::new(Some(&old), &new, |_| true);
        let all = ("-//! a\n+//! A\n \n c\n+d\n".to_string(), BTreeSet::from([1, 2, 3, 4]));
        assert_eq!(changes.text(3, &[]), all);
        assert_eq!(changes.text(0, &[]).0, "-//! a\n+//! A\n@@\n+d\n");
        assert_eq!(changes.added(), BTreeSet::from([1, 4]));
        assert_eq!(Changes::new(None, &new, |_| true).added().len(), 4);
    }
}
