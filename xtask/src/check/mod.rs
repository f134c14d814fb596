//! `cargo xtask check-exercise N`: builds the chapter, runs the checks of the exercise against it, and shows the
//! results.
//!
//! 1. [`build`]: builds the chapter's program and the checks. The compiler prints its own errors.
//! 2. [`runner`]: runs the checks, `exercise_02 SERVER [ARGUMENT…]`, which report one event per line.
//! 3. [`report`]: formats the results for the terminal.
//!
//! [`run`](mod@run) does these steps for one exercise.

pub(crate) mod build;
pub(crate) mod curl;
mod failure;
pub(crate) mod json;
pub(crate) mod report;
mod result;
mod run;
pub(crate) mod runner;
pub(crate) mod watch;
pub(crate) mod words;

use std::process::ExitCode;

use crate::exercise::Exercise;
use crate::hint;
use crate::process;
use crate::sandbox::Sandbox;
use crate::ui;
use crate::workspace::Workspace;

pub(crate) use result::{Checked, Ended, Results};
use run::Run;
use watch::{Event, Screen};

#[derive(clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Args {
    /// The exercise by its number or name
    #[arg(required_unless_present = "all")]
    exercise: Option<String>,
    /// All exercises, one after the other
    #[arg(long, conflicts_with = "exercise")]
    all: bool,
    /// Check the reference solution, in a copy: your files stay as they are
    #[arg(long)]
    solution: bool,
    /// Check again whenever you save a file of the chapter
    #[arg(long, conflicts_with_all = ["all", "solution", "json"])]
    watch: bool,
    /// Report in JSON, one line per exercise, for other programs
    #[arg(long)]
    json: bool,
    /// Check another server, in any language: started with 127.0.0.1:0 as its last argument, it prints
    /// `listening on http://ADDRESS` as its first line
    #[arg(long, value_name = "CMD", conflicts_with = "solution")]
    server: Option<String>,
}

pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    let exercises = match &args.exercise {
        Some(called) => vec![Exercise::find(workspace, called)?],
        None => Exercise::all(workspace)?,
    };
    let server = args.server.as_deref().map(words::split).transpose()?;
    let (server, json) = (server.as_deref(), args.json);
    let mut passing = 0;
    for exercise in &exercises {
        let copy = if args.solution { Some(solved(workspace, exercise)?) } else { None };
        let run = Run { workspace, exercise, server, solved: copy.as_ref(), json };
        if args.watch {
            watch(&run)?;
            return Ok(ExitCode::SUCCESS);
        }
        passing += usize::from(run.check()?);
        if args.all && !args.json {
            ui::print("\n");
        }
    }
    if args.all && !args.json {
        ui::print(&format!("{passing} of {} exercises pass their checks.\n", exercises.len()));
    }
    Ok(process::exit(passing == exercises.len()))
}

/// A copy of the repository as it is committed, with the reference solution.
fn solved(workspace: &Workspace, exercise: &Exercise) -> anyhow::Result<Sandbox> {
    let copy = Sandbox::open(workspace, 0, &workspace.git().tree("HEAD")?)?;
    copy.apply(&exercise.patch(workspace, "solution.patch")?)?;
    Ok(copy)
}

/// Checks now and after each save, on one screen, until q or Ctrl-C.
fn watch(run: &Run<'_>) -> anyhow::Result<()> {
    let all = Exercise::all(run.workspace)?;
    let mut at = all.iter().position(|other| other.number == run.exercise.number).unwrap_or(0);
    let screen = Screen::open()?;
    let mut event = Event::Saved;
    loop {
        if event == Event::Next {
            at = (at + 1) % all.len();
        }
        let exercise = &all[at];
        let content = || match event {
            Event::Hint => hint::show(run.workspace, exercise),
            _ => Run { exercise, ..*run }.check().map(|_| ()),
        };
        let folder = run.workspace.path(&exercise.chapter.folder);
        let Some(next) = screen.show(&folder, content)? else { return Ok(()) };
        event = next;
    }
}
