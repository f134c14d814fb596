//! The new lines of a program, compared with another program.

use std::collections::BTreeSet;
use std::ops::Range;

use similar::{ChangeTag, TextDiff};

use crate::diff::sign;
use crate::source::Source;

/// Skips the file's own comment, which names the step and is not part of the addition.
pub(crate) fn is_doc(line: &str) -> bool {
    line.starts_with("//!")
}

/// A line of the diff between two programs.
struct Change {
    tag: ChangeTag,
    text: String,
    /// The line number in the new program where it is, or where it was removed.
    at: usize,
    /// Whether the page shows it.
    wanted: bool,
}

/// The diff between two programs, without their own comments.
pub(crate) struct Changes(Vec<Change>);

impl Changes {
    /// Marks the changed lines that are in the `wanted` lines of the new program.
    pub(crate) fn new(old: &Source, new: &Source, wanted: impl Fn(usize) -> bool) -> Changes {
        let (old_text, new_text, new_lines) = (old.texts(), new.texts(), new.code());
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
        changes.retain(|change| !is_doc(&change.text));
        Changes(changes)
    }

    /// The new lines that are wanted.
    pub(crate) fn added(&self) -> BTreeSet<usize> {
        let added = self.0.iter().filter(|it| it.wanted && it.tag == ChangeTag::Insert);
        added.map(|change| change.at).collect()
    }

    /// The wanted changes with `context` unchanged lines around each, and the shown lines of the new program.
    pub(crate) fn text(&self, context: usize) -> (String, BTreeSet<usize>) {
        let (mut text, mut lines) = (String::new(), BTreeSet::new());
        for hunk in self.hunks(context) {
            if !text.is_empty() {
                text.push_str("@@\n");
            }
            for change in &self.0[hunk] {
                text.push_str(format!("{}{}", sign(change.tag), change.text).trim_end());
                text.push('\n');
                if change.tag != ChangeTag::Delete {
                    lines.insert(change.at);
                }
            }
        }
        (text, lines)
    }

    /// Neighbouring lines that are shown together.
    fn hunks(&self, context: usize) -> Vec<Range<usize>> {
        let is_equal = |index: &usize| self.0[*index].tag == ChangeTag::Equal;
        let (end, mut shown) = (self.0.len(), BTreeSet::new());
        for index in (0..end).filter(|index| !is_equal(index) && self.0[*index].wanted) {
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
        let is_blank = |index: usize| {
            self.0[index].tag == ChangeTag::Equal && self.0[index].text.trim().is_empty()
        };
        for hunk in &mut hunks {
            while hunk.start < hunk.end && is_blank(hunk.start) {
                hunk.start += 1;
            }
            while hunk.start < hunk.end && is_blank(hunk.end - 1) {
                hunk.end -= 1;
            }
        }
        hunks.retain(|hunk| self.0[hunk.clone()].iter().any(|it| !it.text.trim().is_empty()));
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
        Changes::new(&old, &new, wanted).text(context).0
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
}
