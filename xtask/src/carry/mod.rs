//! `cargo xtask carry N`: merges a change of chapter N into every later chapter, and into the patches of
//! the exercises.
//!
//! 1. [`change`]: the files of chapter N that differ from the last commit.
//! 2. [`chapters`]: the changed files are merged (three-way, as git merges branches) into chapter N+1, the results
//!    into N+2, and so on to `final`. After a conflict a person decides, and `--continue` merges the decision
//!    into the next chapter.
//! 3. [`patches`]: patches of exercises that touch a changed file are rebuilt.
//!
//! All of this is a [`plan`], which writes nothing. The [`journal`] stores it in git, with the files as they
//! are, and only then the files are written. To continue is to plan again, from the files before the first run and
//! with the decisions since then.
//!
//! When everything is written, [`compile`] compiles it, and [`advice`] names the places that a person should check.

mod advice;
mod change;
mod chapters;
mod compile;
mod journal;
mod manifest;
mod names;
mod pages;
mod patches;
mod plan;
mod quotes;
mod search;
mod source;
mod value;

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::{Context, bail};

use self::change::Change;
use self::journal::{Journal, Phase, START, Store};
use self::plan::Plan;
use self::source::Source;
use crate::git::Git;

use crate::ui;
use crate::workspace::Workspace;

const GO_ON: &str = "`cargo xtask carry --continue`";
const ABORT: &str = "`cargo xtask carry --abort`";

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
    /// Undo all changes of the carry; your edits are kept in a commit
    #[arg(long, conflicts_with = "chapter")]
    abort: bool,
    /// Do not compile the carried chapters
    #[arg(long)]
    no_check: bool,
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

/// The output for the person.
#[derive(Debug, Default)]
struct Report {
    text: String,
    /// The open decisions: the file, and what to do with it.
    conflicts: Vec<String>,
    /// The packages that were written, and should compile.
    packages: Vec<String>,
    /// The last lines, printed if they compile.
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
    let git = workspace.git();
    let revision = commit(git, from)?;
    let head = commit(git, "HEAD")?;
    let store = Store::open(workspace)?;
    let previous = store.load()?;
    if let Some(journal) = previous.as_ref().filter(|journal| is_under_way(journal)) {
        bail!(
            "a carry from {} is under way; {GO_ON} continues it, {ABORT} undoes it",
            journal.chapter
        );
    }
    let mut plan = Plan::new(Source { workspace, git, revision, head, chapter });
    if let Some(journal) = previous {
        let is_same_revision = journal.revision == plan.source.revision;
        if is_same_revision {
            plan.committed = store.decided(&journal)?;
        }
        let is_uncommitted = journal.head == plan.source.head;
        if is_uncommitted {
            plan.carried = journal.entries.keys().cloned().collect();
        }
        // Carried once more, with a better change: the decisions still hold.
        if is_same_revision && is_uncommitted && journal.chapter == chapter.folder {
            plan.resume(journal.entries);
        } else {
            store.sweep(&journal);
        }
    }
    perform(&store, plan, true)
}

fn go_on(workspace: &Workspace) -> anyhow::Result<Report> {
    let git = workspace.git();
    let store = Store::open(workspace)?;
    let mut journal = match store.load()? {
        Some(journal) if journal.phase == Phase::Aborting => {
            bail!("an abort was interrupted; {ABORT} finishes it")
        }
        Some(journal) if is_under_way(&journal) => journal,
        _ => bail!("no carry is under way"),
    };
    let chapter = workspace.chapter(&journal.chapter)?;
    let (revision, head) = (journal.revision.clone(), journal.head.clone());
    let source = Source { workspace, git, revision, head, chapter };
    if journal.phase == Phase::Writing {
        // It was interrupted before the person saw its report.
        return finish(&store, &mut journal, &source, &change::changes(&source)?);
    }
    let mut plan = Plan::new(source);
    plan.resume(journal.entries);
    perform(&store, plan, false)
}

fn abort(workspace: &Workspace) -> anyhow::Result<Report> {
    let git = workspace.git();
    let store = Store::open(workspace)?;
    let head = commit(git, "HEAD")?;
    // After a commit, undoing is git's business.
    let can_abort = |journal: &Journal| is_under_way(journal) || journal.head == head;
    let Some(mut journal) = store.load()?.filter(can_abort) else {
        bail!("no carry is under way");
    };
    let kept = store.take_back(&mut journal)?;
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
    let store = Store::open(workspace)?;
    let Some(journal) = store.load()?.filter(is_under_way) else {
        bail!("which chapter have you changed? `cargo xtask carry 2`");
    };
    let mut report = Report::of(&journal);
    if journal.phase != Phase::Written {
        report.text = format!(
            "The carry from {} was interrupted.\n{GO_ON} continues it, {ABORT} undoes it.\n{START} has the files before it.\n",
            journal.chapter
        );
    }
    Ok(report)
}

/// Whether files are still to be written, or a person must decide.
fn is_under_way(journal: &Journal) -> bool {
    journal.phase != Phase::Written || !journal.conflicts.is_empty()
}

/// Plans, stores the plan, and writes the files.
fn perform(store: &Store<'_>, mut plan: Plan<'_>, is_first: bool) -> anyhow::Result<Report> {
    let changes = change::changes(&plan.source)?;
    if changes.is_empty() {
        bail!(
            "nothing has changed in {} since {:.10}; if the change is committed already, add `--from REV` \
             with the commit before it",
            plan.source.chapter.folder,
            plan.source.revision,
        );
    }
    chapters::carry(&mut plan, &changes)?;
    patches::carry(&mut plan)?;
    if is_first {
        plan.must_be_clean()?;
    }
    decide(&mut plan);
    let Plan { source, entries, conflicts, text: report, .. } = plan;
    let (revision, head) = (source.revision.clone(), source.head.clone());
    let (chapter, phase) = (source.chapter.folder.clone(), Phase::Writing);
    let mut journal = Journal { chapter, revision, head, phase, entries, conflicts, report };
    store.save(&journal, change::files(&changes, source.chapter))?;
    finish(store, &mut journal, &source, &changes)
}

/// Writes the files that are not written yet.
fn finish(
    store: &Store<'_>,
    journal: &mut Journal,
    source: &Source<'_>,
    changes: &[Change],
) -> anyhow::Result<Report> {
    store.write(journal)?;
    let mut report = Report::of(journal);
    if journal.conflicts.is_empty() {
        report.packages = advice::packages(source.workspace, journal);
        report.closing = advice::closing(source, journal, changes)?;
    }
    Ok(report)
}

/// Adds the lines that ask the person to decide.
fn decide(plan: &mut Plan<'_>) {
    if plan.conflicts.is_empty() {
        return;
    }
    plan.line("");
    for conflict in plan.conflicts.clone() {
        plan.line(&format!("{} {conflict}", ui::paint(ui::BAD, "decide:")));
    }
    plan.line(&format!(
        "Edit the files above, then continue with {GO_ON}. {ABORT} undoes everything.\n{START} has the files as they were."
    ));
}

fn commit(git: &Git, name: &str) -> anyhow::Result<String> {
    git.commit(name)?.with_context(|| format!("`{name}` is no commit"))
}

#[cfg(test)]
mod history;
#[cfg(test)]
mod interrupted;
#[cfg(test)]
mod tests;
