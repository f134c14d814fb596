//! The changes of a reader in a chapter, and how another state takes their place.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tempfile::TempDir;

use super::refs::{NAMES, Saved};
use super::{FOLDER, shipped};
use crate::disk;
use crate::exercise::Exercise;
use crate::git::Git;
use crate::patch::Patch;
use crate::progress::Progress;
use crate::workspace::Workspace;

/// A chapter as it is on the disk.
pub(crate) struct Work<'a> {
    workspace: &'a Workspace,
    exercise: &'a Exercise,
    /// Has an index of its own, with the tree `now`.
    pub(super) git: Git,
    scratch: TempDir,
    /// The commit that has the chapter as it was shipped, as far as git can tell.
    pub base: String,
    /// Whether that commit is known to be from the course. It may be the reader's own.
    pub is_published: bool,
    /// The tree of that commit, but with the chapter as it is now.
    pub now: String,
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
        let (base, is_published) = shipped::base(workspace.git(), chapter)?;
        let folder = workspace.path(FOLDER);
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let lock = disk::lock(&folder.join("lock"))?;
        let scratch = tempfile::tempdir()?;
        let git = workspace.git().with_bytes(&scratch.path().join("index"), lock)?;
        git.run(&["read-tree", "--no-sparse-checkout", &base])?;
        let without = format!(":(exclude){chapter}/exercises");
        git.run(&["add", "--all", "--", chapter, &without])?;
        git.run(&["add", "--all", "--", &exercise.folder])?;
        let staged = git.text(&["ls-files", "--stage", "--", chapter])?;
        if let Some((_, path)) =
            staged.lines().find_map(|line| line.strip_prefix("160000 ")?.split_once('\t'))
        {
            bail!(
                "{path} is a git repository of its own, which cannot be saved; move it away first"
            );
        }
        let now = git.text(&["write-tree"])?;
        let paths = git.changed_between(&base, &now)?;
        Ok(Work { workspace, exercise, git, scratch, base, is_published, now, paths })
    }

    /// Which state of the chapter counts as shipped, in words.
    pub(crate) fn origin(&self) -> String {
        let shipped = if self.is_published { "it was shipped, " } else { "" };
        format!("as {shipped}in commit {:.10}", self.base)
    }

    /// Saves it and returns its name; `None` when nothing differs. `word` takes the place of the number.
    ///
    /// # Errors
    /// When that word is taken or cannot be part of a name, or git cannot store it. Then nothing must be written.
    pub(crate) fn keep(&self, word: Option<&str>) -> anyhow::Result<Option<String>> {
        if self.paths.is_empty() {
            return Ok(None);
        }
        let saved = Saved::all(self.workspace)?;
        // After an interruption the same work comes again. It keeps its first name.
        let same =
            |other: &&Saved| other.tree == self.now && other.base == self.base && word.is_none();
        if let Some(other) = saved.iter().find(same) {
            return Ok(Some(other.name.clone()));
        }
        let exercise = &self.exercise.name;
        let is_free = |name: &String| saved.iter().all(|other| other.name != *name);
        let numbers = || (1..=u32::MAX).map(|number| format!("{exercise}/{number}")).find(is_free);
        let name = match word {
            Some(word) => Some(format!("{exercise}/{}", checked(word)?)).filter(is_free),
            None => numbers(),
        };
        let name = name.with_context(|| {
            let word = word.unwrap_or_default();
            format!("something is saved as `{exercise}/{word}` already; choose another name")
        })?;
        let result = last_result(self.workspace, self.exercise)?;
        let message = format!("Work on exercise {}: {result}", self.exercise.number);
        let commit =
            self.git.text(&["commit-tree", "-p", &self.base, "-m", &message, &self.now])?;
        // The empty word is the old value: the name must be new.
        self.git.run(&["update-ref", &format!("{NAMES}{name}"), &commit, ""])?;
        disk::step()?;
        Ok(Some(name))
    }

    /// The tree in which this patch is applied to the files.
    ///
    /// # Errors
    /// When the patch does not apply.
    pub(crate) fn patched(&self, patch: &Patch) -> anyhow::Result<String> {
        let git = self.git.and_index(&self.scratch.path().join("patched"));
        git.run(&["read-tree", "--no-sparse-checkout", &self.now])?;
        let folder = format!("--directory={}", git.prefix()?);
        git.run_with_input(&["apply", "--cached", &folder, "-"], patch.diff.as_bytes())?;
        git.text(&["write-tree"])
    }

    /// Writes the files in which a tree or commit differs. `back` is the command that a person needs when this is
    /// interrupted.
    ///
    /// # Errors
    /// When a file has changed since it was found, because a person is editing it. Then nothing was written.
    pub(crate) fn put(&self, tree: &str, back: &str) -> anyhow::Result<()> {
        let root = self.workspace.root();
        disk::replace(&root.join(FOLDER), &note(root), back.as_bytes())?;
        let written =
            self.git.run(&["read-tree", "--no-sparse-checkout", "-m", "-u", &self.now, tree]);
        disk::step()?;
        written
            .context("your files have changed in this moment and were left alone; run it again")?;
        self.finish()
    }

    /// Removes the note: all files are written.
    pub(crate) fn finish(&self) -> anyhow::Result<()> {
        disk::remove(&note(self.workspace.root()))
    }
}

/// The command that undoes an interrupted run, if one was interrupted.
pub(crate) fn interrupted(root: &Path) -> anyhow::Result<Option<String>> {
    let text = disk::read(&note(root))?;
    Ok(text.map(|text| String::from_utf8_lossy(&text).into_owned()))
}

/// The file that has this command while files are being written.
fn note(root: &Path) -> PathBuf {
    root.join(FOLDER).join("unfinished")
}

/// A word that can be part of a name.
fn checked(word: &str) -> anyhow::Result<&str> {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    if word.is_empty() || word.starts_with('-') || !word.chars().all(fits) {
        bail!("`{word}` cannot be part of a name; use letters, digits, `-` and `_`");
    }
    Ok(word)
}

fn last_result(workspace: &Workspace, exercise: &Exercise) -> anyhow::Result<String> {
    let mut progress = Progress::load(workspace)?;
    let state = progress.of(exercise);
    Ok(match state.checks {
        0 => "not checked".to_string(),
        checks => format!("{} of {checks} checks pass", state.passed),
    })
}
