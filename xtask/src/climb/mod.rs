//! `cargo xtask climb`: checks the reader's own server, or any other, stage by stage.
//!
//! 1. [`target`]: which server, and how it is built.
//! 2. [`stages`](wire::climb): the checks, which run in a separate process ([`checks`](mod@checks)), as the checks of
//!    exercises do.
//! 3. [`run`](mod@run): the report, and the progress.
//! 4. [`ladder`]: which stage comes next, and the reader's progress as a picture.

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

pub(crate) use checks::{ChecksArgs, checks};
use run::Wanted;
use target::Target;

#[derive(Default, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Args {
    /// Run only this stage, by its number or name. Without it, your own server continues at your next stage,
    /// and another server at its first
    #[arg(long, value_name = "STAGE")]
    pub stage: Option<String>,
    /// Run all stages for this server, even after a failure
    #[arg(long, conflicts_with = "stage")]
    pub all: bool,
    /// List the stages with their contracts
    #[arg(long)]
    pub list: bool,
    /// Show the hint of the stage
    #[arg(long, conflicts_with_all = ["all", "json", "watch"])]
    pub hint: bool,
    /// Check another server, in any language: started with 127.0.0.1:0 as its last argument, it prints
    /// `listening on http://ADDRESS` (or `tcp://` for an echo) as its first line. For files, from stage 25 on,
    /// a directory follows the address
    #[arg(long, value_name = "CMD")]
    pub server: Option<String>,
    /// The program of `my_server` to check: `part3` for `my_server/src/bin/part3.rs`
    #[arg(long, value_name = "NAME", conflicts_with = "server")]
    pub bin: Option<String>,
    /// A step of the book in place of your server: `02_echo_once`, or `2`. Without --stage: the stages that it passes,
    /// and the one that it fails. Your progress stays as it is
    #[arg(long, value_name = "STEP", conflicts_with_all = ["server", "bin", "watch"])]
    pub step: Option<String>,
    /// How many seconds a check waits until the server gives up on a slow or idle client
    #[arg(long, value_name = "SECONDS", default_value_t = 12)]
    pub deadline: u64,
    /// Check again whenever you save a file; type n for the next stage, h for a hint, c to check all, q to quit
    #[arg(long, conflicts_with_all = ["all", "json"])]
    pub watch: bool,
    /// Report in JSON, one line per stage, for other programs
    #[arg(long)]
    pub json: bool,
}

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
