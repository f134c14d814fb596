//! `cargo xtask restore NAME`: brings saved work back.

use std::fmt::Write;
use std::process::ExitCode;

use anyhow::{Context, bail};

use super::store::{self, Store};
use super::{FOLDER, Work};
use crate::exercise::Exercise;
use crate::git::Git;
use crate::patch::{Files, Patch};
use crate::ui;
use crate::workspace::Workspace;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The name of the saved work: `04_router-1`
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

/// Makes the chapter what it was when this was saved. What is there now is saved too.
pub(super) fn restore(workspace: &Workspace, called: &str) -> anyhow::Result<String> {
    let root = workspace.root();
    let name = called.trim_start_matches(FOLDER).trim_start_matches('/').trim_end_matches(".patch");
    let saved = store::saved(root)?;
    if !saved.iter().any(|other| other == name) {
        match saved.len() {
            0 => bail!("nothing is saved as `{called}`, nor is anything else"),
            _ => bail!("nothing is saved as `{called}`; there are: {}", saved.join(", ")),
        }
    }
    let store = Store::open(root)?;
    let content = store::read(root, name)?;
    let diff = store::diff_of(&content);
    let lead = Patch::parse(&String::from_utf8_lossy(&content));
    let exercise = lead.told("Exercise").context("the patch names no `Exercise:`")?;
    let exercise = Exercise::find(workspace, exercise)?;
    let work = Work::find(workspace, &exercise)?;
    let git = Git::at(root);
    let mut shipped = Files::new();
    for path in store::paths(diff)? {
        let content = git.show(&work.base, &path)?;
        shipped.insert(path, content);
    }
    // git takes the paths of a patch to be those from the root of its repository.
    let below = match git.prefix()?.trim_end_matches('/') {
        "" => String::new(),
        folder => format!(" --directory={folder}"),
    };
    let target = store::applied(diff, &shipped).with_context(|| {
        format!(
            "{FOLDER}/{name}.patch does not fit {} as it is shipped now; nothing was changed. \
             `git apply --3way{below} {FOLDER}/{name}.patch` puts both versions where they differ",
            exercise.chapter.folder
        )
    })?;
    let changes = work.to(workspace, &target)?;
    if changes.is_empty() {
        store.finish()?;
        return Ok(format!("{} is as saved in {name} already.\n", exercise.chapter.folder));
    }
    let kept = store.keep(&exercise, &work)?;
    store.write(&format!("cargo xtask restore {name}"), &changes)?;
    let mut text = String::new();
    if let Some(kept) = kept.filter(|kept| kept != name) {
        let _ = writeln!(text, "What was there is saved as {FOLDER}/{kept}.patch.");
    }
    let files = if target.len() == 1 { "1 file".into() } else { format!("{} files", target.len()) };
    let _ = writeln!(text, "{} has your work of {name} again: {files}.", exercise.chapter.folder);
    let _ = writeln!(text, "Next: `cargo xtask check-exercise {}`", exercise.number);
    Ok(text)
}

fn listed(workspace: &Workspace) -> anyhow::Result<String> {
    let mut text = String::new();
    for name in store::saved(workspace.root())? {
        let paths = store::paths(store::diff_of(&store::read(workspace.root(), &name)?))?;
        let _ = writeln!(text, "{name:<18} {}", paths.join(", "));
    }
    if text.is_empty() {
        return Ok("Nothing is saved: no command has had to overwrite your work.\n".to_string());
    }
    let _ = writeln!(text, "\n`cargo xtask restore NAME` brings one back; they are in {FOLDER}/.");
    Ok(text)
}
