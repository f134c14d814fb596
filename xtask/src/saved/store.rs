//! The folder with the patches, which one run at a time may use.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::{Change, FOLDER, Work};
use crate::disk;
use crate::exercise::Exercise;
use crate::git::{Git, split_zero};
use crate::patch::{self, Files};

/// Stands in the folder as long as files are being written; its text is the command that takes it back.
const UNFINISHED: &str = "unfinished";

pub(crate) struct Store {
    root: PathBuf,
    _lock: File,
}

impl Store {
    /// # Errors
    /// When another run is using it.
    pub(crate) fn open(root: &Path) -> anyhow::Result<Store> {
        let folder = root.join(FOLDER);
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let lock = File::create(folder.join("lock")).context(FOLDER)?;
        // A process that is just being started has the lock too, until it is.
        let patience = Instant::now() + Duration::from_secs(2);
        while lock.try_lock().is_err() {
            if Instant::now() > patience {
                bail!("another `cargo xtask` is writing files at this moment; wait for it");
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(Store { root: root.to_owned(), _lock: lock })
    }

    /// Keeps the work as a patch and returns its name; `None` when there is none.
    ///
    /// # Errors
    /// When the patch would not bring everything back. Then nothing must be written.
    pub(crate) fn keep(&self, exercise: &Exercise, work: &Work) -> anyhow::Result<Option<String>> {
        if work.is_empty() {
            return Ok(None);
        }
        let diff = patch::diff(&work.shipped, &work.now, &["--binary", "--full-index"])?;
        if applied(&diff, &work.shipped)? != work.now {
            bail!("your work does not fit into a patch, so nothing was changed; commit it first");
        }
        let saved = saved(&self.root)?;
        for name in &saved {
            // A run that was interrupted, and now comes again.
            if diff_of(&read(&self.root, name)?) == diff {
                return Ok(Some(name.clone()));
            }
        }
        let chapter = &exercise.chapter;
        let name = (1_u32..).map(|number| format!("{}-{number}", chapter.name));
        let name =
            name.into_iter().find(|name| !saved.contains(name)).context("no name is left")?;
        let lead = format!(
            "What you had changed in {}.\nBack: cargo xtask restore {name}\n\n\
             Exercise: {}\nBase: {}\n\n",
            chapter.folder, exercise.name, work.base
        );
        let content = [lead.as_bytes(), &diff].concat();
        disk::replace(&self.parts(), &file(&self.root, &name), &content)?;
        Ok(Some(name))
    }

    /// Writes the files. `back` is the command that a person needs when this is interrupted.
    ///
    /// # Errors
    /// When a file is no longer as it was when it was kept: a person is editing it.
    pub(crate) fn write(&self, back: &str, changes: &[Change]) -> anyhow::Result<()> {
        disk::replace(&self.parts(), &self.note(), back.as_bytes())?;
        for change in changes {
            let full = self.root.join(&change.path);
            if disk::read(&full)? != change.before {
                bail!(
                    "{} has changed in this moment and was left alone; run it again",
                    change.path
                );
            }
            match &change.after {
                Some(content) => disk::replace(&self.parts(), &full, content),
                None => disk::remove(&full),
            }
            .with_context(|| change.path.clone())?;
        }
        self.finish()
    }

    /// Nothing is under way any more.
    pub(crate) fn finish(&self) -> anyhow::Result<()> {
        disk::remove(&self.note())
    }

    fn parts(&self) -> PathBuf {
        self.root.join(FOLDER)
    }

    fn note(&self) -> PathBuf {
        self.root.join(FOLDER).join(UNFINISHED)
    }
}

/// The command that takes an interrupted run back, if one was.
pub(crate) fn interrupted(root: &Path) -> anyhow::Result<Option<String>> {
    let text = disk::read(&root.join(FOLDER).join(UNFINISHED))?;
    Ok(text.map(|text| String::from_utf8_lossy(&text).into_owned()))
}

/// The names of all that is saved, the oldest of a chapter first.
pub(crate) fn saved(root: &Path) -> anyhow::Result<Vec<String>> {
    let Ok(entries) = fs::read_dir(root.join(FOLDER)) else { return Ok(Vec::new()) };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        names.extend(name.strip_suffix(".patch").map(String::from));
    }
    names.sort_by_key(|name| {
        let (chapter, number) = name.rsplit_once('-').unwrap_or((name, ""));
        (chapter.to_string(), number.parse::<u32>().unwrap_or(u32::MAX))
    });
    Ok(names)
}

fn file(root: &Path, name: &str) -> PathBuf {
    root.join(FOLDER).join(format!("{name}.patch"))
}

/// A saved patch, with its lead.
pub(super) fn read(root: &Path, name: &str) -> anyhow::Result<Vec<u8>> {
    let path = file(root, name);
    fs::read(&path).with_context(|| path.display().to_string())
}

/// What git reads of it.
pub(super) fn diff_of(patch: &[u8]) -> &[u8] {
    let start = b"diff --git ";
    let place = patch.windows(start.len()).position(|bytes| bytes == start);
    place.map_or(&[], |place| &patch[place..])
}

/// The files that a patch touches.
pub(super) fn paths(diff: &[u8]) -> anyhow::Result<Vec<String>> {
    let folder = tempfile::tempdir()?;
    let stored = stored(diff)?;
    let git = Git::outside_of_repositories(folder.path());
    let told = git.run(&["apply", "--numstat", "-z", stored.path().to_string_lossy().as_ref()])?;
    // `added TAB removed TAB path`
    let path = |line: String| line.splitn(3, '\t').nth(2).map(String::from);
    Ok(split_zero(&told).into_iter().filter_map(path).collect())
}

/// The files as a patch makes them.
pub(super) fn applied(diff: &[u8], before: &Files) -> anyhow::Result<Files> {
    let folder = tempfile::tempdir()?;
    for (path, content) in before {
        if let Some(content) = content {
            patch::write(folder.path(), path, content)?;
        }
    }
    let stored = stored(diff)?;
    let git = Git::outside_of_repositories(folder.path());
    git.run(&["apply", "--whitespace=nowarn", stored.path().to_string_lossy().as_ref()])?;
    let now = |path: &String| Ok((path.clone(), disk::read(&folder.path().join(path))?));
    before.keys().map(now).collect()
}

fn stored(diff: &[u8]) -> anyhow::Result<tempfile::NamedTempFile> {
    let stored = tempfile::NamedTempFile::new()?;
    fs::write(stored.path(), diff)?;
    Ok(stored)
}
