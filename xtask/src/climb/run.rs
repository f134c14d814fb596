//! One run of the command against one server.

use std::env;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};
use course::Step;
use serde_json::json;
use wire::climb::{DEADLINE_SECONDS, Scheme, Stage, stages};

use super::args::Args;
use super::checks::checks_command;
use super::target::{self, Target};
use super::{ladder, steps};
use crate::check::report::{self, Next};
use crate::check::{Checked, Ended, curl, json as check_json, passed, runner};
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
    let Some(words) = target.build(args.json)? else {
        if args.json {
            ui::print(&format!("{}\n", json!({ "ended": "not built" })));
        }
        return Ok(false);
    };
    let scheme = match target::scheme(&words) {
        Ok(scheme) => scheme,
        Err(error) => {
            no_server(&error, target, args);
            return Ok(false);
        }
    };
    let climb = Climb { workspace, target, words, args };
    let all = stages();
    match (wanted, target) {
        (Wanted::Stage(stage), _) if stage.scheme != scheme => {
            bail!(ladder::wrong_scheme(&stage, scheme))
        }
        (Wanted::Stage(stage), _) => climb.stage(&stage),
        (Wanted::All, _) => climb.all(all.iter().filter(|stage| stage.scheme == scheme)),
        (Wanted::Open, Target::Step(step)) => climb.step(&all, step),
        (Wanted::Open, _) => climb.go_on(&all, scheme),
    }
}

/// The report for a server that cannot be started or prints nothing.
fn no_server(error: &str, target: &Target, args: &Args) {
    if args.json {
        ui::print(&format!("{}\n", json!({ "ended": "no server", "detail": error })));
        return;
    }
    ui::print(&format!(
        "{} The server did not start, so no stage could run.\n\n  {}\n\n{}Start it by hand and read its output: `{}`\n",
        ui::paint(ui::BAD, "Stopped."),
        error.trim_end().replace('\n', "\n  "),
        report::port_is_taken(error),
        target.by_hand()
    ));
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
    /// A line for each stage that the step passes, and a full report of the stage that it fails. Returns whether all
    /// pass.
    fn step(&self, all: &[Stage], step: &Step) -> anyhow::Result<bool> {
        let stage = |number: &u8| all.iter().find(|stage| stage.number == *number);
        let good = self.each(step.passes.iter().filter_map(stage))?.1.is_none();
        let Some(fails) = &step.fails else { return Ok(good) };
        let stage = stage(&fails.stage).context("steps.toml names a stage that is not there")?;
        if !self.args.json && !step.passes.is_empty() {
            ui::print("\n");
        }
        Ok(self.stage(stage)? && good)
    }

    /// Runs all these stages, even after a failure, with a line for each. Returns how many have passed, and the number
    /// of the first that has failed.
    fn each<'s>(
        &self,
        stages: impl Iterator<Item = &'s Stage>,
    ) -> anyhow::Result<(usize, Option<u8>)> {
        let (mut passed, mut failed) = (0, None);
        for stage in stages {
            let (all, ended) = self.checks(stage, |_| ())?;
            let good = self.note(stage, &all, &ended)?;
            if self.args.json {
                ui::print(&format!("{}\n", in_json(stage, &all, &ended)));
            } else {
                ui::print(&ladder::line(stage, &all, &ended, ui::marks()));
            }
            passed += usize::from(good);
            if !good {
                failed.get_or_insert(stage.number);
            }
        }
        Ok((passed, failed))
    }

    /// Runs the stages from the first one that is not completed, until one fails.
    fn go_on(&self, all: &[Stage], scheme: Scheme) -> anyhow::Result<bool> {
        let open = ladder::open(self.workspace, self.target, all, Some(scheme))?;
        for stage in &open {
            if !self.stage(stage)? {
                return Ok(false);
            }
            if !self.args.json {
                ui::print("\n");
            }
        }
        // After the last stage, the ladder of the reader's own server has already named the next stage.
        if !self.args.json && (open.is_empty() || !self.target.is_own()) {
            ui::print(&ladder::done(scheme, self.target.is_own()));
        }
        Ok(true)
    }

    /// Runs all these stages, even after a failure, with a line for each.
    fn all<'s>(&self, stages: impl Iterator<Item = &'s Stage>) -> anyhow::Result<bool> {
        let (passed, first_failed) = self.each(stages)?;
        if !self.args.json {
            let first = first_failed.map(|number| self.typed(number, &[]));
            ui::print(&ladder::sum(passed, first.as_deref()));
        }
        Ok(first_failed.is_none())
    }

    /// One stage, in full.
    fn stage(&self, stage: &Stage) -> anyhow::Result<bool> {
        if self.args.json {
            return Ok(self.each(std::iter::once(stage))?.1.is_none());
        }
        ui::print(&format!("{}\n\n{}\n\n", ladder::title(stage), ui::wrapped(stage.contract)));
        let marks = ui::marks();
        let (all, ended) =
            self.checks(stage, |checked| ui::print(&report::line(checked, marks)))?;
        let good = self.note(stage, &all, &ended)?;
        let stuck = match self.target {
            // A step of the book fails on purpose, so a hint is not needed.
            Target::Step(_) => String::new(),
            _ => self.typed(stage.number, &["--hint"]),
        };
        let solved = self.picture(stage)?.into_iter().collect();
        let running = self.running(&ended, report::arguments(&all));
        let next = Next { stuck, running, again: self.typed(stage.number, &[]), solved };
        ui::print(&report::end(&all, &ended, &next));
        if let (false, Target::Step(program)) = (good, self.target) {
            ui::print(&on_purpose(&steps::all(self.workspace)?.0, program, stage));
        }
        Ok(good)
    }

    /// The server that must run for the shown commands, with the arguments that the check put after the address.
    fn running(&self, ended: &Ended, arguments: &[String]) -> String {
        if let Ended::NoServer(failure) = ended {
            let words = [vec![self.target.by_hand()], shown(&failure.arguments)].concat();
            return format!("`{}`", words.join(" "));
        }
        let after = match arguments {
            [] => String::new(),
            _ => format!(", after it {}", shown(arguments).join(" ")),
        };
        format!("your server running at {}{after}", curl::ADDRESS)
    }

    /// The current ladder of the reader's own server. For another server, whose progress is not saved, the next stage
    /// is named unless it runs anyway.
    fn picture(&self, stage: &Stage) -> anyhow::Result<Option<String>> {
        if self.target.is_own() {
            return Ok(Some(ladder::picture(&mut Progress::load(self.workspace)?)));
        }
        if let Target::Step(step) = self.target {
            let own = format!("cargo xtask climb --stage {}", stage.number);
            return Ok(Some(format!("That was {}. Your own server: `{own}`", step.name())));
        }
        if self.args.stage.is_none() {
            return Ok(None);
        }
        Ok(Some(match ladder::next(&stages(), stage) {
            Some(next) => {
                let next = self.typed(next.number, &[]);
                format!("Only my_server counts as your progress. Next for this server: `{next}`")
            }
            None => ladder::done(stage.scheme, false).trim_end().to_string(),
        }))
    }

    /// This command for one stage and with these options, as a user would type it.
    fn typed(&self, stage: u8, options: &[&str]) -> String {
        let mut command = Command::new("cargo");
        command.args(["xtask", "climb", "--stage", &stage.to_string()]).args(options);
        if let Some(server) = &self.args.server {
            command.args(["--server", server]);
        }
        if let Target::Step(step) = self.target {
            command.args(["--step", step.name()]);
        }
        process::typed(&command)
    }

    /// Saves the progress of the reader's own server. Returns whether the stage passed.
    fn note(&self, stage: &Stage, all: &[Checked], ended: &Ended) -> anyhow::Result<bool> {
        let good = ladder::is_passed(stage, all, ended);
        if self.target.is_own() {
            let mut progress = Progress::load(self.workspace)?;
            let state = progress.stage(stage.name);
            (state.passed, state.checks) = (passed(all), stage.checks.len());
            state.solved |= good;
            progress.save(self.workspace)?;
        }
        Ok(good)
    }

    fn checks(
        &self,
        stage: &Stage,
        made: impl FnMut(&Checked),
    ) -> anyhow::Result<(Vec<Checked>, Ended)> {
        let mut command = checks_command(stage.number, &self.words)?;
        command.env(DEADLINE_SECONDS, self.args.deadline.to_string());
        let limit = LIMIT + Duration::from_secs(2 * self.args.deadline);
        runner::run(&mut command, limit, made)
    }
}

/// The arguments of a server for display. A check deletes its directory soon, so the path would be useless to the
/// reader and is replaced. The path is recognised by its name, because the directory may or may not exist at this
/// moment.
fn shown(arguments: &[String]) -> Vec<String> {
    let is_of_a_check = |argument: &str| {
        let path = Path::new(argument).strip_prefix(env::temp_dir());
        path.is_ok_and(|path| path.to_string_lossy().starts_with("climb-"))
    };
    let shown = |argument: &String| {
        if is_of_a_check(argument) { "DIRECTORY".to_string() } else { argument.clone() }
    };
    arguments.iter().map(shown).collect()
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

fn in_json(stage: &Stage, all: &[Checked], ended: &Ended) -> serde_json::Value {
    let (word, detail) = check_json::of_end(ended);
    json!({
        "stage": stage.number,
        "name": stage.name,
        "title": stage.title,
        "phase": stage.phase,
        "passed": passed(all),
        "of": stage.checks.len(),
        "done": ladder::is_passed(stage, all, ended),
        "ended": word,
        "detail": detail,
        "checks": all.iter().map(check_json::of_check).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests;
