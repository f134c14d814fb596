//! `cargo xtask reset N`: the chapter of an exercise as it was shipped. The reader's work is saved first.

use std::fmt::Write;
use std::process::ExitCode;

use crate::exercise::Exercise;
use crate::progress::Progress;
use crate::saved::{Work, interrupted};
use crate::ui;
use crate::workspace::Workspace;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The exercise by its number or name
    exercise: String,
    /// Save your work under this name, instead of a number
    #[arg(long)]
    name: Option<String>,
}

pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    let exercise = Exercise::find(workspace, &args.exercise)?;
    ui::print(&reset(workspace, &exercise, args.name.as_deref())?);
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn reset(
    workspace: &Workspace,
    exercise: &Exercise,
    name: Option<&str>,
) -> anyhow::Result<String> {
    let work = Work::find(workspace, exercise)?;
    let mut text = String::new();
    if let Some(back) = interrupted(workspace)? {
        let _ = writeln!(text, "An earlier run was interrupted. To undo it: `{back}`\n");
    }
    let origin = origin(&work, &exercise.chapter.folder);
    let Some(saved) = work.keep(name)? else {
        work.finish()?;
        return Ok(format!("{text}{origin}There is nothing to reset.\n"));
    };
    work.put(&work.base, &format!("cargo xtask restore {saved}"))?;
    forget(workspace, exercise, &work)?;
    let _ = writeln!(text, "Your work is saved as {saved}:");
    for path in &work.paths {
        let _ = writeln!(text, "  {path}");
    }
    let _ = writeln!(text, "\n{origin}To get your work back: `cargo xtask restore {saved}`");
    Ok(text)
}

/// Which state of the chapter counts as shipped, with a warning when it may be the reader's own.
fn origin(work: &Work<'_>, folder: &str) -> String {
    if work.is_published {
        return format!("{folder} is as it was shipped, in commit {:.10}.\n", work.base);
    }
    format!(
        "{folder} is as in commit {:.10}.\nThis repository has no remote of the course, so that commit counts as the \
         original. If it has your work, find an earlier commit\nwith `git log -- {folder}`, and restore it with \
         `git restore --source COMMIT -- {folder}`.\n",
        work.base
    )
}

/// Once the files are reset, the number of passed checks is unknown. A solved exercise stays solved.
fn forget(workspace: &Workspace, exercise: &Exercise, work: &Work<'_>) -> anyhow::Result<()> {
    let mut progress = Progress::load(workspace)?;
    for other in Exercise::all(workspace)? {
        let solution = other.patch(workspace, "solution.patch");
        let is_reset =
            solution.is_ok_and(|patch| patch.paths().iter().any(|path| work.paths.contains(path)));
        if is_reset || other.name == exercise.name {
            let state = progress.of(&other);
            (state.passed, state.checks) = (0, 0);
        }
    }
    progress.save(workspace)
}
