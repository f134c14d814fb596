//! Merges a file three ways.

use std::fs;

use crate::git::Git;

/// The content of a file; `None` if it does not exist.
pub(crate) type Content = Option<Vec<u8>>;

/// A file after a merge.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Merged {
    pub content: Content,
    /// A sentence about what a person must decide.
    pub conflict: Option<String>,
}

/// Merges the change from `base` to `theirs` into `ours`. The labels of the three sides are printed at the markers of a
/// conflict.
///
/// # Errors
/// When git cannot be started, or the sides cannot be written to a temporary directory.
pub(crate) fn merge(
    [ours, base, theirs]: [&Content; 3],
    labels: [&str; 3],
) -> anyhow::Result<Merged> {
    let merged = |content: &Content| Merged { content: content.clone(), conflict: None };
    if ours == theirs || base == theirs {
        return Ok(merged(ours));
    } else if ours == base {
        return Ok(merged(theirs));
    }
    let [path, _, changed] = labels;
    let undecided = |why: String| Merged { conflict: Some(why), ..merged(ours) };
    let (Some(own), Some(new)) = (ours, theirs) else {
        return Ok(undecided(match theirs {
            None => format!("{path}: {changed} was deleted, and this one differs"),
            Some(_) => format!("{path}: {changed} has changed, and this one was deleted"),
        }));
    };
    let folder = tempfile::tempdir()?;
    let old = base.as_deref().unwrap_or_default();
    for (name, content) in [("ours", &own[..]), ("base", old), ("theirs", &new[..])] {
        fs::write(folder.path().join(name), content)?;
    }
    let form = ["merge-file", "-p", "--diff3"];
    let labels = labels.map(|label| ["-L", label]);
    let args = [&form[..], labels.as_flattened(), &["ours", "base", "theirs"]].concat();
    let output = Git::at(folder.path()).output(&args)?;
    // The status is the number of conflicts, or negative if git cannot merge.
    Ok(match output.status.code() {
        Some(0) => merged(&Some(output.stdout)),
        Some(1..128) => {
            let conflict = format!("{path} has both sides between <<<<<<< and >>>>>>>");
            Merged { content: Some(output.stdout), conflict: Some(conflict) }
        }
        _ => undecided(format!("{path}: not a text, and it differs from {changed}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Merges the sides ours, base, theirs. An empty text is a file that does not exist.
    fn merged(sides: [&str; 3]) -> Merged {
        let [ours, base, theirs] = sides.map(content);
        merge([&ours, &base, &theirs], ["our/a", "before", "theirs"]).unwrap()
    }

    fn content(text: &str) -> Content {
        (!text.is_empty()).then(|| text.into())
    }

    #[test]
    fn a_change_of_the_same_line_shows_both_sides() {
        let result = merged(["x\r\n", "1\r\n", "2\r\n"]);
        let expected = "<<<<<<< our/a\nx\n||||||| before\n1\n=======\n2\n>>>>>>> theirs\n";
        assert_eq!(result.content, content(&expected.replace('\n', "\r\n")));
        let sentence = "our/a has both sides between <<<<<<< and >>>>>>>";
        assert_eq!(result.conflict.as_deref(), Some(sentence));
    }

    #[test]
    fn a_conflict_that_no_marker_can_show_has_a_sentence_and_changes_nothing() {
        for (sides, sentence) in [
            (["mine", "old", ""], "our/a: theirs was deleted, and this one differs"),
            (["", "old", "new"], "our/a: theirs has changed, and this one was deleted"),
            (["\0a", "\0b", "\0c"], "our/a: not a text, and it differs from theirs"),
        ] {
            let expected = Merged { content: content(sides[0]), conflict: Some(sentence.into()) };
            assert_eq!(merged(sides), expected);
        }
    }
}
