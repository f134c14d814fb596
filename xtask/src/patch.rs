//! Patches of exercises: a text for people, followed by the output of `git diff`, with paths from the root.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, bail};

use crate::git::Git;

/// Files by their path from the root; `None` is a file that does not exist.
pub(crate) type Files = BTreeMap<String, Option<Vec<u8>>>;

/// A patch as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Patch {
    /// The text before the first `diff --git`: for people, and for [`Patch::told`].
    pub lead: String,
    /// The part that `git apply` reads.
    pub diff: String,
}

impl Patch {
    pub(crate) fn parse(text: &str) -> Patch {
        let place = match text.find("\ndiff --git ") {
            _ if text.starts_with("diff --git ") => 0,
            Some(place) => place + 1,
            None => text.len(),
        };
        Patch { lead: text[..place].to_string(), diff: text[place..].to_string() }
    }

    pub(crate) fn read(path: &Path) -> anyhow::Result<Patch> {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        Ok(Patch::parse(&text))
    }

    pub(crate) fn text(&self) -> String {
        format!("{}{}", self.lead, self.diff)
    }

    /// The value of a line `Name: value` in the lead.
    pub(crate) fn told(&self, name: &str) -> Option<&str> {
        let mut lines = self.lead.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
    }

    /// The files it touches.
    pub(crate) fn paths(&self) -> Vec<String> {
        // In `diff --git a/P b/P` both paths are the same, because our patches are made without renames.
        let headers = self.diff.lines().filter_map(|line| line.strip_prefix("diff --git a/"));
        headers.map(|rest| rest[..(rest.len().saturating_sub(3)) / 2].to_string()).collect()
    }

    /// Applies the patch to files that `read` returns. Returns all touched files with their new contents.
    ///
    /// # Errors
    /// Returns git's error message when the patch does not apply.
    pub(crate) fn apply(&self, read: impl Fn(&str) -> Option<Vec<u8>>) -> anyhow::Result<Files> {
        let folder = tempfile::tempdir()?;
        for path in self.paths() {
            if let Some(content) = read(&path) {
                write(folder.path(), &path, &content)?;
            }
        }
        self.apply_in(folder.path())?;
        let now = |path: String| {
            let content = fs::read(folder.path().join(&path)).ok();
            (path, content)
        };
        Ok(self.paths().into_iter().map(now).collect())
    }

    /// Applies the patch to the files in a directory, which need not be a repository.
    pub(crate) fn apply_in(&self, folder: &Path) -> anyhow::Result<()> {
        if self.diff.is_empty() {
            bail!("the patch is empty");
        }
        let stored = tempfile::NamedTempFile::new()?;
        fs::write(stored.path(), &self.diff)?;
        // Inside a repository, git would treat the paths as relative to that repository.
        let git = Git::outside_of_repositories(folder);
        git.run(&["apply", "--whitespace=nowarn", &stored.path().to_string_lossy()])?;
        Ok(())
    }

    /// Makes the patch between two states of some files, in the format of `git diff`.
    pub(crate) fn between(lead: &str, before: &Files, after: &Files) -> anyhow::Result<Patch> {
        let folder = tempfile::tempdir()?;
        for (side, files) in [("a", before), ("b", after)] {
            fs::create_dir(folder.path().join(side))?;
            for (path, content) in files {
                if let Some(content) = content {
                    write(folder.path(), &format!("{side}/{path}"), content)?;
                }
            }
        }
        let form =
            ["diff", "--no-index", "--no-prefix", "--no-renames", "--no-color", "--no-ext-diff"];
        let git = Git::outside_of_repositories(folder.path());
        let output = git.output(&[&form[..], &["a", "b"]].concat())?;
        // Status 1 means that they differ.
        if output.status.code().is_none_or(|code| code > 1) {
            bail!("git cannot compare: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        let printed = String::from_utf8(output.stdout).context("a patch that is not text")?;
        let diff = printed.split_inclusive('\n').map(both_sides).collect();
        Ok(Patch { lead: lead.to_string(), diff })
    }
}

/// For a file that exists on one side only, git prints that side twice: `diff --git b/new b/new`.
fn both_sides(line: &str) -> Cow<'_, str> {
    let Some(names) = line.strip_prefix("diff --git ").filter(|names| names.len() > 5) else {
        return line.into();
    };
    // Both names have the same length, and their first letter is the side.
    let path = &names[names.len() / 2 + 2..];
    format!("diff --git a/{} b/{path}", path.trim_end()).into()
}

/// Writes a file, and creates its directories.
pub(crate) fn write(root: &Path, path: &str, content: &[u8]) -> anyhow::Result<()> {
    let path = root.join(path);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    fs::write(&path, content).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(files: &[(&str, Option<&str>)]) -> Files {
        let file = |(path, text): &(&str, Option<&str>)| {
            ((*path).to_string(), text.map(|text| text.as_bytes().to_vec()))
        };
        files.iter().map(file).collect()
    }

    #[test]
    fn a_patch_made_from_two_states_leads_from_one_to_the_other() {
        let before =
            files(&[("c/a.rs", Some("1\n2\n3\n")), ("c/new.rs", None), ("c/old.rs", Some("x\n"))]);
        let after = files(&[
            ("c/a.rs", Some("1\ntwo\n3\n")),
            ("c/new.rs", Some("n\n")),
            ("c/old.rs", None),
        ]);
        let patch = Patch::between("Caught-by: a check\n\n", &before, &after).unwrap();
        assert_eq!(patch.paths(), ["c/a.rs", "c/new.rs", "c/old.rs"]);
        assert_eq!(Patch::parse(&patch.text()), patch);
        assert_eq!(patch.apply(|path| before[path].clone()).unwrap(), after);
    }

    #[test]
    fn the_lead_has_named_lines() {
        let patch =
            Patch::parse("Caught-by: two differ\nOther: x\n\ndiff --git a/f b/f\n--- a/f\n");
        assert_eq!(patch.told("Caught-by"), Some("two differ"));
        assert_eq!(patch.told("Why"), None);
        assert!(patch.diff.starts_with("diff --git"));
    }

    #[test]
    fn a_patch_that_does_not_fit_says_where() {
        let before = files(&[("f", Some("1\n"))]);
        let patch = Patch::between("", &before, &files(&[("f", Some("2\n"))])).unwrap();
        let error = patch.apply(|_| Some(b"other\n".to_vec())).unwrap_err().to_string();
        assert!(error.contains("f:1"), "{error}");
    }
}
