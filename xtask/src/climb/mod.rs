//! `cargo xtask climb`: the reader's own server, or any other, stage by stage.
//!
//! 1. [`target`]: which server, and how it is built.
//! 2. [`stages`](wire::climb): the checks, which run in a separate process ([`checks`]), as the checks of exercises do.
//! 3. [`ladder`]: the reader's progress.

pub(crate) mod ladder;
mod matrix;
pub(crate) mod prove;
mod screen;
mod script;
mod step;
mod steps;
mod target;

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::json;
use wire::climb::{DEADLINE_SECONDS, SPEAKS_HTTP, Scheme, Stage, stages};
use wire::exercise::SERVER_FOLDER;

use crate::check::report::{self, Checked, Ended, Next};
use crate::check::{curl, json as check_json, runner};
use crate::process;
use crate::progress::Progress;
use crate::ui;
use crate::workspace::Workspace;

use target::Target;

/// The limit for all checks of a stage together. A check that waits for a deadline of the server adds its own time.
const LIMIT: Duration = Duration::from_secs(120);

#[derive(clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Args {
    /// Run only this stage, by its number or name. Without it, your own server continues at your next stage,
    /// and another server at its first
    #[arg(long, value_name = "STAGE")]
    stage: Option<String>,
    /// Run all stages for this server, even after a failure
    #[arg(long, conflicts_with = "stage")]
    all: bool,
    /// List the stages with their contracts
    #[arg(long)]
    list: bool,
    /// Show the hint of the stage
    #[arg(long, conflicts_with_all = ["all", "json", "watch"])]
    hint: bool,
    /// Check another server, in any language: started with 127.0.0.1:0 as its last argument, it prints
    /// `listening on http://ADDRESS` (or `tcp://` for an echo) as its first line. For files, from stage 25 on,
    /// a directory follows the address
    #[arg(long, value_name = "CMD")]
    server: Option<String>,
    /// The program of `my_server` to check: `part3` for `my_server/src/bin/part3.rs`
    #[arg(long, value_name = "NAME", conflicts_with = "server")]
    bin: Option<String>,
    /// A step of the book in place of your server: `02_echo_once`, or `2`. Without --stage: the stages that it passes,
    /// and the one that it fails. Your progress stays as it is
    #[arg(long, value_name = "STEP", conflicts_with_all = ["server", "bin", "watch"])]
    step: Option<String>,
    /// How many seconds a check waits until the server gives up on a slow or idle client
    #[arg(long, value_name = "SECONDS", default_value_t = 12)]
    deadline: u64,
    /// Check again whenever you save a file; keys: n next stage, h hint, c check all, q quit
    #[arg(long, conflicts_with_all = ["all", "json"])]
    watch: bool,
    /// Report in JSON, one line per stage, for other programs
    #[arg(long)]
    json: bool,
    /// Write the exchanges of the first failed check to a shell script
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
}

/// The process that runs the checks of one stage: `cargo xtask climb-checks 4 SERVER [ARGUMENT…]`.
#[derive(clap::Args)]
pub(crate) struct ChecksArgs {
    stage: u8,
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    server: Vec<String>,
}

/// Runs the checks of a stage, and reports each on standard output.
pub(crate) fn checks(args: &ChecksArgs) -> anyhow::Result<ExitCode> {
    let all = stages();
    let checks = match args.stage {
        0 => SPEAKS_HTTP,
        number => all.iter().find(|stage| stage.number == number).context("no such stage")?.checks,
    };
    wire::exercise::end_with_input()?;
    Ok(wire::exercise::run(checks, &args.server))
}

/// Starts the process with the checks of a stage, or with [`SPEAKS_HTTP`] for 0.
fn checks_command(stage: u8, words: &[String]) -> anyhow::Result<Command> {
    let mut command = Command::new(process::own_program()?);
    command.args(["climb-checks", &stage.to_string()]).args(words);
    command.env(SERVER_FOLDER, env::current_dir()?);
    Ok(command)
}

pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    let all = stages();
    if args.list {
        ui::page(&ladder::contracts(&all), false);
        return Ok(ExitCode::SUCCESS);
    }
    let only = args.stage.as_deref().map(|called| find(&all, called)).transpose()?;
    let target = match &args.step {
        Some(called) => Target::step(workspace, called)?,
        None => Target::choose(workspace, args.server.as_deref(), args.bin.as_deref())?,
    };
    if args.watch {
        return screen::watch(workspace, &target, args, only);
    }
    if args.hint {
        let stage = match only {
            Some(stage) => stage,
            None => next(workspace, &target, &all, None)?.context("all stages are done")?,
        };
        ui::print(&hint(&stage));
        return Ok(ExitCode::SUCCESS);
    }
    let Some(words) = target.build(args.json)? else {
        if args.json {
            ui::print(&format!("{}\n", json!({ "ended": "not built" })));
        }
        return Ok(ExitCode::FAILURE);
    };
    let scheme = match target::scheme(&words) {
        Ok(scheme) => scheme,
        Err(error) => return Ok(no_server(&error, &target, args)),
    };
    let climb = Climb { workspace, target: &target, words, args };
    let passed = match only {
        Some(stage) if stage.scheme != scheme => bail!(wrong_scheme(&stage, scheme)),
        Some(stage) => climb.stage(&stage)?,
        None if args.all => climb.all(all.iter().filter(|stage| stage.scheme == scheme))?,
        None => match &target {
            Target::Step(step) => climb.step(&all, step)?,
            _ => climb.go_on(&all, scheme)?,
        },
    };
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The stage with this number or name.
fn find(all: &[Stage], called: &str) -> anyhow::Result<Stage> {
    let same = |stage: &&Stage| stage.name == called || stage.number.to_string() == called;
    all.iter().find(same).copied().with_context(|| {
        format!("there is no stage `{called}`: `cargo xtask climb --list` lists all stages")
    })
}

fn wrong_scheme(stage: &Stage, scheme: Scheme) -> String {
    let (is, needs) = match scheme {
        Scheme::Echo => {
            ("an echo (tcp://)", "HTTP server (it prints `listening on http://ADDRESS`)")
        }
        Scheme::Http => ("an HTTP server", "echo (it prints `listening on tcp://ADDRESS`)"),
    };
    format!("stage {} is for an {needs}, and this server is {is}", stage.number)
}

/// The first stage for this server that the reader has not done.
fn next(
    workspace: &Workspace,
    target: &Target,
    all: &[Stage],
    scheme: Option<Scheme>,
) -> anyhow::Result<Option<Stage>> {
    let mut progress = Progress::load(workspace)?;
    let is_open = |stage: &&Stage| {
        let fits = scheme.is_none_or(|scheme| stage.scheme == scheme);
        fits && (!target.is_own() || progress.is_open(stage.number, stage.name))
    };
    Ok(all.iter().find(is_open).copied())
}

fn hint(stage: &Stage) -> String {
    format!(
        "{}\n\n{}\n\n{}\n\nRead: book/src/{}\n",
        ladder::title(stage),
        ui::wrapped(stage.contract),
        ui::wrapped(stage.hint),
        stage.page
    )
}

/// The message for a server that cannot be started or prints nothing.
fn no_server(error: &str, target: &Target, args: &Args) -> ExitCode {
    if args.json {
        ui::print(&format!("{}\n", json!({ "ended": "no server", "detail": error })));
    } else {
        ui::print(&format!(
            "{} The server did not start, so no stage could run.\n\n  {}\n\n{}Start it by hand and read its output: `{}`\n",
            ui::paint(ui::BAD, "Stopped."),
            error.trim_end().replace('\n', "\n  "),
            report::port_is_taken(error),
            target.by_hand()
        ));
    }
    ExitCode::FAILURE
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
    /// From the first stage that is not done, until one fails.
    fn go_on(&self, all: &[Stage], scheme: Scheme) -> anyhow::Result<bool> {
        let mut progress = Progress::load(self.workspace)?;
        let open: Vec<&Stage> = all
            .iter()
            .filter(|stage| stage.scheme == scheme)
            .filter(|stage| !self.target.is_own() || progress.is_open(stage.number, stage.name))
            .collect();
        for stage in &open {
            if !self.stage(stage)? {
                return Ok(false);
            }
            if !self.args.json {
                ui::print("\n");
            }
        }
        // After the last stage, the ladder of the reader's own server has named the next.
        if !self.args.json && (open.is_empty() || !self.target.is_own()) {
            ui::print(&ladder::done(scheme, self.target.is_own()));
        }
        Ok(true)
    }

    /// All these stages, even after a failure: a line for each.
    fn all<'s>(&self, stages: impl Iterator<Item = &'s Stage>) -> anyhow::Result<bool> {
        let (mut passed, mut failed) = (Vec::new(), Vec::new());
        for stage in stages {
            let (all, ended) = self.checks(stage, |_| ())?;
            let good = self.note(stage, &all, &ended)?;
            if self.args.json {
                ui::print(&format!("{}\n", in_json(stage, &all, &ended)));
            } else {
                ui::print(&ladder::line(stage, &all, &ended, ui::marks()));
            }
            if good { passed.push(*stage) } else { failed.push((*stage, all)) }
        }
        if let (Some(file), Some((_, all))) = (&self.args.script, failed.first()) {
            script::write(file, all)?;
        }
        if !self.args.json {
            let first = failed.first().map(|(stage, _)| stage.number.to_string());
            let first = first.map(|number| self.typed(&["--stage", &number]));
            ui::print(&ladder::sum(&passed, first.as_deref()));
        }
        Ok(failed.is_empty())
    }

    /// One stage, in full.
    fn stage(&self, stage: &Stage) -> anyhow::Result<bool> {
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
            // It is known what is missing.
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

    /// The current ladder of the reader's own server. The progress of another server is not saved, so its next stage is
    /// named if it does not run anyway.
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

    /// This command with other options, as it would be typed.
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
        let passed = all.iter().filter(|checked| checked.failure.is_none()).count();
        let good = *ended == Ended::Done && passed == stage.checks.len();
        if self.target.is_own() {
            let mut progress = Progress::load(self.workspace)?;
            let state = progress.stage(stage.name);
            (state.passed, state.checks) = (passed, stage.checks.len());
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

/// The arguments of a server, as they are shown. A directory that a check has made is deleted soon after, so its
/// path would be of no use to the reader. Whether the path still exists depends on how far that has come, so the
/// name decides.
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
    let passed = all.iter().filter(|checked| checked.failure.is_none()).count();
    let (word, detail) = check_json::of_end(ended);
    json!({
        "stage": stage.number,
        "name": stage.name,
        "title": stage.title,
        "phase": stage.phase,
        "passed": passed,
        "of": stage.checks.len(),
        "done": *ended == Ended::Done && passed == stage.checks.len(),
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
    fn a_stage_is_called_by_its_number_or_its_name() {
        let all = stages();
        assert_eq!(find(&all, "4").unwrap().name, "idle");
        assert_eq!(find(&all, "keep-alive").unwrap().number, 12);
        let error = find(&all, "99").unwrap_err();
        assert!(error.to_string().contains("climb --list"), "{error}");
    }

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

    #[test]
    fn a_stage_for_the_other_kind_of_server_says_which_it_needs() {
        let all = stages();
        let said = wrong_scheme(&all[0], Scheme::Http);
        assert!(said.contains("stage 1 is for an echo") && said.contains("tcp://"), "{said}");
        let said = wrong_scheme(&all[8], Scheme::Echo);
        assert!(said.contains("stage 9 is for an HTTP server"), "{said}");
    }
}
