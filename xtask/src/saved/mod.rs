//! The reader's work, kept in git before anything overwrites it.
//!
//! 1. [`Work::find`]: git stores the chapter as it is on the disk, and finds how it differs from the one that was
//!    shipped. The reader's index, branch and files stay as they are.
//! 2. [`Work::keep`]: the result becomes a commit with a name below `refs/saved`, before the first file is touched.
//! 3. [`Work::put`]: git writes the files of another state. Until it has, a note says how to undo it.
//!
//! After an interruption at any moment the commit has everything, and `cargo xtask restore` brings it back.

pub(crate) mod restore;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use tempfile::TempDir;

use crate::disk;
use crate::exercise::Exercise;
use crate::git::{CLONE, Git};
use crate::progress::Progress;
use crate::workspace::{WRITING, Workspace};

/// The file that has the command that undoes this, while files are being written.
const NOTE: &str = ".saved/unfinished";

/// The names of saved work in git begin with this.
const NAMES: &str = "refs/saved/";

/// A chapter as it is on the disk.
pub(crate) struct Work<'a> {
    workspace: &'a Workspace,
    exercise: &'a Exercise,
    /// Has an index of its own, with the tree `now`.
    pub git: Git,
    _index: TempDir,
    /// The commit that has the chapter as it was shipped, as far as git can tell.
    pub base: String,
    /// Whether that commit is known to be from the course. It may be the reader's own.
    pub is_published: bool,
    /// The tree of that commit, but with the chapter as it is now.
    now: String,
    /// The files in which the two differ, from the root.
    pub paths: Vec<String>,
}

impl Work<'_> {
    /// Finds it. The files of another exercise are not part of it. Until it is dropped, no other process can.
    ///
    /// # Errors
    /// When this is no git repository, or another process is writing files.
    pub(crate) fn find<'a>(
        workspace: &'a Workspace,
        exercise: &'a Exercise,
    ) -> anyhow::Result<Work<'a>> {
        let chapter = &exercise.chapter.folder;
        let (base, is_published) = shipped(workspace.git(), chapter)?;
        let folder = workspace.path(WRITING);
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        // The names of saved work are those of all work trees of the repository.
        let common = ["rev-parse", "--path-format=absolute", "--git-common-dir"];
        let common = PathBuf::from(workspace.git().text(&common)?);
        let lock = disk::lock(&common.join("saved-work"))?;
        let index = tempfile::tempdir()?;
        let git = workspace.git().with_bytes(&index.path().join("index"), lock)?;
        git.remove_locks(&format!("{NAMES}{}", exercise.name))?;
        git.run(&["read-tree", "--no-sparse-checkout", &base])?;
        let without = format!(":(exclude){chapter}/exercises");
        git.run(&["add", "--all", "--", chapter, &without])?;
        git.run(&["add", "--all", "--", &exercise.folder])?;
        let staged = git.text(&["ls-files", "--stage", "--", chapter])?;
        if let Some(nested) = staged.lines().find_map(|line| line.strip_prefix("160000 ")) {
            let path = nested.rsplit('\t').next().unwrap_or_default();
            bail!(
                "{path} is a git repository of its own, which cannot be saved; move it away first"
            );
        }
        let now = git.text(&["write-tree"])?;
        let paths = git.changed_between(&base, &now)?;
        Ok(Work { workspace, exercise, git, _index: index, base, is_published, now, paths })
    }

    /// Saves it and returns its name; `None` when nothing differs. `word` takes the place of the number.
    ///
    /// # Errors
    /// When git cannot store it, or not with that word in its name. Then nothing must be written.
    pub(crate) fn keep(&self, word: Option<&str>) -> anyhow::Result<Option<String>> {
        if self.paths.is_empty() {
            return Ok(None);
        }
        let format = "--format=%(tree) %(parent) %(refname:lstrip=2)";
        let saved = self.git.text(&["for-each-ref", format, NAMES])?;
        // After an interruption the same work comes again. It keeps its first name.
        let same = format!("{} {} ", self.now, self.base);
        let known = saved.lines().find_map(|line| line.strip_prefix(&same));
        if let (Some(name), None) = (known, word) {
            return Ok(Some(name.to_string()));
        }
        let named = |word: &str| format!("{}/{word}", self.exercise.name);
        let is_free =
            |word: &String| !saved.lines().any(|line| line.ends_with(&format!(" {}", named(word))));
        let number = || (1..=u32::MAX).map(|number| number.to_string()).find(is_free);
        let name = named(&word.map(String::from).or_else(number).unwrap_or_default());
        let is_word = |word: &str| {
            let is_letter = |it: char| it.is_ascii_alphanumeric() || "-_".contains(it);
            word.chars().all(is_letter) && !word.starts_with('-')
        };
        let why = || {
            format!(
                "your work cannot be saved as `{name}`, so nothing was changed{}",
                word.map_or("", |_| "; a name begins with a letter or digit, and has only letters, digits, `-` and `_`")
            )
        };
        ensure!(word.is_none_or(is_word), why());
        let is_taken = word.is_some_and(|word| !is_free(&word.to_string()));
        ensure!(
            !is_taken,
            "something is saved as `{name}` already, so nothing was changed; choose another name"
        );
        let result = Progress::load(self.workspace)?.of(self.exercise).result();
        let message =
            format!("Work on exercise {}: {result}\n\nSaved as {name}.", self.exercise.number);
        let commit =
            self.git.text(&["commit-tree", "-p", &self.base, "-m", &message, &self.now])?;
        // The empty word is the old value: the name must be new.
        self.git.run(&["update-ref", &format!("{NAMES}{name}"), &commit, ""]).with_context(why)?;
        disk::step()?;
        Ok(Some(name))
    }

    /// Writes the files in which a tree or commit differs, see [`Work::write`].
    ///
    /// # Errors
    /// When a file would be overwritten that git ignores, so that it is not saved.
    pub(crate) fn put(&self, tree: &str, back: &str) -> anyhow::Result<()> {
        for path in self.git.changed_between(&self.now, tree)? {
            let is_saved = self.git.show(&self.now, &path)?.is_some();
            let is_there = self.workspace.path(&path).symlink_metadata().is_ok();
            ensure!(
                is_saved || !is_there,
                "git ignores {path}, so it cannot be saved: move it away, and run this again"
            );
        }
        let merge = ["read-tree", "--no-sparse-checkout", "-m", "-u", &self.now, tree];
        self.write(&merge, b"", back)
    }

    /// Runs a command of git that writes files, with this input. `back` is the command that a person needs when this
    /// is interrupted.
    ///
    /// # Errors
    /// When a file has changed since it was found, because a person is editing it. Then nothing was written.
    pub(crate) fn write(&self, args: &[&str], input: &[u8], back: &str) -> anyhow::Result<()> {
        let workspace = self.workspace;
        disk::replace(&workspace.path(WRITING), &workspace.path(NOTE), back.as_bytes())?;
        let written = self.git.run_with_input(args, input);
        disk::step()?;
        written
            .context("your files have changed in this moment and were left alone; run it again")?;
        self.finish()
    }

    /// Removes the note: all files are written.
    pub(crate) fn finish(&self) -> anyhow::Result<()> {
        disk::remove(&self.workspace.path(NOTE))
    }
}

/// The commit that the reader got last: where their own commits, if there are any, branch off. And whether it is known to
/// be from the course: inside another repository, or without a remote, it may be the reader's own.
fn shipped(git: &Git, chapter: &str) -> anyhow::Result<(String, bool)> {
    let why = || format!("only git knows how {chapter} was shipped, and it cannot be read");
    let Some(head) = git.commit("HEAD").with_context(why)? else {
        bail!(
            "this git repository has no commit yet, so how {chapter} was shipped is not known; {CLONE}"
        );
    };
    // Readers who have forked the course call it `upstream`, and push their own work to `origin`.
    let course = ["upstream/HEAD", "upstream/main", "origin/HEAD", "@{upstream}"];
    let found = course.into_iter().find_map(|name| git.text(&["merge-base", "HEAD", name]).ok());
    // The prefix is empty in a repository that is only the course.
    let prefix = git.prefix()?;
    let is_published = found.is_some() && prefix.is_empty();
    let base = found.unwrap_or(head);
    if git.object(&format!("{base}:./{chapter}"))?.is_none() {
        bail!(
            "commit {base:.10} of this git repository has no {prefix}{chapter}, so how the chapter was shipped is not \
             known; {CLONE}"
        );
    }
    Ok((base, is_published))
}

/// The command that undoes an interrupted run, if one was interrupted.
pub(crate) fn interrupted(workspace: &Workspace) -> anyhow::Result<Option<String>> {
    let text = disk::read(&workspace.path(NOTE))?;
    Ok(text.map(|text| String::from_utf8_lossy(&text).into_owned()))
}
