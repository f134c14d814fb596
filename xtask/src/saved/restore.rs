//! `cargo xtask restore NAME`: brings saved work back.

use std::fmt::Write;
use std::process::ExitCode;

use anyhow::bail;

use super::refs::{NAMES, Saved};
use super::work::Work;
use crate::exercise::Exercise;
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
    let name = called.trim_start_matches(NAMES);
    let all = Saved::all(workspace)?;
    let Some(saved) = all.iter().find(|saved| saved.name == name) else {
        let names: Vec<&str> = all.iter().map(|saved| saved.name.as_str()).collect();
        match names.len() {
            0 => bail!("nothing is saved as `{called}`, nor is anything else"),
            _ => bail!("nothing is saved as `{called}`; there are: {}", names.join(", ")),
        }
    };
    let exercise = Exercise::find(workspace, name.split('/').next().unwrap_or_default())?;
    let folder = &exercise.chapter.folder;
    let work = Work::find(workspace, &exercise)?;
    let target = saved.on_top_of(&work.git, &work.base)?;
    if target == work.now {
        work.finish()?;
        return Ok(format!("{folder} is as saved in {name} already.\n"));
    }
    let kept = work.keep(None)?;
    work.put(&target, &format!("cargo xtask restore {name}"))?;
    let mut text = String::new();
    if let Some(kept) = kept.filter(|kept| kept != name) {
        let _ = writeln!(text, "The state before is saved as {kept}.");
    }
    let files = ui::count(saved.paths(workspace.git())?.len(), "file");
    let _ = writeln!(text, "{folder} has your work of {name} again: {files}.");
    let _ = writeln!(text, "Next: `cargo xtask check-exercise {}`", exercise.number);
    Ok(text)
}

pub(super) fn listed(workspace: &Workspace) -> anyhow::Result<String> {
    let all = Saved::all(workspace)?;
    let width = all.iter().map(|saved| saved.name.len()).max().unwrap_or_default();
    let mut text = String::new();
    for saved in &all {
        let _ = writeln!(text, "{:width$}  {}  {}", saved.name, saved.date, saved.result);
        for path in saved.paths(workspace.git())? {
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
