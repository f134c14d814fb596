//! Merges a file three ways, and finds what is left of conflicts.

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
        Some(1..128) => Merged { content: Some(output.stdout), conflict: Some(both_sides(path)) },
        _ => undecided(format!("{path}: not a text, and it differs from {changed}")),
    })
}

fn both_sides(path: &str) -> String {
    format!("{path} has both sides between <<<<<<< and >>>>>>>")
}

/// A sentence about the conflict markers that a person still has to edit, if there are any: seven of one sign, and a
/// space or nothing after them, as `git diff --check` finds them. Lines that the file had before are not leftovers,
/// because a text may have such a line.
pub(crate) fn unfinished(path: &str, content: &Content, before: &Content) -> Option<String> {
    let mut known = markers(before);
    let mut left = markers(content);
    left.retain(|(_, line)| match known.iter().position(|(_, other)| other == line) {
        Some(place) => {
            known.remove(place);
            false
        }
        None => true,
    });
    let has = |sign: &str| left.iter().any(|(_, line)| line.starts_with(sign));
    if has("<<<<<<<") && has(">>>>>>>") {
        return Some(both_sides(path));
    }
    let (number, line) = left.first()?;
    Some(format!("{path}: line {number} is left of a conflict: {line}"))
}

fn markers(content: &Content) -> Vec<(usize, String)> {
    let is_marker = |line: &str| {
        let signs = ["<<<<<<<", "|||||||", "=======", ">>>>>>>"];
        let rest = signs.into_iter().find_map(|sign| line.strip_prefix(sign));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    };
    let text = String::from_utf8_lossy(content.as_deref().unwrap_or_default());
    let lines = (1..).zip(text.lines()).filter(|(_, line)| is_marker(line));
    lines.map(|(number, line)| (number, line.to_string())).collect()
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
    fn what_one_side_has_changed_is_merged() {
        let both = "one\n2\n3\n4\nfive\n";
        for (sides, expected) in [
            (["1", "1", "2"], "2"),
            (["", "", "2"], "2"),
            (["1", "1", ""], ""),
            (["2", "1", "2"], "2"),
            (["1\n2\n3\n4\nfive\n", "1\n2\n3\n4\n5\n", "one\n2\n3\n4\n5\n"], both),
            // Merged once more, it is the same.
            ([both, "1\n2\n3\n4\n5\n", "one\n2\n3\n4\n5\n"], both),
        ] {
            let expected = Merged { content: content(expected), conflict: None };
            assert_eq!(merged(sides), expected, "{sides:?}");
        }
    }

    #[test]
    fn a_change_of_the_same_line_shows_both_sides() {
        let result = merged(["x\r\n", "1\r\n", "2\r\n"]);
        let expected = "<<<<<<< our/a\nx\n||||||| before\n1\n=======\n2\n>>>>>>> theirs\n";
        assert_eq!(result.content, content(&expected.replace('\n', "\r\n")));
        let sentence = "our/a has both sides between <<<<<<< and >>>>>>>";
        assert_eq!(result.conflict.as_deref(), Some(sentence));
        assert_eq!(unfinished("our/a", &result.content, &None).as_deref(), Some(sentence));
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

    #[test]
    fn every_marker_that_is_left_over_is_found_and_nothing_else() {
        let left = |text: String, before| unfinished("f", &content(&text), &content(before));
        for marker in ["<<<<<<< a", "||||||| a", "=======", ">>>>>>> a", "=======\r", "<<<<<<<"] {
            let sentence = format!("f: line 2 is left of a conflict: {}", marker.trim_end());
            assert_eq!(left(format!("a\n{marker}\nb\n"), ""), Some(sentence));
        }
        // Headings, rulers, shifts and text.
        for other in
            ["======", "========", "=======a", " =======", "a =======", "<<<<<< a", "-------"]
        {
            assert_eq!(left(format!("a\n{other}\nb\n"), ""), None, "{other}");
        }
        // What the file had before is not left over.
        let [once, twice] = ["Heading\n=======\n", "=======\n=======\n"];
        assert_eq!(left(once.into(), once), None);
        assert_eq!(left(once.into(), twice), None);
        assert!(left(twice.into(), once).is_some_and(|sentence| sentence.contains("line 2")));
    }
}
