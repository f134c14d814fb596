//! `cargo xtask test`: everything that CI runs, part by part, all of them even when one fails.

mod lessons;
mod parts;
mod portable;

use std::fmt::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::bail;

use crate::ui;
use crate::workspace::Workspace;

pub(crate) use parts::PARTS;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only these parts
    parts: Vec<String>,
    /// Show which parts there are
    #[arg(long)]
    list: bool,
}

/// Something that is tested by itself.
pub(crate) struct Part {
    pub name: &'static str,
    pub about: &'static str,
    pub run: fn(&Workspace) -> anyhow::Result<Outcome>,
}

/// How a part ended. An error of the part itself counts as failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// With a few words about what was done.
    Passed(String),
    /// With what a person needs to see.
    Failed(String),
    /// With the reason.
    Skipped(String),
}

pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    let parts = chosen(&args.parts)?;
    if args.list {
        let lines = parts.iter().map(|part| format!("{:<11} {}\n", part.name, part.about));
        ui::print(&lines.collect::<String>());
        return Ok(ExitCode::SUCCESS);
    }
    let mut outcomes = Vec::new();
    for part in &parts {
        ui::print(&format!("{:<11} … ", part.name));
        let start = Instant::now();
        let outcome =
            (part.run)(workspace).unwrap_or_else(|error| Outcome::Failed(format!("{error:#}\n")));
        ui::print(&line(&outcome, start.elapsed()));
        outcomes.push((part.name, outcome));
    }
    let (summary, good) = summary(&outcomes);
    ui::print(&summary);
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn chosen(names: &[String]) -> anyhow::Result<Vec<&'static Part>> {
    if let Some(unknown) = names.iter().find(|name| PARTS.iter().all(|part| part.name != *name)) {
        let known: Vec<_> = PARTS.iter().map(|part| part.name).collect();
        bail!("there is no part `{unknown}`; there are: {}", known.join(", "));
    }
    let wanted = |part: &&Part| names.is_empty() || names.iter().any(|name| name == part.name);
    Ok(PARTS.iter().filter(wanted).collect())
}

/// The rest of a part's line; if it failed, what a person needs to see below it.
fn line(outcome: &Outcome, took: Duration) -> String {
    let seconds = format!("{:.1} s", took.as_secs_f32());
    match outcome {
        Outcome::Passed(note) if note.is_empty() => {
            format!("{} {seconds}\n", ui::paint(ui::GOOD, "ok"))
        }
        Outcome::Passed(note) => format!("{} {seconds} ({note})\n", ui::paint(ui::GOOD, "ok")),
        Outcome::Skipped(why) => format!("{} {why}\n", ui::paint(ui::NOTE, "skipped")),
        Outcome::Failed(output) => {
            let end = if output.ends_with('\n') { "" } else { "\n" };
            format!("{} {seconds}\n\n{output}{end}\n", ui::paint(ui::BAD, "FAILED"))
        }
    }
}

/// The last lines: what failed and how to run it alone, then the counts.
fn summary(outcomes: &[(&str, Outcome)]) -> (String, bool) {
    let failed: Vec<&str> = outcomes
        .iter()
        .filter(|(_, outcome)| matches!(outcome, Outcome::Failed(_)))
        .map(|(name, _)| *name)
        .collect();
    let passed =
        outcomes.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Passed(_))).count();
    let mut text = String::from("\n");
    if !failed.is_empty() {
        let names = failed.join(" ");
        let _ = writeln!(text, "failed: {names}; run it alone with `cargo xtask test {names}`");
    }
    let _ = writeln!(text, "{passed} passed, {} failed", failed.len());
    (text, failed.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::tests::plain;

    #[test]
    fn the_last_line_counts_the_parts() {
        let passed = ("fmt", Outcome::Passed(String::new()));
        let skipped = ("lessons", Outcome::Skipped("your work".to_string()));
        let failed = ("clippy", Outcome::Failed("warning".to_string()));
        assert_eq!(
            summary(&[passed.clone(), skipped.clone()]),
            ("\n1 passed, 0 failed\n".to_string(), true)
        );
        assert_eq!(
            summary(&[passed, skipped, failed]),
            ("\nfailed: clippy; run it alone with `cargo xtask test clippy`\n1 passed, 1 failed\n".to_string(), false)
        );
    }

    #[test]
    fn a_part_s_line_has_its_time_and_what_it_did() {
        let took = Duration::from_millis(1234);
        let line = |outcome| plain(&line(&outcome, took));
        assert_eq!(line(Outcome::Passed("34 tests".to_string())), "ok 1.2 s (34 tests)\n");
        assert_eq!(line(Outcome::Failed("why".to_string())), "FAILED 1.2 s\n\nwhy\n\n");
        assert_eq!(line(Outcome::Skipped("why".to_string())), "skipped why\n");
    }

    #[test]
    fn an_unknown_part_is_told_the_known_ones() {
        let error = chosen(&["speed".to_string()]).map(|_| ()).unwrap_err().to_string();
        assert!(error.starts_with("there is no part `speed`; there are: fmt, "), "{error}");
        assert_eq!(chosen(&["loom".to_string(), "fmt".to_string()]).unwrap().len(), 2);
    }
}
