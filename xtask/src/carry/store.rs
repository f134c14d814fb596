//! The states of the files that carry has to know, as trees of git in commits under names of this work tree. They are
//! the undo of a run, and tell the next run what is carried already.
//!
//! A run stores its commit as `next` before it touches a file, and calls it `done` as soon as all files are written. So
//! a run that was killed is undone by the next one. No name is ever deleted: for that git locks all names of the
//! repository, and if git were killed then, a person would have to remove the lock.

use std::collections::BTreeSet;
use std::fs;

use anyhow::Context;
use tempfile::TempDir;

use crate::disk;
use crate::git::Git;
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
const NEXT: &str = "refs/worktree/carry/next";
const DONE: &str = "refs/worktree/carry/done";

/// The end of the message of a carry that waits for a person.
const WAITS: &str = ", which waits for a decision";
const UNDO: &str = "Undo the carry";

/// A carry. Its states are trees, or names of git that stand for one.
#[derive(Debug, Clone)]
pub(super) struct Carry {
    /// The directory of the chapter whose change is carried.
    pub chapter: String,
    /// The commit before the change.
    pub revision: String,
    /// The last commit when the carry began.
    pub head: String,
    /// Whether a person must decide.
    pub is_waiting: bool,
    /// The files that carry has written or has looked at, by their path from the root.
    pub files: BTreeSet<String>,
    /// The files before the first run.
    pub start: String,
    /// The files as the last run left them.
    pub after: String,
    /// The files that have reached the later chapters: a difference from them is a change to be carried.
    pub carried: String,
}

/// The stored carry, which one process at a time may use.
pub(super) struct Store<'a> {
    workspace: &'a Workspace,
    /// Has an index of its own, in the scratch directory.
    pub git: Git,
    _scratch: TempDir,
}

impl Store<'_> {
    /// Opens it. If the last run was killed while it wrote files, that run is undone.
    pub(super) fn open(workspace: &Workspace) -> anyhow::Result<Store<'_>> {
        let folder = workspace.path(FOLDER);
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let lock = disk::lock(&folder.join("lock"))?;
        let scratch = tempfile::tempdir()?;
        let git = workspace.git().with_bytes(&scratch.path().join("index"), lock)?;
        git.remove_locks(NAMES)?;
        let store = Store { workspace, git, _scratch: scratch };
        let [next, done] = [store.git.commit(NEXT)?, store.git.commit(DONE)?];
        if let (Some(next), Some(done)) = (next, done)
            && next != done
        {
            store.replace(&next, &format!("{next}~1"))?;
            store.name(NEXT, &done)?;
            anstream::eprintln!("The last run was interrupted. Its changes are undone.");
        }
        Ok(store)
    }

    /// The last carry, if it has ended or waits for a person.
    pub(super) fn load(&self) -> anyhow::Result<Option<Carry>> {
        let Some(object) = self.git.object(DONE)? else { return Ok(None) };
        let message = String::from_utf8_lossy(&object.content).into_owned();
        let Some((_, told)) = message.split_once("\n\nCarry ") else { return Ok(None) };
        let mut lines = told.lines();
        let subject = lines.next().unwrap_or_default();
        let id = object.id;
        let head = self.git.commit(&format!("{id}~4"))?.context(START)?;
        // Two parents that are the same commit are one parent.
        let revision = self.git.commit(&format!("{id}~3^2"))?.unwrap_or_else(|| head.clone());
        Ok(Some(Carry {
            chapter: subject.trim_end_matches(WAITS).to_string(),
            revision,
            head,
            is_waiting: subject.ends_with(WAITS),
            files: lines.skip(1).map(String::from).collect(),
            start: format!("{id}~3"),
            carried: format!("{id}~2"),
            after: id,
        }))
    }

    /// The files of the chapters as they are on the disk, and those in which a person decides about a patch.
    pub(super) fn snapshot(&self) -> anyhow::Result<String> {
        self.git.run(&["read-tree", "HEAD"])?;
        let folders = self.workspace.chapters().iter().map(|chapter| &*chapter.folder);
        let add = ["add", "--all", "--"].into_iter();
        self.git.run(&add.chain(folders).collect::<Vec<_>>())?;
        let own = ["lock", "part"].map(|name| format!(":(exclude){FOLDER}/{name}"));
        self.git.run(&["add", "--all", "--force", "--", FOLDER, &own[0], &own[1]])?;
        self.git.text(&["write-tree"])
    }

    /// These files, but with the files of the carry as they were before it.
    pub(super) fn without(&self, carry: &Carry, files: &str) -> anyhow::Result<String> {
        let before = |path: &String| Ok((path.clone(), self.git.show(&carry.start, path)?));
        let before = carry.files.iter().map(before).collect::<anyhow::Result<Files>>()?;
        self.git.tree_with(files, &before)
    }

    /// Restores the files as they were before the first run. The files as they are now, with all that a person has
    /// edited since then, are kept in the commit [`UNDONE`], whose last parent is an earlier abort's.
    pub(super) fn undo(&self, carry: Carry) -> anyhow::Result<()> {
        let found = self.snapshot()?;
        let after = self.without(&carry, &found)?;
        let last = self.git.commit(UNDONE)?;
        let parents: Vec<&str> = [&*carry.start].into_iter().chain(last.as_deref()).collect();
        self.name(UNDONE, &self.commit(UNDO, &found, &parents)?)?;
        let undone = Carry { start: after.clone(), after: after.clone(), carried: after, ..carry };
        self.store(UNDO, &undone, &found)
    }

    /// Stores what a run will write, and writes it. The tree `found` has the files before.
    pub(super) fn write(&self, carry: &Carry, found: &str) -> anyhow::Result<()> {
        let waits = if carry.is_waiting { WAITS } else { "" };
        let files = carry.files.iter().map(String::as_str).collect::<Vec<_>>().join("\n");
        self.store(&format!("Carry {}{waits}\n\n{files}", carry.chapter), carry, found)
    }

    fn store(&self, message: &str, carry: &Carry, found: &str) -> anyhow::Result<()> {
        let state = "A state of the files";
        let start = self.commit(state, &carry.start, &[&carry.head, &carry.revision])?;
        let carried = self.commit(state, &carry.carried, &[&start])?;
        let found = self.commit(state, found, &[&carried])?;
        let next = self.commit(message, &carry.after, &[&found])?;
        if self.git.commit(DONE)?.is_none() {
            self.name(DONE, &start)?;
        }
        self.name(START, &start)?;
        self.name(NEXT, &next)?;
        self.replace(&found, &next)?;
        self.name(DONE, &next)
    }

    fn commit(&self, message: &str, tree: &str, parents: &[&str]) -> anyhow::Result<String> {
        let parents = parents.iter().flat_map(|parent| ["-p", parent]);
        let form = ["commit-tree", "-m", message, tree].into_iter();
        self.git.text(&form.chain(parents).collect::<Vec<_>>())
    }

    fn name(&self, name: &str, commit: &str) -> anyhow::Result<()> {
        self.git.run(&["update-ref", name, commit])?;
        disk::step()
    }

    /// Writes the files in which two states differ. A file that is not as in the first one is left alone: a person has
    /// just edited it.
    fn replace(&self, found: &str, after: &str) -> anyhow::Result<()> {
        let parts = self.workspace.path(FOLDER);
        for path in self.git.changed_between(found, after)? {
            let full = self.workspace.path(&path);
            if disk::read(&full)? == self.git.show(found, &path)? {
                let content = self.git.show(after, &path)?;
                disk::put(&parts, &full, content.as_deref()).with_context(|| path)?;
            }
        }
        Ok(())
    }
}

/// Whether a file exists only for a person to decide in.
pub(super) fn is_scratch(path: &str) -> bool {
    path.starts_with(FOLDER)
}
