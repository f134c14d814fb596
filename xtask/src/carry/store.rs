//! What carry has written, as commits of git under names of this work tree. They are the undo of a run, and tell the
//! next run what is carried already.
//!
//! A run stores three commits before it touches a file: the files before the first run (`start`), the files before this
//! run, and the files as it will write them. The last is called `writing`, and also `written` as soon as all files are
//! written. So a run that was killed is undone by the next one. A run deletes no name: for that git locks all names of
//! the repository, and if git were killed then, a person would have to remove the lock.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use anyhow::Context;

use crate::disk;
use crate::git::{Commit, Git};
use crate::merge::{Content, unfinished};
use crate::patch::Files;
use crate::workspace::Workspace;

/// The directory of carry, from the root, with the files in which a person decides about a patch. Git ignores it.
pub(super) const FOLDER: &str = ".carry";

/// Where all names of carry are.
const NAMES: &str = "refs/worktree/carry";
/// The files before the first run, for the person.
pub(super) const START: &str = "refs/worktree/carry/start";
/// The files that an abort has replaced, for the person.
pub(super) const UNDONE: &str = "refs/worktree/carry/undone";
const WRITING: &str = "refs/worktree/carry/writing";
const WRITTEN: &str = "refs/worktree/carry/written";

/// The end of the message of a carry that waits for a person.
const WAITS: &str = ", which waits for a decision";

/// One file of a carry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Entry {
    /// Before the first run.
    pub start: Content,
    /// Before this run.
    pub found: Content,
    /// After it.
    pub after: Content,
}

pub(super) type Entries = BTreeMap<String, Entry>;

/// A carry whose files are written.
#[derive(Debug)]
pub(super) struct Carry {
    /// The directory of the chapter whose change is carried.
    pub chapter: String,
    /// The commit before the change.
    pub revision: String,
    /// The last commit when the carry began.
    pub head: String,
    /// Whether a person must decide.
    pub is_waiting: bool,
    /// The files of the later chapters, and the patches, by their path from the root.
    pub entries: Entries,
    /// The commit of its files.
    id: String,
}

impl Carry {
    /// The part of a file that has reached the later chapters. A conflict has not.
    pub(super) fn carried(&self, git: &Git, path: &str) -> anyhow::Result<Content> {
        match self.entries.get(path) {
            Some(entry) if self.is_conflict(path) => Ok(entry.start.clone()),
            _ => git.show(&self.id, path),
        }
    }

    /// Whether the run left both sides of a conflict in the file.
    pub(super) fn is_conflict(&self, path: &str) -> bool {
        let entry = self.entries.get(path);
        entry.is_some_and(|entry| unfinished(path, &entry.after, &entry.start).is_some())
    }
}

/// The stored carry, which one process at a time may use.
pub(super) struct Store<'a> {
    workspace: &'a Workspace,
    git: Git,
}

impl Store<'_> {
    /// Opens it. If the last run was killed while it wrote files, that run is undone.
    pub(super) fn open(workspace: &Workspace) -> anyhow::Result<Store<'_>> {
        let folder = workspace.path(FOLDER);
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let lock = disk::lock(&folder.join("lock"))?;
        let store = Store { workspace, git: workspace.git().with_lock(lock) };
        store.git.remove_locks(NAMES)?;
        store.undo_interrupted()?;
        Ok(store)
    }

    fn undo_interrupted(&self) -> anyhow::Result<()> {
        let Some(id) = self.git.commit(WRITING)? else { return Ok(()) };
        let written = self.git.commit(WRITTEN)?;
        if written.as_ref() == Some(&id) {
            return Ok(());
        }
        // Otherwise the run had written everything, or git has stored it only after the kill and another run.
        if self.git.commit(&format!("{id}^3"))? == written {
            let before = format!("{id}^2");
            for path in self.git.changed_between(&before, &id)? {
                let (found, after) = (self.git.show(&before, &path)?, self.git.show(&id, &path)?);
                self.replace(&path, &after, &found)?;
            }
            anstream::eprintln!("The last run was interrupted. Its changes are undone.");
        }
        self.git.update_names(&match written {
            Some(written) => format!("update {WRITING} {written}\n"),
            None => format!("delete {WRITING}\ndelete {START}\n"),
        })
    }

    /// The last carry, if it has ended or waits for a person.
    pub(super) fn load(&self) -> anyhow::Result<Option<Carry>> {
        let Some(object) = self.git.object(WRITTEN)? else { return Ok(None) };
        let message = String::from_utf8_lossy(&object.content).into_owned();
        let mut lines = message.lines().skip_while(|line| !line.is_empty()).skip(1);
        let subject = lines.next().unwrap_or_default().trim_start_matches("Carry ");
        let (chapter, is_waiting) = match subject.strip_suffix(WAITS) {
            Some(chapter) => (chapter.to_string(), true),
            None => (subject.to_string(), false),
        };
        let (id, start) = (object.id, format!("{WRITTEN}^1"));
        let parent = |number: u8| {
            let name = format!("{start}^{number}");
            self.git.commit(&name)?.with_context(|| {
                format!("{WRITTEN} is of another version of carry; `git update-ref -d {WRITTEN}` removes it")
            })
        };
        let (head, revision) = (parent(1)?, parent(2)?);
        let mut entries = Entries::new();
        for path in lines.skip(1) {
            let (start, after) = (self.git.show(&start, path)?, self.git.show(&id, path)?);
            entries.insert(path.to_string(), Entry { start, found: after.clone(), after });
        }
        Ok(Some(Carry { chapter, revision, head, is_waiting, entries, id }))
    }

    /// Stores what a run will write, and writes it. A file that has changed since the run found it is left alone.
    pub(super) fn write(
        &self,
        chapter: &str,
        [head, revision]: [&str; 2],
        is_waiting: bool,
        entries: &Entries,
    ) -> anyhow::Result<()> {
        let mut message = format!("Carry {chapter}{}\n\n", if is_waiting { WAITS } else { "" });
        let own = format!("{chapter}/");
        for (path, entry) in entries {
            let is_change = path.starts_with(&own) && entry.start == entry.after;
            if !is_change {
                let _ = writeln!(message, "{path}");
            }
        }
        let commit = |name, parents, files| Commit { name, parents, message: &message, files };
        let [start, found, after] = columns(entries);
        let last = self.git.commit(WRITTEN)?;
        let parents: Vec<&str> = [":1", ":2"].into_iter().chain(last.as_deref()).collect();
        self.git.store(&[
            commit(START, &[head, revision], &start),
            commit(WRITING, &[":1"], &found),
            commit(WRITING, &parents, &after),
        ])?;
        for (path, entry) in entries {
            self.replace(path, &entry.found, &entry.after)?;
        }
        self.git.update_names(&format!("update {WRITTEN} {WRITING}\n"))
    }

    /// Restores the files as they were before the first run. The files as they are now, with all that a person has edited
    /// since then, are kept in the commit [`UNDONE`], whose last parent is the one of an abort before.
    pub(super) fn undo(&self, carry: &Carry) -> anyhow::Result<()> {
        let mut entries = carry.entries.clone();
        for (path, entry) in &mut entries {
            (entry.found, entry.after) = (self.now(path)?, entry.start.clone());
        }
        // Otherwise an abort was killed when it had restored the files.
        if entries.values().any(|entry| entry.found != entry.after) {
            let [_, found, after] = columns(&entries);
            let (start, last) = (format!("{}^1", carry.id), self.git.commit(UNDONE)?);
            let parents: Vec<&str> = [start.as_str()].into_iter().chain(last.as_deref()).collect();
            let message = "Undo the carry";
            let restored = [start.as_str(), ":1", &carry.id];
            self.git.store(&[
                Commit { name: UNDONE, parents: &parents, message, files: &found },
                Commit { name: WRITING, parents: &restored, message, files: &after },
            ])?;
            for (path, entry) in &entries {
                self.replace(path, &entry.found, &entry.after)?;
            }
        }
        self.git.update_names(&format!("delete {WRITING}\n"))?;
        self.git.update_names(&format!("delete {WRITTEN}\ndelete {START}\n"))
    }

    /// Writes a file, unless it has changed since it was found.
    fn replace(&self, path: &str, found: &Content, after: &Content) -> anyhow::Result<()> {
        if found == after || self.now(path)? != *found {
            return Ok(());
        }
        let (parts, full) = (self.workspace.path(FOLDER), self.workspace.path(path));
        disk::put(&parts, &full, after.as_deref()).with_context(|| path.to_string())
    }

    fn now(&self, path: &str) -> anyhow::Result<Content> {
        disk::read(&self.workspace.path(path))
    }
}

/// The contents of all files before the first run, before this run, and after it.
fn columns(entries: &Entries) -> [Files; 3] {
    let column = |content: fn(&Entry) -> &Content| -> Files {
        entries.iter().map(|(path, entry)| (path.clone(), content(entry).clone())).collect()
    };
    [column(|entry| &entry.start), column(|entry| &entry.found), column(|entry| &entry.after)]
}

/// Whether a file exists only for a person to decide in.
pub(super) fn is_scratch(path: &str) -> bool {
    path.starts_with(FOLDER)
}
