//! `cargo xtask check-exercise N`: builds the chapter, runs the checks of the exercise against it, and
//! shows the results.
//!
//! 1. [`build`]: the chapter's program and the checks. The compiler explains its own errors.
//! 2. [`runner`]: runs the checks, `exercise_02 SERVER [ARGUMENT…]`, which report one event a line.
//! 3. [`report`]: the lines on the terminal.

pub(crate) mod build;
pub(crate) mod curl;
pub(crate) mod json;
pub(crate) mod report;
pub(crate) mod runner;
pub(crate) mod watch;

use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context, bail};

use crate::exercise::Exercise;
use crate::git::Git;
use crate::hint;
use crate::keys::{self, Event, Keys};
use crate::process;
use crate::progress::Progress;
use crate::sandbox::Sandbox;
use crate::ui;
use crate::workspace::Workspace;

use build::{Built, Place};
pub(crate) use report::{Checked, Ended};
use watch::Snapshot;
use wire::exercise::{EXAMPLES, ONLY, SERVER_FOLDER};

/// All checks of an exercise together may take this long.
const LIMIT: Duration = Duration::from_secs(120);

#[derive(clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Args {
    /// The exercise by its number or name
    #[arg(required_unless_present = "all")]
    exercise: Option<String>,
    /// All exercises, one after the other
    #[arg(long, conflicts_with = "exercise")]
    all: bool,
    /// Check the reference solution, in a copy: your files stay as they are
    #[arg(long)]
    solution: bool,
    /// Check again whenever you save a file of the chapter
    #[arg(long, conflicts_with_all = ["all", "solution", "json"])]
    watch: bool,
    /// Report in JSON, one line per exercise, for other programs
    #[arg(long)]
    json: bool,
    /// Check another server, in any language: started with 127.0.0.1:0 as its last argument, it prints
    /// `listening on http://ADDRESS` as its first line
    #[arg(long, value_name = "CMD", conflicts_with = "solution")]
    server: Option<String>,
}

pub(crate) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    let exercises = match &args.exercise {
        Some(called) => vec![Exercise::find(workspace, called)?],
        None => Exercise::all(workspace)?,
    };
    if exercises.is_empty() {
        bail!("there are no exercises yet");
    }
    let server = args.server.as_deref().map(split_words).transpose()?;
    let mut passing = 0;
    for exercise in &exercises {
        if args.watch {
            let (server, typed) = (server.as_deref(), args.server.as_deref());
            watch(&Run { workspace, exercise, server, typed, json: false })?;
            return Ok(ExitCode::SUCCESS);
        }
        let good = if args.solution {
            let tree = Git::at(workspace.root()).tree("HEAD")?;
            let sandbox = Sandbox::open(workspace, 0, &tree)?;
            sandbox.apply(&exercise.patch(workspace, "solution.patch")?)?;
            let run = Run { workspace, exercise, server: None, typed: None, json: args.json };
            run.check(&sandbox.place(args.json))?.is_some_and(|all| is_solved(&all))
        } else {
            let (server, typed) = (server.as_deref(), args.server.as_deref());
            check_own(&Run { workspace, exercise, server, typed, json: args.json })?
        };
        passing += usize::from(good);
        if args.all && !args.json {
            ui::print("\n");
        }
    }
    if args.all && !args.json {
        ui::print(&format!("{passing} of {} exercises pass their checks.\n", exercises.len()));
    }
    Ok(if passing == exercises.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Checks, and again after each save, on one screen, until q or Ctrl-C.
fn watch(run: &Run<'_>) -> anyhow::Result<()> {
    let all = Exercise::all(run.workspace)?;
    let mut at = all.iter().position(|other| other.number == run.exercise.number).unwrap_or(0);
    let mut keys = Keys::listen()?;
    let mut hints = false;
    loop {
        let exercise = &all[at];
        let folder = &exercise.chapter.folder;
        // From before the check: a file that is saved while it runs counts.
        let files = Snapshot::of(&run.workspace.path(folder));
        keys::clear();
        if hints {
            hint::show(run.workspace, exercise)?;
        } else {
            check_own(&Run { exercise, ..*run })?;
        }
        ui::print(&keys::help(folder));
        hints = loop {
            match keys.wait(&files) {
                Event::Quit => return Ok(()),
                Event::Saved(_) | Event::Key('c') => break false,
                Event::Key('h') => break true,
                Event::Key('n') => {
                    at = (at + 1) % all.len();
                    break false;
                }
                Event::Key(_) => {}
            }
        };
    }
}

/// One run of the checks of an exercise, and the format of its report.
struct Run<'a> {
    workspace: &'a Workspace,
    exercise: &'a Exercise,
    /// The command of another server, in words, and as it was typed.
    server: Option<&'a [String]>,
    typed: Option<&'a str>,
    json: bool,
}

/// Checks the reader's code, and saves the progress. Another server does not count as progress.
fn check_own(run: &Run<'_>) -> anyhow::Result<bool> {
    let root = run.workspace.root().to_owned();
    let Some(all) = run.check(&Place { root, target: None, quiet: run.json })? else {
        return Ok(false);
    };
    if run.server.is_some() {
        if !run.json {
            ui::print("This was another server, so it does not count as your progress.\n");
        }
        return Ok(is_solved(&all));
    }
    let mut progress = Progress::load(run.workspace)?;
    let was_solved = progress.of(run.exercise).solved;
    let passed = all.iter().filter(|checked| checked.failure.is_none()).count();
    progress.note(run.exercise, passed, all.len());
    progress.save(run.workspace)?;
    let passes = is_solved(&all);
    if was_solved && !passes && !run.json {
        ui::print(
            "You have solved it before. `cargo xtask` still shows it as solved, and that it fails now.\n",
        );
    }
    Ok(passes)
}

fn is_solved(all: &[Checked]) -> bool {
    !all.is_empty() && all.iter().all(|checked| checked.failure.is_none())
}

impl Run<'_> {
    /// Builds, checks and prints. `None` when the build failed, or the checks did not finish.
    fn check(&self, place: &Place) -> anyhow::Result<Option<Vec<Checked>>> {
        let exercise = self.exercise;
        let title = exercise.title(self.workspace);
        let built = match build::build(place, exercise, None)? {
            Ok(built) => built,
            Err(said) => {
                if self.json {
                    ui::print(&format!("{}\n", json::not_built(exercise, &title, &said)));
                }
                return Ok(None);
            }
        };
        let (all, ended) = if self.json {
            let (all, ended) = check(place, exercise, &built, self.server, |_| ())?;
            ui::print(&format!("{}\n", json::report(exercise, &title, &all, &ended)));
            (all, ended)
        } else {
            let title = format!("Exercise {}: {title}", exercise.number);
            ui::print(&format!("{}\n\n", ui::paint(ui::TITLE, &title)));
            let marks = ui::marks();
            let show = |checked: &Checked| ui::print(&report::line(checked, marks));
            let (all, ended) = check(place, exercise, &built, self.server, show)?;
            let next = report::Next {
                stuck: format!("cargo xtask hint {}", exercise.number),
                running: self.running(&ended, report::arguments(&all)),
                again: self.again(),
                solved: self.after_solved()?,
            };
            ui::print(&report::end(&all, &ended, &next));
            if !process::is_installed("curl") {
                ui::print(report::without_curl(&all));
            }
            (all, ended)
        };
        Ok((ended == Ended::Done).then_some(all))
    }

    /// The command that starts the server by hand, with the `arguments` that the check put after the address.
    fn running(&self, ended: &Ended, arguments: &[String]) -> String {
        let mut command = if let Some([program, words @ ..]) = self.server {
            let mut command = Command::new(program);
            command.args(words);
            command
        } else {
            let mut command = Command::new("cargo");
            command.args(["run", "-p", &self.exercise.chapter.package]);
            command
        };
        match (self.server, ended) {
            (Some(_), Ended::NoServer(_)) => _ = command.arg("127.0.0.1:0"),
            (None, Ended::NoServer(_)) => {}
            (Some(_), _) if arguments.is_empty() => {
                return format!("your server at {}", curl::ADDRESS);
            }
            (Some(_), _) => _ = command.arg(curl::ADDRESS).args(arguments),
            (None, _) if arguments.is_empty() => {}
            (None, _) => _ = command.args(["--", curl::ADDRESS]).args(arguments),
        }
        let running = if matches!(ended, Ended::NoServer(_)) { "" } else { " running" };
        format!("`{}`{running}", process::typed(&command))
    }

    /// The next steps after a solved exercise: the chapter's own tests, if some change with it, and the next exercise.
    fn after_solved(&self) -> anyhow::Result<Vec<String>> {
        let (workspace, exercise) = (self.workspace, self.exercise);
        let mut lines = vec![format!("Compare: `cargo xtask solution {}`", exercise.number)];
        let package = &exercise.chapter.package;
        match exercise.changed_tests(workspace).len() {
            0 => {}
            1 => lines.push(format!("One test of the chapter changes with it (see the task): `cargo test -p {package}`")),
            count => lines.push(format!(
                "{count} tests of the chapter change with it (see the task): `cargo test -p {package}`"
            )),
        }
        let mut progress = Progress::load(workspace)?;
        let mut open = Exercise::all(workspace)?;
        open.retain(|other| other.number != exercise.number && !progress.of(other).solved);
        let next = open.iter().find(|other| other.number > exercise.number).or(open.first());
        lines.push(match next {
            Some(next) => format!(
                "Next: {}, `cargo xtask check-exercise {}`",
                next.title(workspace),
                next.number
            ),
            None => "All exercises are solved.".to_string(),
        });
        Ok(lines)
    }

    /// The command that runs the same checks again.
    fn again(&self) -> String {
        let mut command = Command::new("cargo");
        command.args(["xtask", "check-exercise", &self.exercise.number.to_string()]);
        let server = self.typed.map(|typed| {
            let quote = if typed.contains('\'') { '"' } else { '\'' };
            format!(" --server {quote}{typed}{quote}")
        });
        process::typed(&command) + &server.unwrap_or_default()
    }
}

/// Runs the checks against a server, by default against the chapter's program.
fn check(
    place: &Place,
    exercise: &Exercise,
    built: &Built,
    server: Option<&[String]>,
    made: impl FnMut(&Checked),
) -> anyhow::Result<(Vec<Checked>, Ended)> {
    runner::run(&mut command(place, exercise, built, server)?, LIMIT, made)
}

/// Runs the check with this sentence against the server that has been built, or all checks if none has it.
pub(crate) fn check_only(
    place: &Place,
    exercise: &Exercise,
    built: &Built,
    sentence: Option<&str>,
) -> anyhow::Result<(Vec<Checked>, Ended)> {
    let mut command = command(place, exercise, built, None)?;
    command.envs(sentence.map(|sentence| (ONLY, sentence)));
    runner::run(&mut command, LIMIT, |_| ())
}

/// The command that runs the checks.
fn command(
    place: &Place,
    exercise: &Exercise,
    built: &Built,
    server: Option<&[String]>,
) -> anyhow::Result<Command> {
    let mut command = Command::new(&built.checks);
    match server {
        Some(words) => {
            command.args(words).env(SERVER_FOLDER, std::env::current_dir()?);
        }
        None => _ = command.arg(&built.server),
    }
    command.current_dir(place.root.join(&exercise.chapter.folder));
    command.envs(built.examples.as_ref().map(|folder| (EXAMPLES, folder)));
    if place.target.is_some() {
        command.env("EXERCISE_IN_COPY", "1");
    }
    Ok(command)
}

/// Splits a command as a shell would, as far as quotes go.
pub(crate) fn split_words(command: &str) -> anyhow::Result<Vec<String>> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for character in command.chars() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (Some(_), _) => word.get_or_insert_default().push(character),
            (None, '"' | '\'') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, ' ' | '\t') => words.extend(word.take()),
            (None, _) => word.get_or_insert_default().push(character),
        }
    }
    if let Some(open) = quote {
        bail!("--server: {open} is not closed in: {command}");
    }
    words.extend(word);
    words.first().context("--server: the command is empty")?;
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_to_start_by_hand_has_the_arguments_of_the_check() {
        let workspace = Workspace::find().unwrap();
        let exercise = Exercise::find(&workspace, "6").unwrap();
        let words = ["python3", "server.py"].map(String::from);
        let folder = ["a folder".to_string()];
        let no_server = Ended::NoServer(wire::exercise::Failure::new("a", "b"));
        for (server, ended, arguments, expected) in [
            (None, &Ended::Done, &[][..], "`cargo run -p ch06_handlers` running"),
            (
                None,
                &Ended::Done,
                &folder,
                "`cargo run -p ch06_handlers -- 127.0.0.1:8080 'a folder'` running",
            ),
            (None, &no_server, &[], "`cargo run -p ch06_handlers`"),
            (Some(&words[..]), &Ended::Done, &[], "your server at 127.0.0.1:8080"),
            (
                Some(&words),
                &Ended::Done,
                &folder,
                "`python3 server.py 127.0.0.1:8080 'a folder'` running",
            ),
            (Some(&words), &no_server, &[], "`python3 server.py 127.0.0.1:0`"),
        ] {
            let run = Run {
                workspace: &workspace,
                exercise: &exercise,
                server,
                typed: None,
                json: false,
            };
            assert_eq!(run.running(ended, arguments), expected);
        }
        for (typed, expected) in [
            (None, "cargo xtask check-exercise 6"),
            (
                Some("python3 server.py"),
                "cargo xtask check-exercise 6 --server 'python3 server.py'",
            ),
            (Some("a 'b c'"), "cargo xtask check-exercise 6 --server \"a 'b c'\""),
        ] {
            let (workspace, exercise) = (&workspace, &exercise);
            let run = Run { workspace, exercise, server: None, typed, json: false };
            assert_eq!(run.again(), expected);
        }
    }

    #[test]
    fn a_command_is_split_at_spaces_outside_of_quotes() {
        assert_eq!(
            split_words("python3  'my server.py' -p\"\"").unwrap(),
            ["python3", "my server.py", "-p"]
        );
        assert!(split_words("'a").is_err());
        assert!(split_words(" ").is_err());
    }
}
