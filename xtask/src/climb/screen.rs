//! `climb --watch`: clears the screen and checks again whenever a file is saved.

use wire::climb::{Stage, stages};

use super::args::Args;
use super::ladder;
use super::run::{self, Wanted};
use super::target::Target;
use crate::check::watch::{Event, Screen};
use crate::progress::Progress;
use crate::ui;
use crate::workspace::Workspace;

/// Watches until q or Ctrl-C.
pub(super) fn watch(
    workspace: &Workspace,
    target: &Target,
    args: &Args,
    only: Option<Stage>,
) -> anyhow::Result<()> {
    let all = stages();
    let mut stage = match only {
        Some(stage) => stage,
        None => *ladder::open(workspace, target, &all, None)?.first().unwrap_or(&all[0]),
    };
    let screen = Screen::open()?;
    let mut event = Event::Saved;
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
    loop {
        if event == Event::Next {
            stage = *all.iter().find(|other| other.number > stage.number).unwrap_or(&stage);
        }
        let content = || {
            match event {
                Event::Hint => ui::print(&ladder::hint(&stage)),
                Event::All => check(Wanted::All)?,
                Event::Saved | Event::Next => check(Wanted::Stage(stage))?,
            }
            Ok(())
        };
        let Some(next) = screen.show(&target.folder(), content)? else { return Ok(()) };
        event = next;
    }
}
