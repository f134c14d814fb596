//! `cargo xtask solution N`: the reference solution as a diff of the chapter.

use std::fmt::Write as _;
use std::io::{self, BufRead, IsTerminal};
use std::process::ExitCode;

use anyhow::{Context, bail};

use crate::exercise::Exercise;
use crate::progress::Progress;
use crate::saved::{Work, interrupted};
use crate::ui;
use crate::workspace::Workspace;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The exercise by its number or name
    exercise: String,
    /// Show it without confirmation
    #[arg(long, short)]
    yes: bool,
    /// Apply it to your files; your work is saved first
    #[arg(long)]
    apply: bool,
}

pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    let exercise = Exercise::find(workspace, &args.exercise)?;
    let solved = Progress::load(workspace)?.of(&exercise).solved;
    let asks = !solved && !args.yes && ui::is_terminal() && io::stdin().is_terminal();
    if asks && !agrees(&exercise)? {
        ui::print(&format!("Then `cargo xtask hint {}` may help.\n", exercise.number));
        return Ok(ExitCode::SUCCESS);
    }
    if args.apply {
        ui::print(&apply(workspace, &exercise)?);
        return Ok(ExitCode::SUCCESS);
    }
    let patch = exercise.patch(workspace, "solution.patch")?;
    let number = exercise.number;
    let mut text = coloured(&patch.text());
    let _ = writeln!(
        text,
        "\nIt is {}/solution.patch; `cargo xtask check-exercise {number} --solution` checks it, \
         `cargo xtask solution {number} --apply` applies it to your files.",
        exercise.folder
    );
    ui::page(&text);
    Ok(ExitCode::SUCCESS)
}

/// Writes the solution into the chapter, on top of the reader's changes.
pub(crate) fn apply(workspace: &Workspace, exercise: &Exercise) -> anyhow::Result<String> {
    let number = exercise.number;
    let work = Work::find(workspace, exercise)?;
    if let Some(back) = interrupted(workspace)? {
        bail!("an earlier run was interrupted: `{back}` undoes it");
    }
    let patch = exercise.patch(workspace, "solution.patch")?;
    let folder = format!("--directory={}", work.git.prefix()?);
    let diff = patch.diff.as_bytes();
    let fits = |how: &[&str]| {
        let form = [&["apply", "--check", "--index", &folder], how, &["-"]].concat();
        work.git.run_with_input(&form, diff)
    };
    if fits(&["--reverse"]).is_ok() {
        return Ok(format!("Your files have the solution of exercise {number} already.\n"));
    }
    fits(&[]).with_context(|| {
        format!(
            "the solution does not apply to your files, so nothing was changed; \
             `cargo xtask reset {number}` saves your work and restores the chapter"
        )
    })?;
    let saved = work.keep(None)?;
    let back = match &saved {
        Some(saved) => format!("cargo xtask restore {saved}"),
        None => format!("cargo xtask reset {number}"),
    };
    work.write(&["apply", "--index", &folder, "-"], diff, &back)?;
    let mut text = String::new();
    if let Some(saved) = saved {
        let _ = writeln!(text, "Your work is saved as {saved}.");
    }
    let _ = writeln!(text, "The solution is in your files now:");
    for path in patch.paths() {
        let _ = writeln!(text, "  {path}");
    }
    let _ = writeln!(text, "\nTo undo it: `{back}`");
    let _ = writeln!(text, "Next: `cargo xtask check-exercise {number}`");
    Ok(text)
}

fn agrees(exercise: &Exercise) -> anyhow::Result<bool> {
    ui::print(&format!("This shows a solution of exercise {}. Continue? [y/N] ", exercise.number));
    let mut answer = String::new();
    if io::stdin().lock().read_line(&mut answer)? == 0 {
        // At the end of input, the terminal has not begun a new line.
        ui::print("\n");
    }
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// A patch in the colours of git.
fn coloured(patch: &str) -> String {
    let line = |line: &str| match line.get(..1) {
        Some("@") => ui::paint(ui::PLACE, line),
        Some("+") => ui::paint(ui::GOOD, line),
        Some("-") => ui::paint(ui::BAD, line),
        _ if line.starts_with("diff ") => ui::paint(ui::TITLE, line),
        _ => line.to_string(),
    };
    patch.lines().map(|text| line(text) + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::plain;

    #[test]
    fn only_colours_are_added() {
        let patch = "Why.\n\ndiff --git a/f b/f\n--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+b\n";
        assert_eq!(plain(&coloured(patch)), patch);
        assert!(coloured(patch).contains(&ui::paint(ui::GOOD, "+b")));
    }
}
