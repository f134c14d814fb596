//! One run of the command against one server.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};
use course::Step;
use serde_json::{Value, json};
use wire::climb::{DEADLINE_SECONDS, Scheme, Stage, stages};

use super::args::Args;
use super::checks::checks_command;
use super::target::{self, Target};
use super::{ladder, steps};
use crate::check::report::{self, Next};
use crate::check::{Checked, Ended, Results, curl, json, runner};
use crate::process;
use crate::progress::Progress;
use crate::ui;
use crate::workspace::Workspace;

/// The limit for all checks of a stage together. A check that waits for a deadline of the server adds its own time.
const LIMIT: Duration = Duration::from_secs(120);

/// The stages to check.
pub(super) enum Wanted {
    Stage(Stage),
    /// All for this kind of server, even after a failure.
    All,
    /// Those that are not completed, up to the first that fails. For a step: those that it declares.
    Open,
}

/// Builds the server, checks it and prints the report. Returns whether all these stages have passed.
pub(super) fn check(
    workspace: &Workspace,
    target: &Target,
    args: &Args,
    wanted: Wanted,
) -> anyhow::Result<bool> {
    let mut climb = Climb { workspace, target, words: Vec::new(), args };
    let probed = match target.build(args.json)? {
        Some(words) => {
            climb.words = words;
            target::probe(&climb.words)?
        }
        None => Results::none(Ended::NotBuilt(String::new())),
    };
    let scheme = match probed.ended {
        Ended::Done if probed.all_passed() => Scheme::Http,
        Ended::Done => Scheme::Echo,
        _ => {
            climb.no_server(&probed);
            return Ok(false);
        }
    };
    let all = stages();
    match (wanted, target) {
        (Wanted::Stage(stage), _) if stage.scheme != scheme => {
            bail!(ladder::wrong_scheme(&stage, scheme))
        }
        (Wanted::Stage(stage), _) => climb.stage(&stage),
        (Wanted::All, _) => climb.all(&all, scheme),
        (Wanted::Open, Target::Step(step)) => climb.step(&all, step),
        (Wanted::Open, _) => climb.go_on(&all, scheme),
    }
}

/// One run of the command.
struct Climb<'a> {
    workspace: &'a Workspace,
    target: &'a Target,
    /// The command that starts the server.
    words: Vec<String>,
    args: &'a Args,
}

impl Climb<'_> {
    /// Prints text that is not in a report for programs.
    fn say(&self, text: &str) {
        if !self.args.json {
            ui::print(text);
        }
    }

    /// The report for a server that does not compile, cannot be started or prints nothing.
    fn no_server(&self, probed: &Results) {
        if self.args.json {
            ui::print(&json::report(json!({}), probed));
        }
        let Args { stage, all, .. } = self.args;
        let options = match stage {
            Some(stage) => format!("--stage {stage}"),
            None => all.then_some("--all").unwrap_or_default().to_string(),
        };
        let (running, again) = (self.running(probed), self.typed(&options));
        let next = Next { stuck: String::new(), running, again, solved: Vec::new() };
        self.say(&report::end(probed, &next));
    }

    /// A line for each stage that the step passes, and a full report of the stage that it fails. Returns whether all
    /// pass.
    fn step(&self, all: &[Stage], step: &Step) -> anyhow::Result<bool> {
        let stage = |number: u8| {
            let stage = all.iter().find(|stage| stage.number == number);
            stage.context("steps.toml names a stage that is not there")
        };
        let mut good = true;
        for number in &step.passes {
            good &= self.in_a_line(stage(*number)?)?;
        }
        let Some(fails) = &step.fails else { return Ok(good) };
        if !step.passes.is_empty() {
            self.say("\n");
        }
        Ok(self.stage(stage(fails.stage)?)? && good)
    }

    /// Runs the stages from the first one that is not completed, until one fails.
    fn go_on(&self, all: &[Stage], scheme: Scheme) -> anyhow::Result<bool> {
        let open = ladder::open(self.workspace, self.target, all, Some(scheme))?;
        for stage in &open {
            if !self.stage(stage)? {
                return Ok(false);
            }
            self.say("\n");
        }
        // After the last stage, the ladder of the reader's own server has already named the next stage.
        if open.is_empty() || !self.target.is_own() {
            self.say(&format!("{}\n", ladder::done(scheme, self.target.is_own())));
        }
        Ok(true)
    }

    /// Runs all stages for this kind of server, even after a failure, with a line for each.
    fn all(&self, all: &[Stage], scheme: Scheme) -> anyhow::Result<bool> {
        let (mut passed, mut first_failed) = (0, None);
        for stage in all.iter().filter(|stage| stage.scheme == scheme) {
            if self.in_a_line(stage)? {
                passed += 1;
            } else {
                first_failed.get_or_insert(stage.number);
            }
        }
        let failure = first_failed.map_or(String::new(), |stage| {
            format!(" The first failure: `{}`", self.typed(&format!("--stage {stage}")))
        });
        self.say(&format!("\n{} passed.{failure}\n", ui::count(passed, "stage")));
        Ok(first_failed.is_none())
    }

    /// One stage, with a line for the result or with its report in JSON. Returns whether it has passed.
    fn in_a_line(&self, stage: &Stage) -> anyhow::Result<bool> {
        let results = self.checks(stage, |_| ())?;
        if self.args.json {
            ui::print(&json::report(about(stage, &results), &results));
        } else {
            ui::print(&ladder::line(stage, &results));
        }
        Ok(results.all_passed())
    }

    /// One stage, in full. Returns whether it has passed.
    fn stage(&self, stage: &Stage) -> anyhow::Result<bool> {
        if self.args.json {
            return self.in_a_line(stage);
        }
        ui::print(&format!("{}\n\n{}\n\n", ladder::title(stage), ui::wrapped(stage.contract)));
        let marks = ui::marks();
        let results = self.checks(stage, |checked| ui::print(&report::line(checked, marks)))?;
        let again = format!("--stage {}", stage.number);
        let stuck = match self.target {
            // A step of the book fails on purpose, so a hint is not needed.
            Target::Step(_) => String::new(),
            _ => self.typed(&format!("{again} --hint")),
        };
        let (running, solved) = (self.running(&results), self.after_solved(stage)?);
        let next = Next { stuck, running, again: self.typed(&again), solved };
        ui::print(&report::end(&results, &next));
        let good = results.all_passed();
        if let (false, Target::Step(program)) = (good, self.target) {
            ui::print(&on_purpose(&steps::all(self.workspace)?.0, program, stage));
        }
        Ok(good)
    }

    /// The server that must run for the shown commands, or the command that starts it. The directory that some checks
    /// put after the address is theirs, and is deleted soon, so a word takes its place.
    fn running(&self, results: &Results) -> String {
        let is_alone = report::arguments(results).is_empty();
        if let Ended::NoServer(_) = results.ended {
            let directory = if is_alone { "" } else { " DIRECTORY" };
            return format!("`{}{directory}`", self.target.by_hand());
        }
        let directory = if is_alone { "" } else { ", after it DIRECTORY" };
        format!("your server running at {}{directory}", curl::ADDRESS)
    }

    /// The current ladder of the reader's own server. For another server, whose progress is not saved, the next stage
    /// is named unless it runs anyway.
    fn after_solved(&self, stage: &Stage) -> anyhow::Result<Vec<String>> {
        let line = match self.target {
            Target::Own { .. } => ladder::picture(&mut Progress::load(self.workspace)?),
            Target::Step(step) => {
                let own = format!("cargo xtask climb --stage {}", stage.number);
                format!("That was {}. Your own server: `{own}`", step.name())
            }
            Target::Other(_) if self.args.stage.is_none() => return Ok(Vec::new()),
            Target::Other(_) => match ladder::next(&stages(), stage) {
                Some(next) => format!(
                    "Only my_server counts as your progress. Next for this server: `{}`",
                    self.typed(&format!("--stage {}", next.number))
                ),
                None => ladder::done(stage.scheme, false),
            },
        };
        Ok(vec![line])
    }

    /// This command with these options, as a user would type it.
    fn typed(&self, options: &str) -> String {
        let mut command = Command::new("cargo");
        command.args(["xtask", "climb"]).args(options.split_whitespace());
        let Args { server, bin, step, .. } = self.args;
        for (option, value) in [("--server", server), ("--bin", bin), ("--step", step)] {
            command.args(value.iter().flat_map(|value| [option, value]));
        }
        process::typed(&command)
    }

    /// Runs the checks of a stage, and saves the progress of the reader's own server.
    fn checks(&self, stage: &Stage, made: impl FnMut(&Checked)) -> anyhow::Result<Results> {
        let mut command = checks_command(stage.number, &self.words)?;
        command.env(DEADLINE_SECONDS, self.args.deadline.to_string());
        let limit = LIMIT + Duration::from_secs(2 * self.args.deadline);
        let results = runner::run(&mut command, limit, made)?;
        if self.target.is_own() {
            let mut progress = Progress::load(self.workspace)?;
            progress.stage(stage.name).note(results.passed(), stage.checks.len());
            progress.save(self.workspace)?;
        }
        Ok(results)
    }
}

/// Which later step passes a stage, if this one is meant to fail it.
fn on_purpose(all: &[Step], step: &Step, stage: &Stage) -> String {
    if step.fails.as_ref().is_none_or(|fails| fails.stage != stage.number) {
        return String::new();
    }
    let later = all.iter().skip_while(|other| *other != step);
    let passes = later.skip(1).find(|other| other.passes.contains(&stage.number));
    passes.map_or(String::new(), |other| {
        format!("{} fails this stage on purpose; {} passes it.\n", step.name(), other.name())
    })
}

/// The stage, for programs.
fn about(stage: &Stage, results: &Results) -> Value {
    json!({
        "stage": stage.number,
        "name": stage.name,
        "title": stage.title,
        "phase": stage.phase,
        "of": stage.checks.len(),
        "done": results.all_passed(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_step_that_passes_the_stage_is_named() {
        let (all, _) = steps::all(&Workspace::find().unwrap()).unwrap();
        let stages = stages();
        for (step, stage, expected) in [
            ("01_accept", 0, "01_accept fails this stage on purpose; 03_loop passes it.\n"),
            ("01_accept", 1, ""),
            ("35_drain", 0, ""),
        ] {
            let step = course::find(&all, step).unwrap();
            assert_eq!(on_purpose(&all, step, &stages[stage]), expected);
        }
    }
}
