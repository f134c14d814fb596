//! Merges one file three ways: the old version, a chapter's version, and the version after the change.

use std::collections::BTreeMap;
use std::fs;

use anyhow::bail;

use crate::git::Git;

/// The result of a merge.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Merged {
    /// The file already contains the change.
    Same,
    /// The chapter does not have the file, and the change does not create it.
    Absent,
    /// The new content; `None` to delete the file.
    Clean(Option<Vec<u8>>),
    /// The content with conflict markers around both sides.
    Conflict(Vec<u8>),
    /// The file cannot show both sides; a sentence describes them.
    Undecided(String),
}

/// Merges the change `old` to `new` into `current`. `None` is a file that is not there. The labels
/// are printed at the markers of a conflict: current, old, new.
pub(crate) fn merge(
    current: Option<&[u8]>,
    old: Option<&[u8]>,
    new: Option<&[u8]>,
    labels: [&str; 3],
) -> anyhow::Result<Merged> {
    if current == new {
        return Ok(Merged::Same);
    }
    if current == old {
        return Ok(Merged::Clean(new.map(<[u8]>::to_vec)));
    }
    let (Some(current), Some(new)) = (current, new) else {
        return Ok(match current {
            None => Merged::Absent,
            Some(_) => {
                Merged::Undecided(format!("{} was deleted, and this one differs", labels[2]))
            }
        });
    };
    let old = old.unwrap_or_default();
    if [current, old, new].iter().any(|content| content.contains(&0)) {
        return Ok(Merged::Undecided(format!("not a text, and it differs from {}", labels[2])));
    }
    let folder = tempfile::tempdir()?;
    let mut args = vec!["merge-file", "-p", "--diff3"];
    for label in labels {
        args.extend(["-L", label]);
    }
    for (name, content) in [("current", current), ("old", old), ("new", new)] {
        fs::write(folder.path().join(name), content)?;
        args.push(name);
    }
    let output = Git::at(folder.path()).output(&args)?;
    // The status is the number of conflicts, or at least 128 if git failed.
    match output.status.code() {
        Some(0) if output.stdout == current => Ok(Merged::Same),
        Some(0) => Ok(Merged::Clean(Some(output.stdout))),
        Some(1..=127) => Ok(Merged::Conflict(output.stdout)),
        _ => bail!("git merge-file failed: {}", String::from_utf8_lossy(&output.stderr).trim()),
    }
}

/// The sentence about a marker without its others.
pub(crate) fn leftover(path: &str, line: usize, marker: &str) -> String {
    format!("{path}: line {line} is left of a conflict: {marker}")
}

/// Whether a line looks like a marker of a conflict, as `git diff --check` finds them: seven of one sign, and a
/// space or nothing after them.
fn is_marker(line: &[u8]) -> bool {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let (sign, rest) = line.split_at(line.len().min(7));
    let signs: [&[u8]; 4] = [b"<<<<<<<", b"|||||||", b"=======", b">>>>>>>"];
    signs.contains(&sign) && (rest.is_empty() || rest.starts_with(b" "))
}

/// The lines that look like markers.
fn markers(content: &[u8]) -> impl Iterator<Item = &[u8]> {
    content.split(|&byte| byte == b'\n').filter(|line| is_marker(line))
}

/// Whether any line looks like a marker.
pub(crate) fn has_markers(content: &[u8]) -> bool {
    markers(content).next().is_some()
}

/// The conflict markers that the user still has to edit, each with its line number. A line that looks like a marker may
/// be intended, for example in a test of merges: lines that are explained by `current`, `old` and `new` are not
/// leftovers.
pub(crate) fn leftovers(content: &[u8], [current, old, new]: [&[u8]; 3]) -> Vec<(usize, String)> {
    let count = |text: &[u8], marker: &[u8]| markers(text).filter(|line| *line == marker).count();
    let mut seen = BTreeMap::<&[u8], usize>::new();
    let mut left = Vec::new();
    for (number, line) in content.split(|&byte| byte == b'\n').enumerate() {
        if !is_marker(line) {
            continue;
        }
        let seen = seen.entry(line).or_default();
        *seen += 1;
        let known = (count(current, line) + count(new, line)).saturating_sub(count(old, line));
        if *seen > known {
            left.push((number + 1, String::from_utf8_lossy(line).trim_end().to_string()));
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(current: Option<&str>, old: Option<&str>, new: Option<&str>) -> Merged {
        let [current, old, new] = [current, old, new].map(|text| text.map(str::as_bytes));
        merge(current, old, new, ["current", "old", "new"]).unwrap()
    }

    #[test]
    fn an_untouched_file_is_copied_made_or_deleted() {
        let clean = |text: Option<&str>| Merged::Clean(text.map(|text| text.as_bytes().to_vec()));
        assert_eq!(merged(Some("a"), Some("a"), Some("b")), clean(Some("b")));
        assert_eq!(merged(None, None, Some("b")), clean(Some("b")));
        assert_eq!(merged(Some("a"), Some("a"), None), clean(None));
    }

    #[test]
    fn a_change_elsewhere_is_merged_and_found_again() {
        let (current, old, new) = ("1\n2\n3\n4\nfive\n", "1\n2\n3\n4\n5\n", "one\n2\n3\n4\n5\n");
        let both = "one\n2\n3\n4\nfive\n";
        assert_eq!(merged(Some(current), Some(old), Some(new)), Merged::Clean(Some(both.into())));
        assert_eq!(merged(Some(both), Some(old), Some(new)), Merged::Same);
    }

    #[test]
    fn a_change_of_the_same_line_shows_both_sides() {
        let Merged::Conflict(text) = merged(Some("x\n"), Some("1\n"), Some("2\n")) else {
            panic!()
        };
        assert!(has_markers(&text));
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "<<<<<<< current\nx\n||||||| old\n1\n=======\n2\n>>>>>>> new\n"
        );
    }

    #[test]
    fn what_no_marker_can_show_is_said() {
        assert!(matches!(merged(Some("mine"), Some("old"), None), Merged::Undecided(_)));
        assert!(matches!(merged(Some("\0a"), Some("\0b"), Some("\0c")), Merged::Undecided(_)));
        assert_eq!(merged(None, Some("old"), Some("new")), Merged::Absent);
    }

    #[test]
    fn every_marker_that_is_left_over_is_found_and_nothing_else() {
        let left = |text: &str| leftovers(text.as_bytes(), [b"", b"", b""]).len();
        for marker in ["<<<<<<< a", "||||||| a", "=======", ">>>>>>> a", "=======\r", "<<<<<<<"] {
            assert_eq!(left(&format!("a\n{marker}\nb\n")), 1, "{marker}");
        }
        // Headings, rulers, shifts and text.
        for other in
            ["======", "========", "=======a", " =======", "a =======", "<<<<<< a", "-------"]
        {
            assert_eq!(left(&format!("a\n{other}\nb\n")), 0, "{other}");
        }
        let whole = "<<<<<<< a\nx\n||||||| b\n=======\ny\n>>>>>>> c\n";
        assert_eq!(left(whole), 4);
    }

    #[test]
    fn a_marker_that_a_side_has_for_good_is_no_leftover() {
        let (with, twice) = (&b"Heading\n=======\n"[..], &b"=======\n=======\n"[..]);
        assert_eq!(leftovers(with, [with, b"", b""]), []);
        assert_eq!(leftovers(with, [b"", b"", with]), []);
        assert_eq!(leftovers(with, [with, with, with]), []);
        assert_eq!(leftovers(twice, [with, with, with]), [(2, "=======".to_string())]);
        assert_eq!(leftovers(twice, [with, b"", with]), []);
    }
}
