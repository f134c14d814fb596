//! `cargo xtask climb`: checks the reader's own server, or any other, stage by stage.
//!
//! 1. [`target`]: which server, and how it is built.
//! 2. [`stages`](wire::climb): the checks, which run in a separate process ([`checks`](mod@checks)), as the checks of
//!    exercises do.
//! 3. [`run`](mod@run): the report, and the progress.
//! 4. [`ladder`]: which stage comes next, and the reader's progress as a picture.

mod args;
mod checks;
mod climbers;
pub(crate) mod ladder;
mod matrix;
pub(crate) mod prove;
mod run;
mod steps;
mod target;

use std::process::ExitCode;

use anyhow::Context;
use wire::climb::{Stage, stages};

use crate::check::watch::{Event, Screen};
use crate::process;
use crate::progress::Progress;
use crate::ui;
use crate::workspace::Workspace;

pub(crate) use args::Args;
pub(crate) use checks::{ChecksArgs, checks};
use run::Wanted;
use target::Target;

pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    let all = stages();
    if args.list {
        ui::page(&ladder::contracts(&all));
        return Ok(ExitCode::SUCCESS);
    }
    let only = args.stage.as_deref().map(|called| ladder::find(&all, called)).transpose()?;
    let target = Target::choose(workspace, args)?;
    if args.watch || args.hint {
        let open = ladder::open(workspace, &target, &all, None)?;
        let next = only.or(open.first().copied());
        if args.watch {
            watch(workspace, &target, args, next.unwrap_or(all[0]))?;
        } else {
            ui::print(&ladder::hint(&next.context("all stages are done")?));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let wanted = match only {
        Some(stage) => Wanted::Stage(stage),
        None if args.all => Wanted::All,
        None => Wanted::Open,
    };
    Ok(process::exit(run::check(workspace, &target, args, wanted)?))
}

/// Checks this stage now and after each save, on one screen, until q or Ctrl-C.
fn watch(
    workspace: &Workspace,
    target: &Target,
    args: &Args,
    mut stage: Stage,
) -> anyhow::Result<()> {
    let all = stages();
    let check = |wanted| -> anyhow::Result<()> {
        // For example, the stage is for another kind of server. The next save may have changed that.
        if let Err(error) = run::check(workspace, target, args, wanted) {
            ui::print(&format!("{error:#}\n"));
        }
        if target.is_own() {
            ui::print(&format!("{}\n", ladder::picture(&mut Progress::load(workspace)?)));
        }
        Ok(())
    };
    let screen = Screen::open()?;
    let mut event = Event::Saved;
    loop {
        if event == Event::Next {
            stage = *all.iter().find(|other| other.number > stage.number).unwrap_or(&stage);
        }
        let content = || match event {
            Event::Hint => {
                ui::print(&ladder::hint(&stage));
                Ok(())
            }
            Event::All => check(Wanted::All),
            Event::Saved | Event::Next => check(Wanted::Stage(stage)),
        };
        let Some(next) = screen.show(&target.folder(), content)? else { return Ok(()) };
        event = next;
    }
}
