//! Runs `git diff` on two trees of files, and splits its output into files.

use std::fs;
use std::path::Path;

use crate::git::Git;
use crate::patch;
use crate::tree::Tree;
use crate::ui::plain;

/// Options for the changed lines. `ui` removes the colours where the output is not a terminal.
pub(crate) const LINES: &[&str] =
    &["--color=always", "--color-moved=dimmed-zebra", "--color-moved-ws=allow-indentation-change"];

/// What happened to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    New,
    Removed,
    /// It has another path, and perhaps other lines.
    Moved,
    Changed,
}

/// One file in the output of git.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FileDiff<'a> {
    /// The new path, or the old one of a removed file.
    pub path: String,
    pub moved_from: Option<String>,
    pub change: Change,
    /// Everything after git's header, with colours: the hunks, or a line about a binary file.
    pub body: &'a str,
}

/// The output of `git diff` with these options.
///
/// # Errors
/// When git cannot be started or fails, or when no temporary file can be written.
pub(crate) fn git_diff(old: &Tree, new: &Tree, options: &[&str]) -> anyhow::Result<String> {
    // In a repository of its own the paths in the output are those within the chapters.
    let folder = tempfile::tempdir()?;
    let git = Git::outside_of_repositories(folder.path());
    git.run(&["init", "-q"])?;
    // For the function names in the headers of hunks.
    fs::write(folder.path().join(".git/info/attributes"), "*.rs diff=rust\n")?;
    write_differing(folder.path(), old, new)?;
    git.run(&["add", "--all", "--force"])?;
    let before = git.run(&["write-tree"])?;
    let before = String::from_utf8_lossy(&before);
    for path in old.keys().filter(|path| !new.contains_key(*path)) {
        fs::remove_file(folder.path().join(path))?;
    }
    write_differing(folder.path(), new, old)?;
    git.run(&["add", "--all", "--force"])?;
    // Histogram keeps functions together where the shortest diff would mix their braces.
    let form = ["diff", "--cached", "--histogram", "--find-renames=60%", "--no-ext-diff"];
    let printed = git.run(&[&form[..], options, &[before.trim()]].concat())?;
    Ok(String::from_utf8_lossy(&printed).into_owned())
}

/// Writes the files of `tree` that `other` does not have, or has with other contents.
fn write_differing(root: &Path, tree: &Tree, other: &Tree) -> anyhow::Result<()> {
    for (path, content) in tree.iter().filter(|(path, content)| other.get(*path) != Some(content)) {
        patch::write(root, path, content)?;
    }
    Ok(())
}

/// The files in the output of git.
pub(crate) fn split(printed: &str) -> Vec<FileDiff<'_>> {
    let (mut files, mut start, mut end) = (Vec::new(), 0, 0);
    for line in printed.split_inclusive('\n') {
        if end > start && is_start(line) {
            files.push(FileDiff::parse(&printed[start..end]));
            start = end;
        }
        end += line.len();
    }
    if end > start {
        files.push(FileDiff::parse(&printed[start..]));
    }
    files
}

/// Whether a line begins the next file. Lines of a file are indented by a sign.
fn is_start(line: &str) -> bool {
    plain(line).starts_with("diff --git ")
}

impl FileDiff<'_> {
    /// Parses the lines of one file, which begin with `diff --git a/PATH b/PATH`.
    fn parse(text: &str) -> FileDiff<'_> {
        let (mut path, mut moved_from, mut change) = (String::new(), None, Change::Changed);
        let mut header = 0;
        for line in text.split_inclusive('\n') {
            let shown = plain(line);
            let shown = shown.trim_end();
            if let Some(names) = shown.strip_prefix("diff --git ") {
                // Both halves are equally long, except of a moved file, which has a line for each path.
                path = names.get(names.len() / 2 + 3..).unwrap_or_default().to_string();
            } else if let Some(from) = shown.strip_prefix("rename from ") {
                (moved_from, change) = (Some(from.to_string()), Change::Moved);
            } else if let Some(to) = shown.strip_prefix("rename to ") {
                path = to.to_string();
            } else if shown.starts_with("new file ") {
                change = Change::New;
            } else if shown.starts_with("deleted file ") {
                change = Change::Removed;
            } else if shown.starts_with("@@ ") || shown.starts_with("Binary files ") {
                break;
            }
            header += line.len();
        }
        FileDiff { path, moved_from, change, body: &text[header..] }
    }

    /// Whether the file is on one side only, so that every line is new, or every line is removed.
    pub(crate) fn is_one_sided(&self) -> bool {
        matches!(self.change, Change::New | Change::Removed)
    }

    /// The lines with their signs. A file on one side only has no header of its one hunk, which would be the number of
    /// its lines.
    pub(crate) fn unified(&self) -> &str {
        match self.body.split_once('\n') {
            Some((first, rest)) if self.is_one_sided() && plain(first).starts_with("@@ ") => rest,
            _ => self.body,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn tree(files: &[(&str, &str)]) -> Tree {
        files.iter().map(|(path, text)| ((*path).to_string(), text.as_bytes().to_vec())).collect()
    }

    /// The path, the change and the shown lines of each file.
    fn shown(old: &[(&str, &str)], new: &[(&str, &str)]) -> Vec<(String, Change, String)> {
        let printed = git_diff(&tree(old), &tree(new), LINES).unwrap();
        let shown = |file: FileDiff| (file.path.clone(), file.change, plain(file.unified()));
        split(&printed).into_iter().map(shown).collect()
    }

    #[test]
    fn each_file_that_differs_is_changed_removed_or_new() {
        let shown = shown(
            &[("changed", "1\n"), ("removed", "r\n"), ("same", "s\n")],
            &[("changed", "2\n"), ("new", "n\nn\n"), ("same", "s\n")],
        );
        let row = |path: &str, change, text: &str| (path.to_string(), change, text.to_string());
        assert_eq!(
            shown,
            [
                row("changed", Change::Changed, "@@ -1 +1 @@\n-1\n+2\n"),
                row("new", Change::New, "+n\n+n\n"),
                row("removed", Change::Removed, "-r\n"),
            ]
        );
    }

    #[test]
    fn a_file_at_another_path_has_moved_even_with_a_new_line() {
        let lines = "1\n2\n3\n4\n5\n6\n7\n8\n";
        let printed = git_diff(
            &tree(&[("src/a.rs", lines), ("src/z.rs", "other\n")]),
            &tree(&[("src/http/a.rs", &format!("{lines}9\n"))]),
            LINES,
        );
        let printed = printed.unwrap();
        let files = split(&printed);
        assert_eq!(files[0].moved_from.as_deref(), Some("src/a.rs"));
        assert_eq!((files[0].path.as_str(), files[0].change), ("src/http/a.rs", Change::Moved));
        assert_eq!((files[1].path.as_str(), files[1].change), ("src/z.rs", Change::Removed));
    }

    #[test]
    fn a_hunk_has_three_lines_around_the_change_and_the_name_of_its_function() {
        let old = "use a;\n\nfn f() {\n    1;\n    2;\n    3;\n    4;\n    5;\n    6;\n}\n";
        let new = old.replace('5', "five");
        assert_eq!(
            shown(&[("src/lib.rs", old)], &[("src/lib.rs", &new)])[0].2,
            "@@ -5,6 +5,6 @@ fn f() {\n     2;\n     3;\n     4;\n-    5;\n+    five;\n     6;\n }\n"
        );
    }

    #[test]
    fn a_missing_newline_at_the_end_is_shown() {
        assert_eq!(
            shown(&[("a", "x\n")], &[("a", "x\ny")])[0].2,
            "@@ -1 +1,2 @@\n x\n+y\n\\ No newline at end of file\n"
        );
    }

    #[test]
    fn of_binary_files_only_the_change_is_shown() {
        let logo = |bytes: &[u8]| Tree::from([("logo.png".to_string(), bytes.to_vec())]);
        let printed = git_diff(&logo(b"\xff\0"), &logo(b"\xff\0\0"), LINES).unwrap();
        assert_eq!(split(&printed)[0].unified(), "Binary files a/logo.png and b/logo.png differ\n");
    }
}
