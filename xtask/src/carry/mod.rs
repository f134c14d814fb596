//! `cargo xtask carry N`: takes a change of chapter N into every later chapter, and into the patches of
//! the exercises.
//!
//! 1. [`change`]: what has changed in chapter N since the last commit, file by file.
//! 2. [`files`]: each changed file is merged (three-way, as git merges branches) into chapter N+1, what
//!    came out of that into N+2, and so on to `final`. A conflict stops the way of that file: both sides
//!    are left in it for a person, and `--continue` goes on from there.
//! 3. [`patches`]: patches of exercises that touch a changed file are made anew for it.
//!
//! All of this is a [`plan`], which writes nothing. What it would write, and what is there now, goes into
//! the [`journal`], and only then into the files. Going on is to plan once more, from the files as they
//! were at the beginning and with what the person has decided since.
//!
//! When everything is written, [`compile`] compiles it, and [`advice`] names what a person should look at.

mod advice;
mod change;
mod changed;
mod compile;
mod disk;
mod files;
mod journal;
mod manifest;
mod merge;
mod names;
mod patches;
mod plan;
mod quotes;
mod value;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::{Context, bail};

use self::change::Change;
use self::journal::{Journal, Phase, Store};
use self::plan::Plan;
use crate::git::Git;
use crate::ui;
use crate::workspace::{Chapter, Workspace};

const GO_ON: &str = "`cargo xtask carry --continue`";
const TAKE_BACK: &str = "`cargo xtask carry --abort`";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The chapter that you have changed, by its number or name; without it, the carry in progress
    chapter: Option<String>,
    /// The commit before the change; without it, uncommitted changes are carried
    #[arg(long, value_name = "REV", default_value = "HEAD", requires = "chapter")]
    from: String,
    /// Continue after you have decided, or after an interruption
    #[arg(long = "continue", conflicts_with_all = ["chapter", "abort"])]
    go_on: bool,
    /// Undo all changes of the carry; your edits are kept in a directory
    #[arg(long, conflicts_with = "chapter")]
    abort: bool,
    /// Do not compile the carried chapters
    #[arg(long)]
    no_check: bool,
}

/// What is carried: where from, and what it was before.
struct Source<'a> {
    workspace: &'a Workspace,
    git: Git,
    /// The id of the commit before the change.
    revision: String,
    /// The id of the last commit.
    head: String,
    chapter: &'a Chapter,
}

pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    let report = match &args.chapter {
        Some(chapter) => start(workspace, chapter, &args.from)?,
        None if args.go_on => go_on(workspace)?,
        None if args.abort => abort(workspace)?,
        None => status(workspace)?,
    };
    ui::print(&report.text);
    if !report.conflicts.is_empty() {
        return Ok(ExitCode::FAILURE);
    }
    if !args.no_check && !report.packages.is_empty() {
        ui::print(&compile::announcement(&report.packages));
        if let Some(wrong) = compile::check(workspace, &report.packages)? {
            ui::print(&wrong);
            return Ok(ExitCode::FAILURE);
        }
    }
    ui::print(&report.closing);
    Ok(ExitCode::SUCCESS)
}

/// What the person who carries is told.
#[derive(Debug, Default)]
struct Report {
    text: String,
    /// What a person must decide: the file, and what to do with it.
    conflicts: Vec<String>,
    /// What was written, and should compile.
    packages: Vec<String>,
    /// What is said when it does.
    closing: String,
}

impl Report {
    fn of(journal: &Journal) -> Report {
        let (text, conflicts) = (journal.report.clone(), journal.conflicts.clone());
        Report { text, conflicts, ..Report::default() }
    }
}

fn start(workspace: &Workspace, chapter: &str, from: &str) -> anyhow::Result<Report> {
    let chapter = workspace.chapter(chapter)?;
    let store = Store::open(workspace.root())?;
    let git = Git::at(workspace.root());
    let revision = commit(&git, from)?;
    let head = commit(&git, "HEAD")?;
    let previous = store.load()?;
    if let Some(journal) = previous.as_ref().filter(|journal| journal.phase != Phase::Done) {
        bail!(
            "a carry from {} is under way; {GO_ON} goes on, {TAKE_BACK} takes it back",
            journal.chapter
        );
    }
    // Carried once more, with a better change: what a person has decided still holds.
    let same = |journal: &Journal| journal.revision == revision && journal.head == head;
    let committed = previous.as_ref().filter(|journal| journal.revision == revision);
    let committed = committed.map(|journal| store.decided(journal)).transpose()?;
    let entries = match previous {
        Some(journal) if same(&journal) => journal.entries,
        Some(journal) => {
            store.sweep(&journal);
            BTreeMap::default()
        }
        None => BTreeMap::default(),
    };
    let source = Source { workspace, git, revision, head, chapter };
    let mut plan = Plan::new(&source, entries);
    plan.committed = committed.unwrap_or_default();
    perform(&store, plan)
}

fn go_on(workspace: &Workspace) -> anyhow::Result<Report> {
    let store = Store::open(workspace.root())?;
    let mut journal = match store.load()? {
        Some(journal) if journal.phase == Phase::Aborting => {
            bail!("the carry was being taken back; {TAKE_BACK} takes back the rest")
        }
        Some(journal) if journal.phase != Phase::Done => journal,
        _ => bail!("no carry is under way"),
    };
    let chapter = workspace.chapter(&journal.chapter)?;
    let git = Git::at(workspace.root());
    let (revision, head) = (journal.revision.clone(), journal.head.clone());
    let source = Source { workspace, git, revision, head, chapter };
    if journal.phase == Phase::Writing {
        // It was interrupted, and nobody has seen yet what there is to decide.
        return finish(&store, &mut journal, &source, &change::changes(&source)?);
    }
    perform(&store, Plan::new(&source, journal.entries))
}

fn abort(workspace: &Workspace) -> anyhow::Result<Report> {
    let store = Store::open(workspace.root())?;
    let head = commit(&Git::at(workspace.root()), "HEAD")?;
    // What is committed is a matter for git.
    let under_way = |journal: &Journal| journal.phase != Phase::Done || journal.head == head;
    let Some(mut journal) = store.load()?.filter(under_way) else {
        bail!("no carry is under way");
    };
    journal.phase = Phase::Aborting;
    store.save(&journal)?;
    let kept = store.take_back(&journal)?;
    store.forget()?;
    let mut text = format!(
        "Taken back. Your change of {} is as it was, and the later chapters are as they were before.\n",
        journal.chapter
    );
    if let Some(kept) = kept {
        let _ = writeln!(text, "What you have edited since is in {kept}.");
    }
    Ok(Report { text, ..Report::default() })
}

fn status(workspace: &Workspace) -> anyhow::Result<Report> {
    let store = Store::open(workspace.root())?;
    let Some(journal) = store.load()?.filter(|journal| journal.phase != Phase::Done) else {
        bail!("which chapter have you changed? `cargo xtask carry 2`");
    };
    let mut report = Report::of(&journal);
    if journal.phase != Phase::Waiting {
        report.text = format!(
            "The carry from {} was interrupted.\n{GO_ON} goes on, {TAKE_BACK} takes it back.\n",
            journal.chapter
        );
    }
    Ok(report)
}

/// Plans, stores the plan, and does what it says.
fn perform(store: &Store, mut plan: Plan<'_>) -> anyhow::Result<Report> {
    let source = plan.source;
    let changes = change::changes(source)?;
    if changes.is_empty() {
        bail!(
            "nothing has changed in {} since {}; if the change is committed already, add `--from REV` \
             with the commit before it",
            source.chapter.folder,
            &source.revision[..source.revision.len().min(10)],
        );
    }
    for change in &changes {
        files::carry(&mut plan, change)?;
    }
    patches::carry(&mut plan)?;
    decide(&mut plan);
    let mut journal = Journal {
        chapter: source.chapter.folder.clone(),
        revision: source.revision.clone(),
        head: source.head.clone(),
        phase: Phase::Writing,
        entries: plan.entries,
        conflicts: plan.conflicts,
        report: plan.text,
    };
    store.save(&journal)?;
    finish(store, &mut journal, source, &changes)
}

/// Writes what is not written yet.
fn finish(
    store: &Store,
    journal: &mut Journal,
    source: &Source<'_>,
    changes: &[Change],
) -> anyhow::Result<Report> {
    store.write(journal)?;
    journal.phase = if journal.conflicts.is_empty() { Phase::Done } else { Phase::Waiting };
    store.save(journal)?;
    let mut report = Report::of(journal);
    if journal.phase == Phase::Done {
        report.packages = advice::packages(source.workspace, journal);
        report.closing = advice::closing(source, journal, changes)?;
    }
    Ok(report)
}

/// The last lines when a person must decide.
fn decide(plan: &mut Plan<'_>) {
    if plan.conflicts.is_empty() {
        return;
    }
    plan.line("");
    for conflict in plan.conflicts.clone() {
        plan.line(&format!("{} {conflict}", ui::paint(ui::BAD, "decide:")));
    }
    plan.line(&format!(
        "Edit the files above, then continue with {GO_ON}. {TAKE_BACK} undoes everything."
    ));
}

fn commit(git: &Git, name: &str) -> anyhow::Result<String> {
    let id = git
        .run(&["rev-parse", "--verify", "--quiet", &format!("{name}^{{commit}}")])
        .with_context(|| format!("`{name}` is no commit"))?;
    Ok(String::from_utf8_lossy(&id).trim().to_string())
}

#[cfg(test)]
mod history;
#[cfg(test)]
mod interrupted;
#[cfg(test)]
mod tests;
