//! The changes of a file between two chapters, and of a program between two steps.

use std::collections::BTreeSet;

use similar::{ChangeTag, TextDiff};

use crate::source::Source;

/// A line of a diff.
struct Change {
    tag: ChangeTag,
    text: String,
    /// The line number in the new file where it is, or where it was removed.
    at: usize,
}

/// The lines of two files, of which the second is newer. Tests are left out.
pub(crate) struct Changes {
    changes: Vec<Change>,
    /// Whether white space at the ends of lines and hunks is left out.
    is_trimmed: bool,
}

impl Changes {
    /// Without an old file, all lines are new.
    pub(crate) fn new(old: Option<&Source>, new: &Source) -> Changes {
        let old_text = old.map(Source::texts).unwrap_or_default();
        let (mut changes, mut next) = (Vec::new(), 1);
        for change in TextDiff::from_slices(&old_text, &new.texts()).iter_all_changes() {
            let at = change.new_index().map_or(next, |index| index + 1);
            next = if change.tag() == ChangeTag::Delete { next } else { at + 1 };
            changes.push(Change { tag: change.tag(), text: change.value().to_string(), at });
        }
        Changes { changes, is_trimmed: false }
    }

    /// For a step: without the files' own comments, which name the steps and are not part of the addition, and without
    /// white space at the ends.
    pub(crate) fn of_step(old: Option<&Source>, new: &Source) -> Changes {
        let Changes { mut changes, .. } = Changes::new(old, new);
        changes.retain(|change| !change.text.starts_with("//!"));
        Changes { changes, is_trimmed: true }
    }

    /// The new lines.
    pub(crate) fn added(&self) -> BTreeSet<usize> {
        let added = self.changes.iter().filter(|change| change.tag == ChangeTag::Insert);
        added.map(|change| change.at).collect()
    }

    /// The changes in the `wanted` lines of the new file, with `context` unchanged lines around each, and the shown lines
    /// of the new file.
    pub(crate) fn text(
        &self,
        context: usize,
        wanted: impl Fn(usize) -> bool,
    ) -> (String, BTreeSet<usize>) {
        let (mut text, mut lines) = (String::new(), BTreeSet::new());
        for hunk in self.hunks(context, wanted) {
            if !text.is_empty() {
                text.push_str("@@\n");
            }
            for change in hunk {
                let sign = match change.tag {
                    ChangeTag::Delete => '-',
                    ChangeTag::Insert => '+',
                    ChangeTag::Equal => ' ',
                };
                let line = format!("{sign}{}", change.text);
                text.push_str(if self.is_trimmed { line.trim_end() } else { &line });
                text.push('\n');
                if change.tag != ChangeTag::Delete {
                    lines.insert(change.at);
                }
            }
        }
        (text, lines)
    }

    /// Neighbouring lines that are shown together.
    fn hunks(&self, context: usize, wanted: impl Fn(usize) -> bool) -> Vec<&[Change]> {
        let is_equal = |index: &usize| self.changes[*index].tag == ChangeTag::Equal;
        let (end, mut shown) = (self.changes.len(), BTreeSet::new());
        for index in (0..end).filter(|index| self.is_wanted(*index, &wanted)) {
            shown.insert(index);
            shown.extend((index + 1..end).take(context).take_while(is_equal));
            shown.extend((0..index).rev().take(context).take_while(is_equal));
        }
        let shown: Vec<usize> = shown.into_iter().collect();
        let hunks = shown.chunk_by(|one, next| one + 1 == *next);
        let hunks = hunks.map(|hunk| &self.changes[hunk[0]..=hunk[hunk.len() - 1]]);
        if !self.is_trimmed {
            return hunks.collect();
        }
        let hunks = hunks.map(trimmed);
        hunks.filter(|hunk| hunk.iter().any(|change| !change.text.trim().is_empty())).collect()
    }

    fn is_wanted(&self, index: usize, wanted: impl Fn(usize) -> bool) -> bool {
        let Change { tag, at, .. } = self.changes[index];
        match tag {
            ChangeTag::Equal => false,
            ChangeTag::Insert => wanted(at),
            // A removed line belongs to an item if the item continues there, or if a new line of the item replaces it.
            ChangeTag::Delete => {
                let next = self.changes[index..].iter().find(|it| it.tag != ChangeTag::Delete);
                (wanted(at) && wanted(at.saturating_sub(1)))
                    || next.is_some_and(|next| next.tag == ChangeTag::Insert && wanted(next.at))
            }
        }
    }
}

/// The hunk without unchanged blank lines at its ends.
fn trimmed(mut hunk: &[Change]) -> &[Change] {
    let is_blank = |it: &Change| it.tag == ChangeTag::Equal && it.text.trim().is_empty();
    while let [first, rest @ ..] = hunk
        && is_blank(first)
    {
        hunk = rest;
    }
    while let [rest @ .., last] = hunk
        && is_blank(last)
    {
        hunk = rest;
    }
    hunk
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(old: &str, new: &str, wanted: &[usize], context: usize) -> String {
        let old = Source::new("steps/a.rs", old).unwrap();
        let new = Source::new("steps/b.rs", new).unwrap();
        let wanted = |number| wanted.is_empty() || wanted.contains(&number);
        Changes::of_step(Some(&old), &new).text(context, wanted).0
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
        let changes = Changes::new(Some(&old), &new);
        let all = ("-//! a\n+//! A\n \n c\n+d\n".to_string(), BTreeSet::from([1, 2, 3, 4]));
        assert_eq!(changes.text(3, |_| true), all);
        assert_eq!(changes.text(0, |_| true).0, "-//! a\n+//! A\n@@\n+d\n");
        let back = Changes::new(Some(&new), &old);
        assert_eq!(back.text(0, |_| true).0, "-//! A\n+//! a\n@@\n-d\n");
        assert_eq!(changes.added(), BTreeSet::from([1, 4]));
        assert_eq!(Changes::new(None, &new).added().len(), 4);
    }
}
