//! What a reader has changed in a chapter.

use std::path::Path;

use anyhow::{Context, bail};

use crate::disk;
use crate::exercise::Exercise;
use crate::git::Git;
use crate::patch::Files;
use crate::workspace::Workspace;

/// A file that is to be written: its path from the root, what it must be now, and what it becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    pub path: String,
    pub before: Option<Vec<u8>>,
    pub after: Option<Vec<u8>>,
}

/// All files of a chapter that are not as they were shipped.
#[derive(Debug)]
pub(crate) struct Work {
    /// The commit that has the chapter as it was shipped.
    pub base: String,
    pub shipped: Files,
    pub now: Files,
}

impl Work {
    /// Finds it. What stands in the folder of another exercise is not part of it.
    ///
    /// # Errors
    /// When this is no git repository, or a changed file is something that a patch cannot hold.
    pub(crate) fn find(workspace: &Workspace, exercise: &Exercise) -> anyhow::Result<Work> {
        let git = Git::at(workspace.root());
        let base = base(&git)?;
        let chapter = &exercise.chapter.folder;
        let (exercises, own) = (format!("{chapter}/exercises/"), format!("{}/", exercise.folder));
        let (mut shipped, mut now) = (Files::new(), Files::new());
        for path in git.changed_since(&base, chapter)? {
            if path.starts_with(&exercises) && !path.starts_with(&own) {
                continue;
            }
            let was = git.show(&base, &path)?;
            let is = read(workspace.root(), &path)?;
            if was != is {
                shipped.insert(path.clone(), was);
                now.insert(path, is);
            }
        }
        Ok(Work { base, shipped, now })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.now.is_empty()
    }

    /// What leads from here to the chapter as it was shipped, but with these files as they are given.
    pub(crate) fn to(&self, workspace: &Workspace, other: &Files) -> anyhow::Result<Vec<Change>> {
        let mut target = self.shipped.clone();
        target.extend(other.clone());
        let mut changes = Vec::new();
        for (path, after) in target {
            let before = match self.now.get(&path) {
                Some(content) => content.clone(),
                None => read(workspace.root(), &path)?,
            };
            if before != after {
                changes.push(Change { path, before, after });
            }
        }
        Ok(changes)
    }
}

/// The commit that the reader got last: where their own commits, if there are any, branch off.
fn base(git: &Git) -> anyhow::Result<String> {
    let asked = |words: &[&str]| -> anyhow::Result<Option<String>> {
        let output = git.output(words)?;
        let said = String::from_utf8_lossy(&output.stdout).trim().to_string();
        Ok((output.status.success() && !said.is_empty()).then_some(said))
    };
    for published in ["origin/HEAD", "@{upstream}"] {
        if let Some(base) = asked(&["merge-base", "HEAD", published])? {
            return Ok(base);
        }
    }
    asked(&["rev-parse", "--verify", "--quiet", "HEAD^{commit}"])?.context(
        "this is no git repository with a commit, so nobody knows how the chapter was shipped; \
         clone the course with git (see \"Get the course\" in the book)",
    )
}

/// A file's content, if a patch can hold it.
fn read(root: &Path, path: &str) -> anyhow::Result<Option<Vec<u8>>> {
    let full = root.join(path);
    let kind = full.symlink_metadata().map(|metadata| metadata.file_type());
    if kind.is_ok_and(|kind| !kind.is_file()) {
        bail!("{path} is a link or a folder, which a patch cannot keep; move it away first");
    }
    disk::read(&full)
}
