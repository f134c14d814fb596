//! One run of the command against one server.

use std::env;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Context;
use course::Step;
use serde_json::json;
use wire::climb::{DEADLINE_SECONDS, Scheme, Stage, stages};

use super::args::Args;
use super::checks::checks_command;
use super::target::Target;
use super::{choose, ladder, script, step, steps};
use crate::check::report::{self, Next};
use crate::check::{Checked, Ended, curl, json as check_json, passed, runner};
use crate::process;
use crate::progress::Progress;
use crate::ui;
use crate::workspace::Workspace;

/// The limit for all checks of a stage together. A check that waits for a deadline of the server adds its own time.
const LIMIT: Duration = Duration::from_secs(120);

/// One run of the command.
pub(super) struct Climb<'a> {
    pub workspace: &'a Workspace,
    pub target: &'a Target,
    /// The command that starts the server.
    pub words: Vec<String>,
    pub args: &'a Args,
}

impl Climb<'_> {
    /// A line for each stage that the step passes, and a full report of the stage that it fails. Returns whether all
    /// pass.
    pub(super) fn step(&self, all: &[Stage], step: &Step) -> anyhow::Result<bool> {
        let stage = |number: &u8| all.iter().find(|stage| stage.number == *number);
        let mut good = self.args.json || step.passes.is_empty();
        if !step.passes.is_empty() {
            good = self.each(step.passes.iter().filter_map(stage))?.1.is_none();
        }
        let Some(fails) = &step.fails else { return Ok(good) };
        let stage = stage(&fails.stage).context("steps.toml names a stage that is not there")?;
        if !self.args.json && !step.passes.is_empty() {
            ui::print("\n");
        }
        Ok(self.stage(stage)? && good)
    }

    /// Runs all these stages, even after a failure, with a line for each. Returns how many have passed, and the number
    /// and the checks of the first that has failed.
    fn each<'s>(
        &self,
        stages: impl Iterator<Item = &'s Stage>,
    ) -> anyhow::Result<(usize, Option<(u8, Vec<Checked>)>)> {
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
                failed.get_or_insert((stage.number, all));
            }
        }
        Ok((passed, failed))
    }

    /// Runs the stages from the first one that is not completed, until one fails.
    pub(super) fn go_on(&self, all: &[Stage], scheme: Scheme) -> anyhow::Result<bool> {
        let open = choose::open(self.workspace, self.target, all, Some(scheme))?;
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
    pub(super) fn all<'s>(&self, stages: impl Iterator<Item = &'s Stage>) -> anyhow::Result<bool> {
        let (passed, first_failed) = self.each(stages)?;
        if let (Some(file), Some((_, all))) = (&self.args.script, &first_failed) {
            script::write(file, all)?;
        }
        if !self.args.json {
            let command = |number: &u8| self.typed(&["--stage", &number.to_string()]);
            let first = first_failed.as_ref().map(|(number, _)| command(number));
            ui::print(&ladder::sum(passed, first.as_deref()));
        }
        Ok(first_failed.is_none())
    }

    /// One stage, in full.
    pub(super) fn stage(&self, stage: &Stage) -> anyhow::Result<bool> {
        if self.args.json {
            let (all, ended) = self.checks(stage, |_| ())?;
            ui::print(&format!("{}\n", in_json(stage, &all, &ended)));
            return self.note(stage, &all, &ended);
        }
        ui::print(&format!("{}\n\n{}\n\n", ladder::title(stage), ui::wrapped(stage.contract)));
        let marks = ui::marks();
        let (all, ended) =
            self.checks(stage, |checked| ui::print(&report::line(checked, marks)))?;
        let good = self.note(stage, &all, &ended)?;
        if let Some(file) = &self.args.script
            && script::write(file, &all)?
        {
            ui::print(&format!("\nThe exchanges are in {}.\n", file.display()));
        }
        let stuck = match self.target {
            // A step of the book fails on purpose, so a hint is not needed.
            Target::Step(_) => String::new(),
            _ => self.typed(&["--stage", &stage.number.to_string(), "--hint"]),
        };
        let solved = self.picture(stage)?.into_iter().collect();
        let running = self.running(&ended, report::arguments(&all));
        let next = Next {
            stuck,
            running,
            again: self.typed(&["--stage", &stage.number.to_string()]),
            solved,
        };
        ui::print(&report::end(&all, &ended, &next));
        if let (false, Target::Step(program)) = (good, self.target) {
            ui::print(&step::on_purpose(&steps::all(self.workspace)?.0, program, stage));
        }
        Ok(good)
    }

    /// The server that must run for the shown commands, with the arguments that the check put after the address.
    fn running(&self, ended: &Ended, arguments: &[String]) -> String {
        if let Ended::NoServer(failure) = ended {
            let words = [vec![self.target.by_hand()], shown(&failure.arguments)].concat();
            return format!("`{}`", words.join(" "));
        }
        match arguments {
            [] => format!("your server running at {}", curl::ADDRESS),
            _ => format!(
                "your server running at {}, after it {}",
                curl::ADDRESS,
                shown(arguments).join(" ")
            ),
        }
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
                let next = self.typed(&["--stage", &next.number.to_string()]);
                format!("Only my_server counts as your progress. Next for this server: `{next}`")
            }
            None => ladder::done(stage.scheme, false).trim_end().to_string(),
        }))
    }

    /// This command with other options, as a user would type it.
    fn typed(&self, options: &[&str]) -> String {
        let mut command = Command::new("cargo");
        command.args(["xtask", "climb"]).args(options);
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
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_directory_of_a_check_is_shown_as_a_word_before_and_after_it_is_deleted() {
        let made = env::temp_dir().join(format!("climb-{}-test", std::process::id()));
        let argument = made.join("public").to_string_lossy().into_owned();
        fs::create_dir_all(&argument).unwrap();
        let before = shown(std::slice::from_ref(&argument));
        fs::remove_dir_all(&made).unwrap();
        assert_eq!(
            (before, shown(&[argument])),
            (vec!["DIRECTORY".into()], vec!["DIRECTORY".into()])
        );
        assert_eq!(shown(&["/srv/www".to_string()]), ["/srv/www"]);
    }
}
