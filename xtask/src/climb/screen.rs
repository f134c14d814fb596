//! `climb --watch`: clears the screen and checks again whenever a file is saved.

use wire::climb::{Stage, stages};

use super::args::Args;
use super::ladder;
use super::run::{self, Wanted};
use super::target::Target;
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
    target: &Target,
    args: &Args,
    only: Option<Stage>,
) -> anyhow::Result<()> {
    let all = stages();
    let mut stage = match only {
        Some(stage) => stage,
        None => *ladder::open(workspace, target, &all, None)?.first().unwrap_or(&all[0]),
    };
    let mut keys = Keys::listen()?;
    let mut shown = Shown::Stage;
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
        // Taken before the check, so that a file that is saved during the check counts.
        let files = Snapshot::of(&target.folder());
        keys::clear();
        match shown {
            Shown::Hint => ui::print(&ladder::hint(&stage)),
            Shown::Stage => check(Wanted::Stage(stage))?,
            Shown::All => check(Wanted::All)?,
        }
        ui::print(&keys::help(&target.folder().display().to_string()));
        shown = loop {
            match keys.wait(&files) {
                Event::Quit => return Ok(()),
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
