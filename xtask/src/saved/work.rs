//! The changes of a reader in a chapter.

use std::path::Path;

use anyhow::{Context, anyhow, bail};

use crate::disk;
use crate::exercise::Exercise;
use crate::git::Git;
use crate::patch::Files;
use crate::workspace::Workspace;

/// A file that is to be written: its path from the root, its content now, and its new content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    pub path: String,
    pub before: Option<Vec<u8>>,
    pub after: Option<Vec<u8>>,
}

/// All files of a chapter that are not as they were shipped.
#[derive(Debug)]
pub(crate) struct Work {
    /// The commit that has the chapter as it was shipped, as far as git can tell.
    pub base: String,
    /// Whether that commit is known to be from the course. It may be the reader's own.
    pub is_published: bool,
    pub shipped: Files,
    pub now: Files,
}

impl Work {
    /// Finds it. The files of another exercise are not part of it.
    ///
    /// # Errors
    /// When this is no git repository, or a changed file is a link.
    pub(crate) fn find(workspace: &Workspace, exercise: &Exercise) -> anyhow::Result<Work> {
        let git = workspace.git();
        let chapter = &exercise.chapter.folder;
        let (base, is_published) = base(git, chapter)?;
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
        Ok(Work { base, is_published, shipped, now })
    }

    /// Which state of the chapter counts as shipped, in words.
    pub(crate) fn origin(&self) -> String {
        let short = &self.base[..self.base.len().min(10)];
        if self.is_published {
            return format!("as it was shipped, in commit {short}");
        }
        format!("as in commit {short}")
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.now.is_empty()
    }

    /// The changes that lead from here to the chapter as it was shipped, but with these contents of these files.
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

/// The commit that the reader got last: where their own commits, if there are any, branch off. And whether it is known to
/// be from the course: inside another repository, or without a remote, it may be the reader's own.
fn base(git: &Git, chapter: &str) -> anyhow::Result<(String, bool)> {
    let why = format!("only git knows how {chapter} was shipped, and it cannot be read");
    let head = git.commit("HEAD").map_err(|error| needs_git(&why, &error))?;
    let head = head.with_context(|| {
        format!("this git repository has no commit yet, so how {chapter} was shipped is not known; {CLONE}")
    })?;
    let branches_off = |other: &str| -> anyhow::Result<Option<String>> {
        let output = git.output(&["merge-base", "HEAD", other])?;
        let id = String::from_utf8_lossy(&output.stdout).trim().to_string();
        Ok((output.status.success() && !id.is_empty()).then_some(id))
    };
    // Readers who have forked the course call it `upstream`, and push their own work to `origin`.
    let mut found = None;
    for remote in ["upstream/HEAD", "upstream/main", "origin/HEAD"] {
        match git.commit(remote)?.filter(|_| found.is_none()) {
            Some(id) if id == head => found = Some(id),
            Some(id) => found = branches_off(&id)?,
            None => {}
        }
    }
    if found.is_none() {
        found = branches_off("@{upstream}")?;
    }
    // The prefix is empty in a repository that is only the course.
    let prefix = git.prefix()?;
    let is_published = found.is_some() && prefix.is_empty();
    let base = found.unwrap_or(head);
    if git.object(&format!("{base}:./{chapter}"))?.is_none() {
        let inside = match prefix.trim_end_matches('/') {
            "" => String::new(),
            folder => format!(" (the course is its folder {folder})"),
        };
        bail!(
            "commit {base:.10} of this git repository{inside} has no {chapter}, so how the chapter was shipped is \
             not known; {CLONE}"
        );
    }
    Ok((base, is_published))
}

const CLONE: &str =
    "clone the course as a repository of its own (see \"Get the course\" in the book)";

/// An error with git's own words: they name the way out for a clone that belongs to another user.
pub(super) fn needs_git(why: &str, error: &anyhow::Error) -> anyhow::Error {
    let said = format!("{error:#}");
    let way_out =
        if said.contains("not a git repository") { format!("\n{CLONE}") } else { String::new() };
    anyhow!("{why}:\n{said}{way_out}")
}

/// A file's content, if it is a file.
fn read(root: &Path, path: &str) -> anyhow::Result<Option<Vec<u8>>> {
    let full = root.join(path);
    let kind = full.symlink_metadata().map(|metadata| metadata.file_type());
    if kind.is_ok_and(|kind| !kind.is_file()) {
        bail!("{path} is a link or a folder, which cannot be saved; move it away first");
    }
    disk::read(&full)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::tests::folder_with;

    /// A repository of another user used to be called no git repository.
    #[test]
    fn what_git_says_about_a_repository_is_passed_on() {
        let folder = folder_with(&[("chapters/04_router/src/lib.rs", "")]);
        let error = |git: &Git| base(git, "chapters/04_router").unwrap_err().to_string();
        let outside = error(&Git::outside_of_repositories(folder.path()));
        assert!(outside.contains("not a git repository") && outside.contains(CLONE), "{outside}");
        let git = Git::at(folder.path());
        git.run(&["init", "-q"]).unwrap();
        assert!(error(&git).contains("no commit yet"), "{}", error(&git));
        let of_another_user = git.with_variable("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1");
        let said = error(&of_another_user);
        assert!(said.contains("git config --global --add safe.directory "), "{said}");
        assert!(!said.contains(CLONE), "{said}");
    }
}
