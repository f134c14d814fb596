//! `cargo xtask restore NAME`: brings saved work back.

use std::fmt::Write;
use std::process::ExitCode;

use anyhow::bail;

use super::Work;
use super::store::{NAMES, Saved, Store};
use super::work::needs_git;
use crate::exercise::Exercise;
use crate::git::Git;
use crate::merge::merge;
use crate::patch::Files;
use crate::ui;
use crate::workspace::Workspace;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The name of the saved work: `02_api_time/1`; without it, all that is saved is listed
    name: Option<String>,
}

pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    let text = match &args.name {
        Some(name) => restore(workspace, name)?,
        None => listed(workspace)?,
    };
    ui::print(&text);
    Ok(ExitCode::SUCCESS)
}

/// Makes the chapter what it was when this was saved. The current state is saved too.
pub(super) fn restore(workspace: &Workspace, called: &str) -> anyhow::Result<String> {
    let git = repository(workspace)?;
    let name = called.trim_start_matches(NAMES);
    let all = Saved::all(git)?;
    let Some(saved) = all.iter().find(|saved| saved.name == name) else {
        let names: Vec<&str> = all.iter().map(|saved| saved.name.as_str()).collect();
        match names.len() {
            0 => bail!("nothing is saved as `{called}`, nor is anything else"),
            _ => bail!("nothing is saved as `{called}`; there are: {}", names.join(", ")),
        }
    };
    let store = Store::open(workspace)?;
    let exercise = Exercise::find(workspace, name.split('/').next().unwrap_or_default())?;
    let folder = &exercise.chapter.folder;
    let work = Work::find(workspace, &exercise)?;
    let target = target(git, saved, &work, folder)?;
    let changes = work.to(workspace, &target)?;
    if changes.is_empty() {
        store.finish()?;
        return Ok(format!("{folder} is as saved in {name} already.\n"));
    }
    let kept = store.keep(&exercise, &work, None)?;
    store.write(&format!("cargo xtask restore {name}"), &changes)?;
    let mut text = String::new();
    if let Some(kept) = kept.filter(|kept| kept != name) {
        let _ = writeln!(text, "The state before is saved as {kept}.");
    }
    let files = if target.len() == 1 { "1 file".into() } else { format!("{} files", target.len()) };
    let _ = writeln!(text, "{folder} has your work of {name} again: {files}.");
    let _ = writeln!(text, "Next: `cargo xtask check-exercise {}`", exercise.number);
    Ok(text)
}

/// The saved files, on top of the chapter as it is shipped now: the course may have changed since.
fn target(git: &Git, saved: &Saved, work: &Work, folder: &str) -> anyhow::Result<Files> {
    let full = saved.full_name();
    let paths = saved.paths(git)?;
    let at = |revision: &str| -> anyhow::Result<Files> {
        paths.iter().map(|path| Ok((path.clone(), git.show(revision, path)?))).collect()
    };
    let sides = [&at(&work.base)?, &at(&saved.base)?, &at(&full)?];
    let merged = merge(git, sides, &|path| [path, "shipped then", "saved"].map(String::from))?;
    if let Some(path) = merged.conflicts.keys().next() {
        bail!(
            "{path} of {} does not fit {folder} as it is shipped now; nothing was changed. \
             `git cherry-pick --no-commit {full}` puts both versions where they differ",
            saved.name
        );
    }
    Ok(merged.files)
}

pub(super) fn listed(workspace: &Workspace) -> anyhow::Result<String> {
    let git = repository(workspace)?;
    let all = Saved::all(git)?;
    let width = all.iter().map(|saved| saved.name.len()).max().unwrap_or_default();
    let mut text = String::new();
    for saved in &all {
        let _ = writeln!(text, "{:width$}  {}  {}", saved.name, saved.date, saved.result);
        for path in saved.paths(git)? {
            let _ = writeln!(text, "    {path}");
        }
    }
    if text.is_empty() {
        return Ok("Nothing is saved: no command has had to overwrite your work.\n".to_string());
    }
    text +=
        "\n`cargo xtask restore NAME` brings one back, and `git show refs/saved/NAME` shows it.\n";
    Ok(text)
}

/// The repository in which work is saved.
fn repository(workspace: &Workspace) -> anyhow::Result<&Git> {
    let git = workspace.git();
    let why = "work is saved in git, which cannot be read";
    git.commit("HEAD").map_err(|error| needs_git(why, &error))?;
    Ok(git)
}
