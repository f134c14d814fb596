//! `cargo xtask carry N`: merges a change of chapter N into every later chapter, and into the patches of
//! the exercises.
//!
//! 1. [`change`]: the files of chapter N that differ from the last commit.
//! 2. [`chapters`]: the changed files are merged (three-way, as git merges branches) into chapter N+1, the results
//!    into N+2, and so on to `final`. After a conflict a person decides, and `--continue` merges the decision
//!    into the next chapter.
//! 3. [`patches`]: patches of exercises that no longer apply are rebuilt.
//!
//! All of this is a [`mod@plan`], which writes nothing. The [`store`] keeps the files as they are and as they will be in
//! git, and only then writes them.
//!
//! To continue is to carry again. What differs in a chapter from the files that are carried is a change, and goes to the
//! next chapter: the fix that was made in the first chapter, and the decision that was made after a conflict.
//!
//! When everything is written, [`compile`] compiles it, and [`advice`] names the places that a person should check.

mod advice;
mod change;
mod chapters;
mod compile;
mod manifest;
mod names;
mod patches;
mod plan;
mod store;
mod value;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::{Context, bail};

use self::plan::Plan;
use self::store::{Carry, START, Store, UNDONE, is_scratch};
use crate::git::Git;
use crate::process;
use crate::ui;
use crate::workspace::Workspace;

const GO_ON: &str = "`cargo xtask carry --continue`";
const ABORT: &str = "`cargo xtask carry --abort`";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The chapter that you have changed, by its number or name
    chapter: Option<String>,
    /// The commit before the change; without it, uncommitted changes are carried
    #[arg(long, value_name = "REV", default_value = "HEAD", requires = "chapter")]
    from: String,
    /// Continue after you have decided
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
        None => bail!("which chapter have you changed? `cargo xtask carry 2`"),
    };
    ui::print(&report.text);
    if !args.no_check
        && !report.packages.is_empty()
        && let Some(wrong) = compile::check(workspace, &report.packages)?
    {
        ui::print(&wrong);
        return Ok(ExitCode::FAILURE);
    }
    ui::print(&report.closing);
    Ok(process::exit(report.conflicts.is_empty()))
}

/// The output for the person.
#[derive(Debug, Default)]
struct Report {
    text: String,
    /// The open decisions: the file, and what to do with it.
    conflicts: Vec<String>,
    /// The packages that were written, and should compile; none while a person must decide.
    packages: Vec<String>,
    /// The last lines, printed if they compile.
    closing: String,
}

fn start(workspace: &Workspace, chapter: &str, from: &str) -> anyhow::Result<Report> {
    let git = workspace.git();
    let chapter = workspace.chapter(chapter)?;
    let (revision, head) = (commit(git, from)?, commit(git, "HEAD")?);
    let store = Store::open(workspace)?;
    let last = store.load()?;
    if let Some(carry) = last.as_ref().filter(|carry| carry.is_waiting) {
        bail!(
            "a carry from {} is under way; {GO_ON} continues it, {ABORT} undoes it",
            carry.chapter
        );
    }
    let carry = match last.filter(|carry| carry.revision == revision && carry.head == head) {
        // If a better change of the same chapter is carried, an abort undoes both.
        Some(carry) if carry.chapter == chapter.folder => carry,
        last => Carry {
            chapter: chapter.folder.clone(),
            is_waiting: false,
            files: BTreeSet::new(),
            start: head.clone(),
            after: head.clone(),
            carried: last.map_or_else(|| revision.clone(), |carry| carry.carried),
            revision,
            head,
        },
    };
    perform(workspace, &store, carry)
}

fn go_on(workspace: &Workspace) -> anyhow::Result<Report> {
    let store = Store::open(workspace)?;
    let Some(carry) = store.load()?.filter(|carry| carry.is_waiting) else {
        bail!("no carry is under way");
    };
    perform(workspace, &store, carry)
}

fn abort(workspace: &Workspace) -> anyhow::Result<Report> {
    let store = Store::open(workspace)?;
    let head = commit(workspace.git(), "HEAD")?;
    // After a commit, undoing is git's business.
    let can_abort = |carry: &Carry| carry.is_waiting || carry.head == head;
    let Some(carry) = store.load()?.filter(can_abort) else {
        bail!("no carry is under way");
    };
    let text = format!(
        "Undone. Your change of {} is as it was, and the later chapters are as they were before.\n\
         {UNDONE} has the files with everything that you have edited since.\n",
        carry.chapter
    );
    store.undo(carry)?;
    Ok(Report { text, ..Report::default() })
}

/// Plans, stores the plan, and writes the files.
fn perform(workspace: &Workspace, store: &Store<'_>, last: Carry) -> anyhow::Result<Report> {
    let git = &store.git;
    let found = store.snapshot()?;
    let start = store.without(&last, &found)?;
    let mut plan = Plan::new(workspace, git, last, found)?;
    let changes = change::changes(&plan)?;
    chapters::carry(&mut plan, &changes)?;
    if plan.conflicts.is_empty() {
        patches::carry(&mut plan)?;
    }
    plan.must_be_clean()?;
    let carry = Carry {
        is_waiting: !plan.conflicts.is_empty(),
        files: plan.touched(),
        start,
        after: git.tree_with(&plan.found, &plan.files)?,
        carried: git.tree_with(&plan.last.carried, &plan.reached())?,
        ..plan.last.clone()
    };
    store.write(&carry, &plan.found)?;
    let (packages, closing) = if carry.is_waiting {
        (Vec::new(), decide(&plan.conflicts))
    } else {
        let mut changed = git.changed_between(&carry.start, &carry.after)?;
        changed.retain(|path| !is_scratch(path));
        (advice::packages(workspace, &changed), advice::closing(&plan, &changes, changed)?)
    };
    Ok(Report { text: plan.text, conflicts: plan.conflicts, packages, closing })
}

/// The lines that ask the person to decide.
fn decide(conflicts: &[String]) -> String {
    let mut text = String::from("\n");
    for conflict in conflicts {
        let _ = writeln!(text, "{} {conflict}", ui::paint(ui::BAD, "decide:"));
    }
    text + &format!(
        "Edit the files above, then continue with {GO_ON}. {ABORT} undoes everything.\n\
         {START} has the files as they were.\n"
    )
}

fn commit(git: &Git, name: &str) -> anyhow::Result<String> {
    git.commit(name)?.with_context(|| format!("`{name}` is no commit"))
}

#[cfg(test)]
mod tests;
