//! One file, three-way: what it was, what a chapter made of it, what the change makes of it.

use std::fs;

use anyhow::bail;

use crate::git::Git;

/// What comes out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Merged {
    /// The change is in it already.
    Same,
    /// The chapter does not have the file, and the change does not make it.
    Absent,
    /// The new content; `None` to delete the file.
    Clean(Option<Vec<u8>>),
    /// The content with both sides in it.
    Conflict(Vec<u8>),
    /// Both sides cannot be shown in the file; a sentence that says what they are.
    Undecided(String),
}

/// Merges the change `old` to `new` into `current`. `None` is a file that is not there. The labels
/// stand at the markers of a conflict: current, old, new.
pub(super) fn merge(
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
    // The status is the number of conflicts, or 128 and above when git could not do it.
    match output.status.code() {
        Some(0) if output.stdout == current => Ok(Merged::Same),
        Some(0) => Ok(Merged::Clean(Some(output.stdout))),
        Some(1..=127) => Ok(Merged::Conflict(output.stdout)),
        _ => bail!("git merge-file failed: {}", String::from_utf8_lossy(&output.stderr).trim()),
    }
}

/// Whether a person still has to edit this.
pub(super) fn has_markers(content: &[u8]) -> bool {
    let starts =
        |mark: &[u8]| content.split(|&byte| byte == b'\n').any(|line| line.starts_with(mark));
    starts(b"<<<<<<< ") && starts(b">>>>>>> ")
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
}
