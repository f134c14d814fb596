//! `climb --watch`: clears the screen and checks again whenever a file is saved.

use std::process::ExitCode;

use wire::climb::{Stage, stages};

use super::args::Args;
use super::choose::open;
use super::notices::{hint, no_server, wrong_scheme};
use super::run::Climb;
use super::{ladder, target};
use crate::check::watch::Snapshot;
use crate::keys::{self, Event, Keys};
use crate::progress::Progress;
use crate::ui;
use crate::workspace::Workspace;

/// The content of the screen.
enum Shown {
    Stage,
    Hint,
    All,
}

/// Watches until q or Ctrl-C.
pub(super) fn watch(
    workspace: &Workspace,
    target: &target::Target,
    args: &Args,
    only: Option<Stage>,
) -> anyhow::Result<ExitCode> {
    let all = stages();
    let mut stage = match only {
        Some(stage) => stage,
        None => *open(workspace, target, &all, None)?.first().unwrap_or(&all[0]),
    };
    let mut keys = Keys::listen()?;
    let mut shown = Shown::Stage;
    loop {
        // Taken before the check, so that a file that is saved during the check counts.
        let files = Snapshot::of(&target.folder());
        keys::clear();
        match shown {
            Shown::Hint => ui::print(&hint(&stage)),
            Shown::Stage | Shown::All => check(workspace, target, args, &stage, &shown)?,
        }
        ui::print(&keys::help(&target.folder().display().to_string()));
        shown = loop {
            match keys.wait(&files) {
                Event::Quit => return Ok(ExitCode::SUCCESS),
                Event::Saved => break Shown::Stage,
                Event::Key('h') => break Shown::Hint,
                Event::Key('c') => break Shown::All,
                Event::Key('n') => {
                    let next = all.iter().find(|other| other.number > stage.number);
                    stage = *next.unwrap_or(&stage);
                    break Shown::Stage;
                }
                Event::Key(_) => {}
            }
        };
    }
}

fn check(
    workspace: &Workspace,
    target: &target::Target,
    args: &Args,
    stage: &Stage,
    shown: &Shown,
) -> anyhow::Result<()> {
    let Some(words) = target.build(false)? else { return Ok(()) };
    let scheme = match target::scheme(&words) {
        Ok(scheme) => scheme,
        Err(error) => {
            no_server(&error, target, args);
            return Ok(());
        }
    };
    let climb = Climb { workspace, target, words, args };
    match shown {
        Shown::All => {
            let all = stages();
            climb.all(all.iter().filter(|stage| stage.scheme == scheme))?;
        }
        _ if stage.scheme != scheme => {
            ui::print(&format!("{}\n", wrong_scheme(stage, scheme)));
        }
        _ => _ = climb.stage(stage)?,
    }
    if target.is_own() {
        ui::print(&format!("{}\n", ladder::picture(&mut Progress::load(workspace)?)));
    }
    Ok(())
}
