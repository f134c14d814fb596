//! `cargo xtask test`: runs everything that CI runs, part by part, and continues when a part fails.
//!
//! A [`part`] can run alone. [`parts`] lists them, [`schedule`] runs several of them in parallel, [`report`] writes a line for each, and
//! [`quick`] determines which of them a change affects.

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
mod text;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::bail;

use self::part::{Part, Run};
use self::parts::{OPTIONAL, PARTS};
use self::quick::Scope;
use crate::process;
use crate::ui;
use crate::workspace::Workspace;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only these parts
    #[arg(conflicts_with = "quick")]
    parts: Vec<String>,
    /// List the parts
    #[arg(long)]
    list: bool,
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
    let mut parts = chosen(&args.parts)?;
    if args.quick {
        let scope = Scope::of_change(workspace)?;
        let left: Vec<&str> =
            parts.extract_if(.., |part| !part.is_affected(&scope)).map(|part| part.name).collect();
        ui::print(&scope.summary(&left));
        run.scope = Some(scope);
    }
    if args.list {
        let listed = parts.into_iter().chain(OPTIONAL.iter().filter(|_| args.parts.is_empty()));
        let lines = listed.map(|part| format!("{:<14} {}\n", part.name, part.about));
        ui::print(&lines.collect::<String>());
        return Ok(ExitCode::SUCCESS);
    }
    let start = Instant::now();
    let finished = schedule::run(&parts, usize::from(args.jobs), &run, |finished, running| {
        ui::print(&report::line(finished, running));
    });
    let (summary, good) = report::summary(&finished, start.elapsed(), args.strict);
    ui::print(&summary);
    Ok(process::exit(good))
}

/// The parts with these names; without names, all but the optional parts.
fn chosen(names: &[String]) -> anyhow::Result<Vec<&'static Part>> {
    let all = || PARTS.iter().chain(OPTIONAL);
    if let Some(unknown) = names.iter().find(|name| all().all(|part| part.name != *name)) {
        let known: Vec<_> = all().map(|part| part.name).collect();
        bail!("there is no part `{unknown}`; the parts are: {}", known.join(", "));
    }
    if names.is_empty() {
        return Ok(PARTS.iter().collect());
    }
    Ok(all().filter(|part| names.iter().any(|name| name == part.name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_part_is_rejected_with_the_known_ones() {
        let error = chosen(&["speed".to_string()]).map(|_| ()).unwrap_err().to_string();
        assert!(error.starts_with("there is no part `speed`; the parts are: fmt, "), "{error}");
        assert_eq!(chosen(&["loom".to_string(), "fmt".to_string()]).unwrap().len(), 2);
    }

    #[test]
    fn an_optional_part_runs_only_if_it_is_named() {
        let has = |names: &[String]| {
            chosen(names).unwrap().iter().any(|part| part.name == "external-links")
        };
        assert!(!has(&[]) && has(&["external-links".to_string()]));
    }

    #[test]
    fn parts_wait_only_for_parts_that_come_before_them() {
        for (index, part) in PARTS.iter().enumerate() {
            let is_before = |name| PARTS[..index].iter().any(|before| before.name == name);
            assert!(part.after.is_none_or(is_before), "{}", part.name);
        }
    }
}
