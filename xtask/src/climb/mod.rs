//! `cargo xtask climb`: checks the reader's own server, or any other, stage by stage.
//!
//! 1. [`target`]: which server, and how it is built.
//! 2. [`stages`](wire::climb): the checks, which run in a separate process ([`checks`](mod@checks)), as the checks of
//!    exercises do.
//! 3. [`run`](mod@run): the report, and the progress.
//! 4. [`ladder`]: the reader's progress as a picture.

mod args;
mod checks;
mod choose;
mod climbers;
pub(crate) mod ladder;
mod matrix;
mod notices;
pub(crate) mod prove;
mod run;
mod screen;
mod script;
mod step;
mod steps;
mod target;

use std::process::ExitCode;

use anyhow::{Context, bail};
use serde_json::json;
use wire::climb::stages;

use crate::process;
use crate::ui;
use crate::workspace::Workspace;

pub(crate) use args::{Args, ChecksArgs};
pub(crate) use checks::checks;
use choose::{find, open};
use notices::{hint, no_server, wrong_scheme};
use run::Climb;
use target::Target;

pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    let all = stages();
    if args.list {
        ui::page(&ladder::contracts(&all), false);
        return Ok(ExitCode::SUCCESS);
    }
    let only = args.stage.as_deref().map(|called| find(&all, called)).transpose()?;
    let target = match &args.step {
        Some(called) => Target::step(workspace, called)?,
        None => Target::choose(workspace, args.server.as_deref(), args.bin.as_deref())?,
    };
    if args.watch {
        return screen::watch(workspace, &target, args, only);
    }
    if args.hint {
        let stage = match only {
            Some(stage) => stage,
            None => {
                *open(workspace, &target, &all, None)?.first().context("all stages are done")?
            }
        };
        ui::print(&hint(&stage));
        return Ok(ExitCode::SUCCESS);
    }
    let Some(words) = target.build(args.json)? else {
        if args.json {
            ui::print(&format!("{}\n", json!({ "ended": "not built" })));
        }
        return Ok(ExitCode::FAILURE);
    };
    let scheme = match target::scheme(&words) {
        Ok(scheme) => scheme,
        Err(error) => return Ok(no_server(&error, &target, args)),
    };
    let climb = Climb { workspace, target: &target, words, args };
    let passed = match only {
        Some(stage) if stage.scheme != scheme => bail!(wrong_scheme(&stage, scheme)),
        Some(stage) => climb.stage(&stage)?,
        None if args.all => climb.all(all.iter().filter(|stage| stage.scheme == scheme))?,
        None => match &target {
            Target::Step(step) => climb.step(&all, step)?,
            _ => climb.go_on(&all, scheme)?,
        },
    };
    Ok(process::exit(passed))
}
