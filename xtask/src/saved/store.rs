//! The names of saved work, such as `02_api_time/1`, and the writing of files, for one process at a time.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::{Change, FOLDER, Work};
use crate::disk;
use crate::exercise::Exercise;
use crate::git::{Commit, Git, split_zero};
use crate::progress::Progress;
use crate::workspace::Workspace;

/// The names of git begin with this.
pub(super) const NAMES: &str = "refs/saved/";

/// In [`FOLDER`] while files are being written: the command that undoes it.
const UNFINISHED: &str = "unfinished";

/// Work that is saved.
#[derive(Debug)]
pub(super) struct Saved {
    /// The exercise, and a number or the reader's word: `02_api_time/1`.
    pub name: String,
    tree: String,
    /// The commit that had the chapter as it was shipped then.
    pub base: String,
    /// `2026-11-30 01:15`, in local time.
    pub date: String,
    /// The result of the last check before it was saved.
    pub result: String,
}

impl Saved {
    /// All that is saved, by exercise.
    pub(super) fn all(git: &Git) -> anyhow::Result<Vec<Saved>> {
        let fields = [
            "refname:lstrip=2",
            "tree",
            "parent",
            "committerdate:format-local:%Y-%m-%d %H:%M",
            "contents:subject",
        ];
        let format = fields.map(|field| format!("%({field})")).join("%00");
        let printed =
            git.text(&["for-each-ref", "--sort=version:refname", "--format", &format, NAMES])?;
        let saved = |line: &str| {
            let fields: Vec<&str> = line.split('\0').collect();
            let [name, tree, base, date, subject] = fields[..] else { return None };
            let (_, result) = subject.split_once(": ")?;
            let [name, tree, base, date, result] =
                [name, tree, base, date, result].map(String::from);
            Some(Saved { name, tree, base, date, result })
        };
        Ok(printed.lines().filter_map(saved).collect())
    }

    /// The files in which it differs from the chapter as it was shipped.
    pub(super) fn paths(&self, git: &Git) -> anyhow::Result<Vec<String>> {
        let form = ["diff-tree", "-r", "-z", "--name-only", "--no-renames", "--relative"];
        let printed = git.run(&[&form[..], &[&self.base, &self.full_name()]].concat())?;
        Ok(split_zero(&printed))
    }

    /// The name that git knows.
    pub(super) fn full_name(&self) -> String {
        format!("{NAMES}{}", self.name)
    }
}

pub(crate) struct Store<'a> {
    workspace: &'a Workspace,
    _lock: File,
}

impl Store<'_> {
    /// # Errors
    /// When another process is using it.
    pub(crate) fn open(workspace: &Workspace) -> anyhow::Result<Store<'_>> {
        let folder = workspace.path(FOLDER);
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let lock = disk::lock(&folder.join("lock"))?;
        Ok(Store { workspace, _lock: lock })
    }

    /// Saves the work and returns its name; `None` when there is none. `word` takes the place of the number.
    ///
    /// # Errors
    /// When that word is taken or cannot be part of a name, or git cannot store it. Then nothing must be written.
    pub(crate) fn keep(
        &self,
        exercise: &Exercise,
        work: &Work,
        word: Option<&str>,
    ) -> anyhow::Result<Option<String>> {
        if work.is_empty() {
            return Ok(None);
        }
        let git = self.workspace.git();
        let saved = Saved::all(git)?;
        let is_free = |name: &String| saved.iter().all(|other| other.name != *name);
        let name = match word {
            Some(word) => Some(named(exercise, word)?).filter(is_free).with_context(|| {
                format!(
                    "something is saved as `{}/{word}` already; choose another name",
                    exercise.name
                )
            })?,
            None => (1..=saved.len() + 1)
                .map(|number| format!("{}/{number}", exercise.name))
                .find(is_free)
                .context("no number is left")?,
        };
        let result = last_result(self.workspace, exercise)?;
        let message = format!("Work on exercise {}: {result}", exercise.number);
        let full = format!("{NAMES}{name}");
        let commit =
            Commit { name: &full, parents: &[&work.base], message: &message, files: &work.now };
        git.store(&[commit])?;
        // After an interruption the same work comes again. It keeps its first name.
        let tree = git.object(&format!("{full}^{{tree}}"))?.context("git has not stored it")?.id;
        let same = |other: &&Saved| other.tree == tree && other.base == work.base && word.is_none();
        if let Some(other) = saved.iter().find(same) {
            git.update_names(&format!("delete {full}\n"))?;
            return Ok(Some(other.name.clone()));
        }
        Ok(Some(name))
    }

    /// Writes the files. `back` is the command that a person needs when this is interrupted.
    ///
    /// # Errors
    /// When a file is no longer as it was when it was saved: a person is editing it.
    pub(crate) fn write(&self, back: &str, changes: &[Change]) -> anyhow::Result<()> {
        disk::replace(&self.workspace.path(FOLDER), &note(self.workspace.root()), back.as_bytes())?;
        for change in changes {
            let full = self.workspace.path(&change.path);
            if disk::read(&full)? != change.before {
                bail!(
                    "{} has changed in this moment and was left alone; run it again",
                    change.path
                );
            }
            disk::put(&self.workspace.path(FOLDER), &full, change.after.as_deref())
                .with_context(|| change.path.clone())?;
        }
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

fn note(root: &Path) -> PathBuf {
    root.join(FOLDER).join(UNFINISHED)
}

/// A name with the reader's own word in it.
fn named(exercise: &Exercise, word: &str) -> anyhow::Result<String> {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    if word.is_empty() || word.starts_with('-') || !word.chars().all(fits) {
        bail!("`{word}` cannot be part of a name; use letters, digits, `-` and `_`");
    }
    Ok(format!("{}/{word}", exercise.name))
}

fn last_result(workspace: &Workspace, exercise: &Exercise) -> anyhow::Result<String> {
    let mut progress = Progress::load(workspace)?;
    let state = progress.of(exercise);
    Ok(match state.checks {
        0 => "not checked".to_string(),
        checks => format!("{} of {checks} checks pass", state.passed),
    })
}
