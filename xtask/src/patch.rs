//! Patches of exercises: a text for people, then what `git diff` prints, with paths from the root.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, bail};

use crate::git::Git;

/// Files by their path from the root; `None` is a file that is not there.
pub(crate) type Files = BTreeMap<String, Option<Vec<u8>>>;

/// A patch as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Patch {
    /// What stands before the first `diff --git`: for people, and for [`Patch::told`].
    pub lead: String,
    /// What `git apply` reads.
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
        let value = |line: &'_ str| -> Option<usize> {
            line.strip_prefix(name)?.strip_prefix(':').map(|value| line.len() - value.len())
        };
        self.lead.lines().find_map(|line| value(line).map(|from| line[from..].trim()))
    }

    /// The files it touches.
    pub(crate) fn paths(&self) -> Vec<String> {
        // In `diff --git a/P b/P` both are the same path, for our patches are made without renames.
        let headers = self.diff.lines().filter_map(|line| line.strip_prefix("diff --git a/"));
        headers.map(|rest| rest[..(rest.len().saturating_sub(3)) / 2].to_string()).collect()
    }

    /// Applies it to files, which come from `read`, and returns all that it touches as they are then.
    ///
    /// # Errors
    /// When it does not fit, with what git said.
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

    /// Applies it to the files of a folder that need not be a repository.
    pub(crate) fn apply_in(&self, folder: &Path) -> anyhow::Result<()> {
        if self.diff.is_empty() {
            bail!("the patch is empty");
        }
        let stored = tempfile::NamedTempFile::new()?;
        fs::write(stored.path(), &self.diff)?;
        // Within a repository git would take the paths to be those of that repository.
        let git = Git::outside_of_repositories(folder);
        git.run(&["apply", "--whitespace=nowarn", &stored.path().to_string_lossy()])?;
        Ok(())
    }

    /// Makes the patch that turns one state of some files into another.
    pub(crate) fn between(lead: &str, before: &Files, after: &Files) -> anyhow::Result<Patch> {
        let diff =
            String::from_utf8(diff(before, after, &[])?).context("a patch that is not text")?;
        Ok(Patch { lead: lead.to_string(), diff })
    }
}

/// What git prints for the change of one state of some files into another, with these options of `git diff`.
pub(crate) fn diff(before: &Files, after: &Files, options: &[&str]) -> anyhow::Result<Vec<u8>> {
    // A repository for a moment: git then writes the patch exactly as a person's `git diff` would.
    let folder = tempfile::tempdir()?;
    let git = Git::outside_of_repositories(folder.path());
    git.run(&["init", "-q"])?;
    let mut trees = Vec::new();
    for files in [before, after] {
        for (path, content) in files {
            match content {
                Some(content) => write(folder.path(), path, content)?,
                None => drop(fs::remove_file(folder.path().join(path))),
            }
        }
        git.run(&["add", "--all", "--force"])?;
        let id = git.run(&["write-tree"])?;
        trees.push(String::from_utf8_lossy(&id).trim().to_string());
    }
    let form = [
        "diff",
        "--no-renames",
        "--no-color",
        "--no-ext-diff",
        "--src-prefix=a/",
        "--dst-prefix=b/",
    ];
    git.run(&[&form[..], options, &[&trees[0], &trees[1]]].concat())
}

/// Writes a file and the folders it is in.
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
        assert_eq!(patch.told("Based-on"), None);
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
