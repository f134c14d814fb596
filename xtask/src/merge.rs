//! Merges files three ways, as git merges commits.

use std::collections::BTreeMap;

use anyhow::bail;

use crate::git::{Commit, Git, split_zero};
use crate::patch::Files;

/// The files after a merge.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Merged {
    /// All files of the three sides.
    pub files: Files,
    /// A sentence about each file that a person must edit, by its path.
    pub conflicts: BTreeMap<String, String>,
}

/// Merges the change from `base` to `theirs` into `ours`. A file that one of them does not list is missing there.
/// `labels` are printed at the markers of a conflict in a file: ours, base, theirs.
///
/// # Errors
/// When both sides have changed a file, and git is older than 2.38, which has no `git merge-tree --write-tree`.
pub(crate) fn merge(
    git: &Git,
    sides: [&Files; 3],
    labels: &dyn Fn(&str) -> [String; 3],
) -> anyhow::Result<Merged> {
    let mut merged = Merged::default();
    let mut changed_twice = [Files::new(), Files::new(), Files::new()];
    for path in sides.into_iter().flat_map(Files::keys) {
        let [ours, base, theirs] = sides.map(|side| side.get(path).cloned().flatten());
        if ours == theirs || base == theirs {
            merged.files.insert(path.clone(), ours);
        } else if ours == base {
            merged.files.insert(path.clone(), theirs);
        } else {
            for (side, content) in changed_twice.iter_mut().zip([ours, base, theirs]) {
                side.insert(path.clone(), content);
            }
        }
    }
    if !changed_twice[0].is_empty() {
        merge_trees(git, &changed_twice, labels, &mut merged)?;
    }
    Ok(merged)
}

/// Merges the files that both sides have changed. Git finds the base as the parent of both commits, because versions
/// before 2.40 have no option for another one.
fn merge_trees(
    git: &Git,
    sides: &[Files; 3],
    labels: &dyn Fn(&str) -> [String; 3],
    merged: &mut Merged,
) -> anyhow::Result<()> {
    let commit = |name, parents, files| Commit { name, parents, message: "to be merged", files };
    let ids = git.store_unnamed(&[
        commit("refs/worktree/merge/base", &[], &sides[1]),
        commit("refs/worktree/merge/ours", &[":1"], &sides[0]),
        commit("refs/worktree/merge/theirs", &[":1"], &sides[2]),
    ])?;
    let [base, ours, theirs] = &ids[..] else { bail!("git has not stored the sides") };
    // Git prints the ids of the three commits at the markers.
    let settings = ["merge.conflictStyle=diff3", "merge.renames=false", "core.abbrev=no"];
    let settings = settings.map(|setting| ["-c", setting]);
    let form = ["merge-tree", "--write-tree", "--name-only", "--no-messages", "-z"];
    let output = git.output(&[settings.as_flattened(), &form, &[ours, theirs]].concat())?;
    // Status 1 means that there are conflicts.
    if output.status.code().is_none_or(|code| code > 1) {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("merging needs git 2.38 or later: `git merge-tree` failed: {}", said.trim());
    }
    let mut printed = split_zero(&output.stdout).into_iter();
    let tree = printed.next().unwrap_or_default();
    for path in sides[0].keys() {
        merged.files.insert(path.clone(), git.show(&tree, path)?);
    }
    let prefix = git.prefix()?;
    for path in printed.map(|path| path.strip_prefix(prefix).unwrap_or(&path).to_string()) {
        let labels = labels(&path);
        let content = merged.files.get(&path).cloned().flatten().map(String::from_utf8);
        let sentence = match content {
            Some(Ok(mut text)) if text.contains(ours) => {
                for (id, label) in [ours, base, theirs].into_iter().zip(&labels) {
                    text = text.replace(id, label);
                }
                merged.files.insert(path.clone(), Some(text.into()));
                both_sides(&labels[0])
            }
            _ => {
                let is_missing = |side: &Files| side.get(&path).is_none_or(Option::is_none);
                undecided([is_missing(&sides[0]), is_missing(&sides[2])], &labels)
            }
        };
        merged.conflicts.insert(path, sentence);
    }
    Ok(())
}

/// The sentence about a conflict that no marker can show, in a file that may be missing on one side: ours, theirs.
fn undecided(is_missing: [bool; 2], [path, _, changed]: &[String; 3]) -> String {
    match is_missing {
        [_, true] => format!("{path}: {changed} was deleted, and this one differs"),
        [true, _] => format!("{path}: {changed} has changed, and this one was deleted"),
        _ => format!("{path}: not a text, and it differs from {changed}"),
    }
}

/// The sentence about a file with both sides.
pub(crate) fn both_sides(path: &str) -> String {
    format!("{path} has both sides between <<<<<<< and >>>>>>>")
}

/// The sentence about a marker without its others.
pub(crate) fn leftover(path: &str, line: usize, marker: &str) -> String {
    format!("{path}: line {line} is left of a conflict: {marker}")
}

/// The lines that look like markers of a conflict, as `git diff --check` finds them, with their numbers: seven of one
/// sign, and a space or nothing after them.
fn markers(content: &[u8]) -> Vec<(usize, String)> {
    let is_marker = |line: &str| {
        let signs = ["<<<<<<<", "|||||||", "=======", ">>>>>>>"];
        let rest = signs.into_iter().find_map(|sign| line.strip_prefix(sign));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    };
    let text = String::from_utf8_lossy(content);
    let lines = (1..).zip(text.lines()).filter(|(_, line)| is_marker(line));
    lines.map(|(number, line)| (number, line.to_string())).collect()
}

/// The conflict markers that the user still has to edit. A line that looks like a marker may be intended, for example
/// in a test of merges: lines that the file had before are not leftovers.
pub(crate) fn leftovers(content: &[u8], before: &[u8]) -> Vec<(usize, String)> {
    let (mut left, mut known) = (markers(content), markers(before));
    left.retain(|(_, line)| match known.iter().position(|(_, other)| other == line) {
        Some(place) => {
            known.remove(place);
            false
        }
        None => true,
    });
    left
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::tests::folder_with;

    fn files(texts: &[(&str, &str)]) -> Files {
        let file =
            |(path, text): &(&str, &str)| ((*path).to_string(), Some(text.as_bytes().to_vec()));
        texts.iter().map(file).collect()
    }

    /// Merges the sides ours, base, theirs in a directory of a repository. Missing files are left out.
    fn merged(sides: [&[(&str, &str)]; 3]) -> Merged {
        let folder = folder_with(&[("course/a", "")]);
        let git = Git::at(&folder.path().join("course"));
        git.run(&["init", "-q", ".."]).unwrap();
        let [ours, base, theirs] = sides.map(files);
        let labels = |path: &str| [&format!("our/{path}"), "before", "theirs"].map(String::from);
        let mut merged = merge(&git, [&ours, &base, &theirs], &labels).unwrap();
        assert_eq!(git.text(&["for-each-ref"]).unwrap(), "");
        merged.files.retain(|_, content| content.is_some());
        merged
    }

    fn clean(texts: &[(&str, &str)]) -> Merged {
        Merged { files: files(texts), conflicts: BTreeMap::new() }
    }

    #[test]
    fn an_untouched_file_is_copied_made_or_deleted() {
        assert_eq!(merged([&[("a", "1")], &[("a", "1")], &[("a", "2")]]), clean(&[("a", "2")]));
        assert_eq!(merged([&[], &[], &[("a", "2")]]), clean(&[("a", "2")]));
        assert_eq!(merged([&[("a", "1")], &[("a", "1")], &[]]), clean(&[]));
    }

    #[test]
    fn a_change_elsewhere_is_merged_and_found_again() {
        let (ours, base, theirs) = ("1\n2\n3\n4\nfive\n", "1\n2\n3\n4\n5\n", "one\n2\n3\n4\n5\n");
        let both = "one\n2\n3\n4\nfive\n";
        for ours in [ours, both] {
            let result = merged([&[("a", ours)], &[("a", base)], &[("a", theirs)]]);
            assert_eq!(result, clean(&[("a", both)]));
        }
    }

    #[test]
    fn a_change_of_the_same_line_shows_both_sides() {
        let result = merged([&[("a", "x\r\n")], &[("a", "1\r\n")], &[("a", "2\r\n")]]);
        let text = String::from_utf8(result.files["a"].clone().unwrap()).unwrap();
        let expected = "<<<<<<< our/a\nx\n||||||| before\n1\n=======\n2\n>>>>>>> theirs\n";
        assert_eq!(text, expected.replace('\n', "\r\n"));
        assert_eq!(result.conflicts["a"], "our/a has both sides between <<<<<<< and >>>>>>>");
    }

    #[test]
    fn a_conflict_that_no_marker_can_show_has_a_sentence() {
        for (sides, sentence) in [
            (["mine", "old", ""], "our/a: theirs was deleted, and this one differs"),
            (["", "old", "new"], "our/a: theirs has changed, and this one was deleted"),
            (["\0a", "\0b", "\0c"], "our/a: not a text, and it differs from theirs"),
        ] {
            let side =
                |text: &'static str| if text.is_empty() { Vec::new() } else { vec![("a", text)] };
            let [ours, base, theirs] = sides.map(side);
            let result = merged([&ours, &base, &theirs]);
            assert_eq!(result.conflicts["a"], sentence);
        }
    }

    #[test]
    fn every_marker_that_is_left_over_is_found_and_nothing_else() {
        let left = |text: &str| leftovers(text.as_bytes(), b"").len();
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
    fn a_marker_that_the_file_had_before_is_no_leftover() {
        let (once, twice) = (&b"Heading\n=======\n"[..], &b"=======\n=======\n"[..]);
        assert_eq!(leftovers(once, once), []);
        assert_eq!(leftovers(once, twice), []);
        assert_eq!(leftovers(twice, once), [(2, "=======".to_string())]);
    }
}
