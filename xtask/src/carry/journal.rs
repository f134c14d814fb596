//! What a carry has planned and how far it has come, stored in git before the first file of a chapter is touched.
//!
//! A plan is four commits: the files before the first run, before this run, what is merged into them, and the result.
//! The name of the last one says how far the carry has come. The names are those of one work tree.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{self, File};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::disk;
use crate::git::{Commit, Git};
use crate::patch::Files;
use crate::workspace::Workspace;

/// The directory of carry, from the root, with the files in which a person decides about a patch. Git ignores it.
pub(super) const FOLDER: &str = ".carry";

/// The files before the first run, for the person.
pub(super) const START: &str = "refs/worktree/carry/start";

/// The content of a file; `None` when there is none.
pub(super) type Content = Option<Vec<u8>>;

#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Journal {
    /// The directory of the chapter whose change is carried.
    pub chapter: String,
    /// The commit before the change.
    pub revision: String,
    /// The last commit when the carry began.
    pub head: String,
    #[serde(skip)]
    pub phase: Phase,
    /// By the path from the root.
    pub entries: BTreeMap<String, Entry>,
    /// What a person must decide: a sentence for each.
    pub conflicts: Vec<String>,
    /// The report to the person.
    pub report: String,
}

impl Journal {
    /// Whether it changes any file.
    pub(super) fn wrote_something(&self) -> bool {
        self.entries.values().any(|entry| entry.before != entry.after)
    }
}

/// How far a carry has come. Each phase is a name of the plan's last commit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Phase {
    /// Files are being written.
    #[default]
    Writing,
    /// All files are written. The plan stays, so that the change can be carried again and taken back.
    Written,
    /// Files are being restored.
    Aborting,
}

impl Phase {
    fn name(self) -> &'static str {
        match self {
            Phase::Writing => "refs/worktree/carry/writing",
            Phase::Written => "refs/worktree/carry/written",
            Phase::Aborting => "refs/worktree/carry/aborting",
        }
    }
}

/// One file that carry changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Before the first run.
    #[serde(skip)]
    pub before: Content,
    /// Before the run that wrote `after`.
    #[serde(skip)]
    pub found: Content,
    /// What was merged into it.
    #[serde(skip)]
    pub incoming: Content,
    #[serde(skip)]
    pub after: Content,
    /// A person has edited it since carry wrote it first.
    pub decided: bool,
    /// A person must edit it.
    pub conflict: bool,
}

/// The stored plan, which one process at a time may use.
pub(super) struct Store<'a> {
    workspace: &'a Workspace,
    git: &'a Git,
    _lock: File,
}

impl Store<'_> {
    pub(super) fn open(workspace: &Workspace) -> anyhow::Result<Store<'_>> {
        let folder = workspace.path(FOLDER);
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let lock = disk::lock(&folder.join("lock"))?;
        Ok(Store { workspace, git: workspace.git(), _lock: lock })
    }

    pub(super) fn load(&self) -> anyhow::Result<Option<Journal>> {
        // A kill may leave two names of one commit. The abort goes on, and a finished run is finished.
        let [aborting, writing, written] =
            [Phase::Aborting, Phase::Writing, Phase::Written].map(|phase| (phase, self.id(phase)));
        let (phase, id) = match (aborting.1?, writing.1?, written.1?) {
            (Some(id), _, _) => (Phase::Aborting, id),
            (None, Some(id), written) if written.as_ref() != Some(&id) => (Phase::Writing, id),
            (None, _, Some(id)) => (Phase::Written, id),
            (None, _, None) => return Ok(None),
        };
        let commit = self.git.object(&id)?.context("the plan is gone")?.content;
        let commit = String::from_utf8_lossy(&commit);
        let (_, message) = commit.split_once("\n\n").unwrap_or_default();
        let (_, stored) = message.split_once("\n\n").unwrap_or_default();
        let mut journal: Journal = serde_json::from_str(stored).with_context(|| {
            format!(
                "{} is of another version of carry; {START} has the files before it",
                phase.name()
            )
        })?;
        journal.phase = phase;
        for (path, entry) in &mut journal.entries {
            entry.before = self.git.show(&format!("{id}^1"), path)?;
            entry.found = self.git.show(&format!("{id}^2"), path)?;
            entry.incoming = self.git.show(&format!("{id}^3"), path)?;
            entry.after = self.git.show(&id, path)?;
        }
        Ok(Some(journal))
    }

    fn id(&self, phase: Phase) -> anyhow::Result<Option<String>> {
        self.git.commit(phase.name())
    }

    /// Stores a plan before its files are written, and with it the files of the change.
    pub(super) fn save(&self, journal: &Journal, changed: Files) -> anyhow::Result<()> {
        let column = |content: fn(&Entry) -> &Content| -> Files {
            let file = |(path, entry): (&String, &Entry)| (path.clone(), content(entry).clone());
            journal.entries.iter().map(file).collect()
        };
        let mut before = column(|entry| &entry.before);
        before.extend(changed);
        let message = |what: &str| format!("Carry {}: {what}", journal.chapter);
        let plan = format!("{}\n\n{}", message("the result"), serde_json::to_string(journal)?);
        let writing = Phase::Writing.name();
        let commit = |name, parents, message, files| Commit { name, parents, message, files };
        self.git.store(&[
            commit(START, &["HEAD"], &message("the files before it"), &before),
            commit(writing, &[":1"], &message("before this run"), &column(|entry| &entry.found)),
            commit(writing, &[":1"], &message("merged"), &column(|entry| &entry.incoming)),
            commit(writing, &[":1", ":2", ":3"], &plan, &column(|entry| &entry.after)),
        ])
    }

    /// Writes the files of the plan. A file that a person has changed since is left alone.
    pub(super) fn write(&self, journal: &mut Journal) -> anyhow::Result<()> {
        for (path, entry) in &journal.entries {
            if self.now(path)? == entry.found {
                self.put(path, &entry.after)?;
            }
        }
        self.enter(journal, Phase::Written)
    }

    /// Gives the plan the name of the next phase.
    fn enter(&self, journal: &mut Journal, phase: Phase) -> anyhow::Result<()> {
        let id = self.id(journal.phase)?.context("the plan is gone")?;
        let mut lines = format!("update {} {id}\n", phase.name());
        for other in [Phase::Writing, Phase::Written].into_iter().filter(|other| *other != phase) {
            let _ = writeln!(lines, "delete {}", other.name());
        }
        self.git.update_names(&lines)?;
        journal.phase = phase;
        Ok(())
    }

    fn now(&self, path: &str) -> anyhow::Result<Content> {
        disk::read(&self.workspace.path(path))
    }

    fn put(&self, path: &str, content: &Content) -> anyhow::Result<()> {
        if self.now(path)? == *content {
            return Ok(());
        }
        let (parts, full) = (self.workspace.path(FOLDER), self.workspace.path(path));
        disk::put(&parts, &full, content.as_deref()).with_context(|| path.to_string())
    }

    /// The files in which a person has decided, and that have not changed since.
    pub(super) fn decided(&self, journal: &Journal) -> anyhow::Result<BTreeSet<String>> {
        let mut decided = BTreeSet::new();
        for (path, entry) in journal.entries.iter().filter(|(_, entry)| entry.decided) {
            if self.now(path)? == entry.after {
                decided.insert(path.clone());
            }
        }
        Ok(decided)
    }

    /// Restores the files as they were before the first run. The edits of a person since then are kept in a commit,
    /// whose name is returned.
    pub(super) fn take_back(&self, journal: &mut Journal) -> anyhow::Result<Option<String>> {
        self.enter(journal, Phase::Aborting)?;
        let mut edited = Files::new();
        for (path, entry) in &journal.entries {
            let now = self.now(path)?;
            // A run before may have written `found`, unless a person did.
            let is_ours = now == entry.before || (now == entry.after && !entry.decided);
            if !is_ours && now.is_some() {
                edited.insert(path.clone(), now);
            }
        }
        let kept = if edited.is_empty() { None } else { Some(self.keep(&edited)?) };
        for (path, entry) in &journal.entries {
            self.put(path, &entry.before)?;
        }
        self.git.update_names(&format!("delete {}\ndelete {START}\n", Phase::Aborting.name()))?;
        Ok(kept)
    }

    fn keep(&self, edited: &Files) -> anyhow::Result<String> {
        let name = |number: u32| format!("refs/worktree/carry/kept/{number}");
        let mut number = 1;
        while self.git.commit(&name(number))?.is_some() {
            number += 1;
        }
        let (name, start) = (name(number), format!("{}^1", Phase::Aborting.name()));
        let message = "Edited since the carry began";
        self.git.store(&[Commit { name: &name, parents: &[&start], message, files: edited }])?;
        Ok(name)
    }

    /// Removes the files in which a person has decided about a patch, once the change is committed.
    pub(super) fn sweep(&self, journal: &Journal) {
        for path in journal.entries.keys().filter(|path| is_scratch(path)) {
            // Git ignores what is left of them.
            let _ = fs::remove_file(self.workspace.path(path));
        }
    }
}

/// Whether a file exists only for a person to decide in.
pub(super) fn is_scratch(path: &str) -> bool {
    path.starts_with(FOLDER)
}
