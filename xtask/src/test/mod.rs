//! `cargo xtask test`: runs everything that CI runs, part by part, and continues when a part fails.
//!
//! A [`part`] can run alone. [`parts`] lists them, [`schedule`] runs several of them in parallel, [`report`] writes a line
//! for each, and [`quick`] determines which of them a change affects.

mod book;
mod circles;
mod lessons;
pub(crate) mod output;
mod part;
mod parts;
pub(crate) mod poll;
mod portable;
pub(crate) mod programs;
mod quick;
mod report;
mod schedule;

use std::process::ExitCode;
use std::time::Instant;

use clap::builder::{PossibleValue, PossibleValuesParser};

use self::part::{Part, Run};
use self::parts::{EXTERNAL_LINKS, PARTS};
use self::quick::Scope;
use crate::process;
use crate::ui;
use crate::workspace::Workspace;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only these parts
    #[arg(conflicts_with = "quick", value_parser = names())]
    parts: Vec<String>,
    /// Check only what your change can have broken, in about two minutes
    #[arg(long)]
    quick: bool,
    /// Fail if something is skipped, such as the browser checks on a machine without a browser
    #[arg(long)]
    strict: bool,
    /// How many parts run in parallel
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=16))]
    jobs: u8,
}

pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    let mut run = Run { workspace: workspace.clone(), scope: None };
    let mut parts = chosen(&args.parts);
    if args.quick {
        let scope = Scope::of_change(workspace)?;
        let left: Vec<&str> =
            parts.extract_if(.., |part| !part.is_affected(&scope)).map(|part| part.name).collect();
        ui::print(&scope.summary(&left));
        run.scope = Some(scope);
    }
    let start = Instant::now();
    let finished = schedule::run(&parts, usize::from(args.jobs), &run, |finished, running| {
        ui::print(&report::line(finished, running));
    });
    let (summary, good) = report::summary(&finished, start.elapsed(), args.strict);
    ui::print(&summary);
    Ok(process::exit(good))
}

/// The names of the parts, which `--help` explains.
fn names() -> PossibleValuesParser {
    PARTS.iter().map(|part| PossibleValue::new(part.name).help(part.about)).into()
}

/// The parts with these names; without names, all but the part that needs the network.
fn chosen(names: &[String]) -> Vec<&'static Part> {
    let is_named = |part: &&Part| names.iter().any(|name| name == part.name);
    let is_default = |part: &&Part| names.is_empty() && part.name != EXTERNAL_LINKS;
    PARTS.iter().filter(|part| is_named(part) || is_default(part)).collect()
}

#[cfg(test)]
mod tests {
    use clap::Args as _;

    use super::*;

    #[test]
    fn an_unknown_part_is_rejected_with_the_known_ones() {
        let command = Args::augment_args(clap::Command::new("test"));
        let error = command.try_get_matches_from(["test", "speed"]).unwrap_err().to_string();
        assert!(error.contains("'speed'") && error.contains("[possible values: fmt, "), "{error}");
    }

    #[test]
    fn an_optional_part_runs_only_if_it_is_named() {
        let named = chosen(&[EXTERNAL_LINKS.to_string(), "fmt".to_string()]);
        assert_eq!(named.iter().map(|part| part.name).collect::<Vec<_>>(), ["fmt", EXTERNAL_LINKS]);
        assert_eq!(chosen(&[]).len(), PARTS.len() - 1);
    }

    #[test]
    fn parts_wait_only_for_parts_that_come_before_them() {
        for (index, part) in PARTS.iter().enumerate() {
            let is_before = |name| PARTS[..index].iter().any(|before| before.name == name);
            assert!(part.after.is_none_or(is_before), "{}", part.name);
        }
    }
}
