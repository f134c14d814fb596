//! `cargo xtask restore NAME`: brings saved work back.

use std::fmt::Write;
use std::process::ExitCode;

use anyhow::{bail, ensure};

use super::{NAMES, Work};
use crate::exercise::Exercise;
use crate::git::Git;
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
        None => listed(workspace.git())?,
    };
    ui::print(&text);
    Ok(ExitCode::SUCCESS)
}

/// Makes the chapter what it was when this was saved. The current state is saved too.
pub(super) fn restore(workspace: &Workspace, called: &str) -> anyhow::Result<String> {
    let name = called.trim_start_matches(NAMES);
    // To git, these letters would make a revision of another name.
    let is_name = !name.contains(['~', '^', ':', '@']);
    let base = workspace.git().commit(&format!("{NAMES}{name}^"))?;
    let Some(base) = base.filter(|_| is_name) else {
        bail!("nothing is saved as `{called}`; `cargo xtask restore` lists the names");
    };
    let exercise = Exercise::find(workspace, name.split('/').next().unwrap_or_default())?;
    let folder = &exercise.chapter.folder;
    let work = Work::find(workspace, &exercise)?;
    let target = if base == work.base {
        work.git.text(&["rev-parse", &format!("{NAMES}{name}^{{tree}}")])?
    } else {
        merged(&work, name)?
    };
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
    let _ = writeln!(text, "{folder} has your work of {name} again.");
    let _ = writeln!(text, "Next: `cargo xtask check-exercise {}`", exercise.number);
    Ok(text)
}

/// The tree in which the saved changes are put on top of another version of the course.
///
/// # Errors
/// When both have changed the same lines.
fn merged(work: &Work<'_>, name: &str) -> anyhow::Result<String> {
    let full = format!("{NAMES}{name}");
    let form = ["merge-tree", "--write-tree", "--name-only", &work.base, &full];
    let output = work.git.output(&form)?;
    let [printed, said] =
        [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    let (tree, conflicts) = printed.split_once('\n').unwrap_or_default();
    ensure!(
        output.status.success(),
        "git (from 2.38 on) cannot merge {name} with the chapter as it is shipped now, so nothing was changed; \
         `git cherry-pick --no-commit {full}` puts both versions where they differ:\n{conflicts}{said}"
    );
    Ok(tree.to_string())
}

/// All that is saved: the date, the name, the result of the last check before, and the files.
pub(super) fn listed(git: &Git) -> anyhow::Result<String> {
    git.commit("HEAD")?;
    let [date, format] = ["--date=format-local:%Y-%m-%d %H:%M", "--format=%n%cd  %S  %s"];
    let form = ["log", "--no-walk", "--glob=refs/saved", date, format];
    let printed =
        git.text(&[&form[..], &["--name-only", "--no-renames", "--relative"]].concat())?;
    if printed.is_empty() {
        return Ok("Nothing is saved: no command has had to overwrite your work.\n".to_string());
    }
    Ok(format!(
        "{}\n\n`cargo xtask restore NAME` brings one back, and `git show refs/saved/NAME` shows it.\n",
        printed.trim_start().replace(NAMES, "")
    ))
}
