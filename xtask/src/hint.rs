//! `cargo xtask hint N`: shows one more hint each time.

use std::fmt::Write;
use std::fs;
use std::process::ExitCode;

use anyhow::{Context, bail};

use crate::exercise::Exercise;
use crate::progress::Progress;
use crate::ui;
use crate::workspace::Workspace;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The exercise by its number or name
    exercise: String,
}

pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    show(workspace, &Exercise::find(workspace, &args.exercise)?)?;
    Ok(ExitCode::SUCCESS)
}

/// Shows one more hint than before.
pub(crate) fn show(workspace: &Workspace, exercise: &Exercise) -> anyhow::Result<()> {
    let path = exercise.path(workspace, "hints.md");
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let hints = split(&text);
    if hints.is_empty() {
        bail!("{} has no hint: each begins with a line `## …`", path.display());
    }
    let mut progress = Progress::load(workspace)?;
    let state = progress.of(exercise);
    state.hints = (state.hints + 1).min(hints.len());
    ui::print(&shown(&hints[..state.hints], hints.len(), exercise.number));
    progress.save(workspace)
}

/// Splits a file into hints. Each begins with a heading of the second level.
fn split(text: &str) -> Vec<&str> {
    text.split("\n## ").skip(1).collect()
}

/// Formats the hints so far, with the new hint at the end.
fn shown(hints: &[&str], of: usize, exercise: u8) -> String {
    let mut text = String::new();
    for hint in hints {
        let (heading, hint) = hint.split_once('\n').unwrap_or((hint, ""));
        let _ = writeln!(text, "{}\n\n{}\n", ui::paint(ui::TITLE, heading.trim()), hint.trim());
    }
    let _ = if hints.len() < of {
        writeln!(text, "Hint {} of {of}. For the next: `cargo xtask hint {exercise}`", hints.len())
    } else {
        writeln!(text, "This was the last hint. The solution: `cargo xtask solution {exercise}`")
    };
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::plain;

    #[test]
    fn hints_come_one_after_the_other() {
        let hints = split("# Hints\n\n## Where\n\nIn app.\n\n## How\n\nRead the\nclock once.\n");
        assert_eq!(
            plain(&shown(&hints[..1], 2, 2)),
            "Where\n\nIn app.\n\nHint 1 of 2. For the next: `cargo xtask hint 2`\n"
        );
        let both = plain(&shown(&hints, 2, 2));
        assert!(both.contains("How\n\nRead the\nclock once.\n"));
        assert!(both.ends_with("This was the last hint. The solution: `cargo xtask solution 2`\n"));
    }
}
