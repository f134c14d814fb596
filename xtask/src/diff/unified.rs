//! The lines of a file that came and went, and the unified form in which git shows them.

use std::fmt::Write;

use similar::{Algorithm, ChangeTag, DiffOp, TextDiff};

use super::compare::{Entry, Kind};
use crate::ui;

/// Unchanged lines shown around a change.
const CONTEXT: usize = 3;

/// The difference of two texts, line by line.
pub(crate) struct LineDiff {
    old: Vec<String>,
    new: Vec<String>,
    ops: Vec<DiffOp>,
}

impl LineDiff {
    pub(crate) fn new(old: &str, new: &str) -> LineDiff {
        // Histogram keeps functions together where the shortest script would mix their braces.
        let diff = TextDiff::configure().algorithm(Algorithm::Histogram).diff_lines(old, new);
        let lines = |text: &str| text.split_inclusive('\n').map(String::from).collect();
        LineDiff { old: lines(old), new: lines(new), ops: diff.ops().to_vec() }
    }

    pub(crate) fn added(&self) -> usize {
        self.count(|op| if op.tag() == similar::DiffTag::Equal { 0 } else { op.new_range().len() })
    }

    pub(crate) fn removed(&self) -> usize {
        self.count(|op| if op.tag() == similar::DiffTag::Equal { 0 } else { op.old_range().len() })
    }

    fn count(&self, of: impl Fn(&DiffOp) -> usize) -> usize {
        self.ops.iter().map(of).sum()
    }

    /// The changes with a little context, those that are near each other together.
    pub(crate) fn hunks(&self) -> Vec<Hunk<'_>> {
        let groups = similar::group_diff_ops(self.ops.clone(), CONTEXT);
        let hunk = |ops: Vec<DiffOp>| Hunk { diff: self, ops };
        groups.into_iter().filter(|ops| !ops.is_empty()).map(hunk).collect()
    }
}

/// Changes that are near each other.
pub(crate) struct Hunk<'a> {
    diff: &'a LineDiff,
    ops: Vec<DiffOp>,
}

impl<'a> Hunk<'a> {
    /// `@@ -1,4 +1,6 @@`: first line and number of lines, before and after.
    pub(crate) fn header(&self) -> String {
        let mut span = [(0, 0); 2];
        if let (Some(first), Some(last)) = (self.ops.first(), self.ops.last()) {
            span = [
                (first.old_range().start, last.old_range().end),
                (first.new_range().start, last.new_range().end),
            ];
        }
        let [old, new] = span.map(|(start, end)| match end - start {
            0 => format!("{start},0"),
            1 => format!("{}", start + 1),
            lines => format!("{},{lines}", start + 1),
        });
        format!("@@ -{old} +{new} @@")
    }

    /// Each line with its sign, in the order of a unified diff.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (ChangeTag, &'a str)> {
        let diff = self.diff;
        self.ops.iter().flat_map(move |op| {
            let old = diff.old[op.old_range()].iter().map(String::as_str);
            let new = diff.new[op.new_range()].iter().map(String::as_str);
            let lines: Vec<_> = if op.tag() == similar::DiffTag::Equal {
                old.map(|line| (ChangeTag::Equal, line)).collect()
            } else {
                let gone = old.map(|line| (ChangeTag::Delete, line));
                gone.chain(new.map(|line| (ChangeTag::Insert, line))).collect()
            };
            lines
        })
    }

    /// The changes as pairs of ranges: number of the first line and the lines, before and after.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = Block<'a>> {
        let diff = self.diff;
        self.ops.iter().map(move |op| Block {
            equal: op.tag() == similar::DiffTag::Equal,
            old_start: op.old_range().start + 1,
            old: &diff.old[op.old_range()],
            new_start: op.new_range().start + 1,
            new: &diff.new[op.new_range()],
        })
    }
}

/// Lines that are the same, or that took each other's place.
pub(crate) struct Block<'a> {
    pub equal: bool,
    pub old_start: usize,
    pub old: &'a [String],
    pub new_start: usize,
    pub new: &'a [String],
}

/// The unified diff of one file, without a header.
pub(crate) fn file(entry: &Entry) -> String {
    if entry.is_binary() {
        return format!("  {} bytes, now {}\n", entry.old.len(), entry.new.len());
    }
    let diff = entry.lines();
    let mut text = String::new();
    for hunk in diff.hunks() {
        if matches!(entry.kind, Kind::Changed | Kind::Moved) {
            text += &ui::paint(ui::PLACE, &hunk.header());
            text.push('\n');
        }
        for (tag, line) in hunk.lines() {
            let shown = line.trim_end_matches(['\r', '\n']);
            let _ = match tag {
                ChangeTag::Equal => writeln!(text, " {shown}"),
                ChangeTag::Insert => {
                    writeln!(text, "{}", ui::paint(ui::GOOD, &format!("+{shown}")))
                }
                ChangeTag::Delete => writeln!(text, "{}", ui::paint(ui::BAD, &format!("-{shown}"))),
            };
            if !line.ends_with('\n') {
                text += "\\ No newline at end of file\n";
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::tests::plain;

    #[test]
    fn a_change_is_shown_with_its_surroundings() {
        let old = "use a;\n1\n2\n3\n4\n5\n6\n7\n8\nend\n";
        let new = "use a;\n1\n2\n3\n4\nfive\n6\n7\n8\nend\n";
        assert_eq!(
            plain(&file(&Entry::of("src/lib.rs", old.as_bytes(), new.as_bytes()))),
            "@@ -3,7 +3,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n"
        );
    }

    #[test]
    fn a_missing_newline_at_the_end_is_told() {
        assert_eq!(
            plain(&file(&Entry::of("a", b"x\n", b"x\ny"))),
            "@@ -1 +1,2 @@\n x\n+y\n\\ No newline at end of file\n"
        );
    }

    #[test]
    fn a_new_file_is_all_plus_without_a_place() {
        assert_eq!(plain(&file(&Entry::of("a", b"", b"x\ny\n"))), "+x\n+y\n");
    }

    #[test]
    fn bytes_that_are_no_text_are_only_counted() {
        assert_eq!(file(&Entry::of("logo.png", b"\xff\xfe", b"\xff")), "  2 bytes, now 1\n");
    }

    #[test]
    fn lines_are_counted_by_what_came_and_what_went() {
        let diff = LineDiff::new("a\nb\nc\n", "a\nB\nc\nd\n");
        assert_eq!((diff.added(), diff.removed()), (2, 1));
    }
}
