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
mod screen;
mod steps;
mod target;

use std::process::ExitCode;

use anyhow::Context;
use wire::climb::stages;

use crate::process;
use crate::ui;
use crate::workspace::Workspace;

pub(crate) use args::{Args, ChecksArgs};
pub(crate) use checks::checks;
use run::Wanted;
use target::Target;

pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    let all = stages();
    if args.list {
        ui::page(&ladder::contracts(&all));
        return Ok(ExitCode::SUCCESS);
    }
    let only = args.stage.as_deref().map(|called| ladder::find(&all, called)).transpose()?;
    let target = match &args.step {
        Some(called) => Target::step(workspace, called)?,
        None => Target::choose(workspace, args.server.as_deref(), args.bin.as_deref())?,
    };
    if args.watch {
        screen::watch(workspace, &target, args, only)?;
        return Ok(ExitCode::SUCCESS);
    }
    if args.hint {
        let open = ladder::open(workspace, &target, &all, None)?;
        let stage = only.or(open.first().copied()).context("all stages are done")?;
        ui::print(&ladder::hint(&stage));
        return Ok(ExitCode::SUCCESS);
    }
    let wanted = match only {
        Some(stage) => Wanted::Stage(stage),
        None if args.all => Wanted::All,
        None => Wanted::Open,
    };
    Ok(process::exit(run::check(workspace, &target, args, wanted)?))
}
