//! The changes of a file between two chapters.

use std::collections::BTreeSet;
use std::fmt::Write;

use similar::{ChangeTag, TextDiff};

use crate::source::{Lines, Source};

/// A unified diff with `context` unchanged lines around each change, without tests, and the lines of the new file that
/// it shows.
///
/// With `pieces`, only the hunks that touch these lines of the new file.
pub(crate) fn render(
    old: Option<&Source>,
    new: &Source,
    pieces: &[Lines],
    context: usize,
) -> (String, BTreeSet<usize>) {
    let (numbers, old, new) = (new.code(), old.map(Source::texts).unwrap_or_default(), new.texts());
    let diff = TextDiff::from_slices(&old, &new);
    let (mut text, mut shown) = (String::new(), BTreeSet::new());
    for group in diff.grouped_ops(context) {
        let mut hunk = String::new();
        let mut lines = BTreeSet::new();
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let _ = writeln!(hunk, "{}{}", sign(change.tag()), change.value());
            lines.extend(change.new_index().map(|index| numbers[index]));
        }
        let is_wanted = |piece: &Lines| lines.iter().any(|number| piece.contains(number));
        if pieces.is_empty() || pieces.iter().any(is_wanted) {
            if !text.is_empty() {
                text.push_str("@@\n");
            }
            text.push_str(&hunk);
            shown.extend(lines);
        }
    }
    (text, shown)
}

/// The lines of the new file that are not in the old one.
pub(crate) fn added(old: Option<&Source>, new: &Source) -> BTreeSet<usize> {
    let (numbers, old, new) = (new.code(), old.map(Source::texts).unwrap_or_default(), new.texts());
    let diff = TextDiff::from_slices(&old, &new);
    let added = diff.iter_all_changes().filter(|change| change.tag() == ChangeTag::Insert);
    added.filter_map(|change| change.new_index()).map(|index| numbers[index]).collect()
}

/// The first character of a line in a diff.
pub(crate) fn sign(tag: ChangeTag) -> char {
    match tag {
        ChangeTag::Delete => '-',
        ChangeTag::Insert => '+',
        ChangeTag::Equal => ' ',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_shows_signs_and_knows_its_lines() {
        let old = Source::new("a.txt", "a\nb\nc\n").unwrap();
        let new = Source::new("a.txt", "a\nB\nc\nd\n").unwrap();
        let (text, shown) = render(Some(&old), &new, &[], 3);
        assert_eq!(text, " a\n-b\n+B\n c\n+d\n");
        assert_eq!(shown, BTreeSet::from([1, 2, 3, 4]));
        assert_eq!(render(Some(&old), &new, &[], 0).0, "-b\n+B\n@@\n+d\n");
        assert_eq!(added(Some(&old), &new), BTreeSet::from([2, 4]));
        assert_eq!(added(None, &new).len(), 4);
    }
}
