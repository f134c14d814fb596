//! One run of the checks of an exercise, from the build to the report.

use std::process::Command;

use super::build::{self, LIMIT, Place};
use super::result::{Ended, Results};
use super::{curl, json, report, runner, words};
use crate::exercise::Exercise;
use crate::process;
use crate::progress::Progress;
use crate::ui;
use crate::workspace::Workspace;

/// One run of the checks of an exercise, and the format of its report.
pub(super) struct Run<'a> {
    pub workspace: &'a Workspace,
    pub exercise: &'a Exercise,
    /// The command of another server.
    pub server: Option<&'a [String]>,
    pub json: bool,
}

impl Run<'_> {
    /// Builds, checks and prints. Saves the progress, unless another server was checked. Returns whether all checks pass.
    pub(super) fn check(&self) -> anyhow::Result<bool> {
        let title = self.exercise.title(self.workspace);
        let results = self.results(&title)?;
        if self.json {
            ui::print(&format!("{}\n", json::report(self.exercise, &title, &results)));
        } else {
            let next = report::Next {
                stuck: format!("cargo xtask hint {}", self.exercise.number),
                running: self.running(&results),
                again: self.again(),
                solved: self.after_solved()?,
            };
            ui::print(&report::end(&results, &next));
        }
        let passes = results.all_passed();
        if results.ended != Ended::Done {
            return Ok(false);
        }
        if self.server.is_some() {
            self.say("This was another server, so it does not count as your progress.\n");
            return Ok(passes);
        }
        let mut progress = Progress::load(self.workspace)?;
        let was_solved = progress.of(self.exercise).solved;
        progress.of(self.exercise).note(results.passed(), results.checks.len());
        progress.save(self.workspace)?;
        if was_solved && !passes {
            self.say(
                "You have solved it before. `cargo xtask` still shows it as solved, and that it fails now.\n",
            );
        }
        Ok(passes)
    }

    /// Builds and checks, and prints each result as it comes.
    fn results(&self, title: &str) -> anyhow::Result<Results> {
        let root = self.workspace.root().to_owned();
        let place = Place { root, target: None, quiet: self.json };
        let built = match build::build(&place, self.exercise, None)? {
            Ok(built) => built,
            Err(said) => return Ok(Results::none(Ended::NotBuilt(said))),
        };
        let title = format!("Exercise {}: {title}", self.exercise.number);
        self.say(&format!("{}\n\n", ui::paint(ui::TITLE, &title)));
        let mut command = built.command(&place, self.exercise, self.server, None)?;
        let marks = ui::marks();
        runner::run(&mut command, LIMIT, |checked| self.say(&report::line(checked, marks)))
    }

    /// Prints text that is not in a report for programs.
    fn say(&self, text: &str) {
        if !self.json {
            ui::print(text);
        }
    }

    /// The command that starts the server by hand, with the arguments that the check put after the address.
    fn running(&self, results: &Results) -> String {
        let mut arguments = report::arguments(results).to_vec();
        let is_started = !matches!(results.ended, Ended::NoServer(_));
        let own = ["cargo", "run", "-p", &self.exercise.chapter.package].map(String::from);
        let before = match self.server {
            Some(_) if !is_started => &["127.0.0.1:0"][..],
            Some(_) if arguments.is_empty() => return format!("your server at {}", curl::ADDRESS),
            Some(_) => &[curl::ADDRESS],
            None if arguments.is_empty() => &[],
            None => &["--", curl::ADDRESS],
        };
        arguments.splice(0..0, before.iter().map(ToString::to_string));
        let running = if is_started { " running" } else { "" };
        format!("`{}`{running}", words::typed(self.server.unwrap_or(&own), &arguments))
    }

    /// The next steps after a solved exercise: the chapter's own tests, if some change with it, and the next exercise.
    fn after_solved(&self) -> anyhow::Result<Vec<String>> {
        let (workspace, exercise) = (self.workspace, self.exercise);
        let mut lines = vec![format!("Compare: `cargo xtask solution {}`", exercise.number)];
        let changed = match exercise.changed_tests(workspace).len() {
            0 => None,
            1 => Some("One test of the chapter changes".to_string()),
            count => Some(format!("{count} tests of the chapter change")),
        };
        let package = &exercise.chapter.package;
        lines.extend(
            changed.map(|it| format!("{it} with it (see the task): `cargo test -p {package}`")),
        );
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

    /// The command that repeats the same checks.
    fn again(&self) -> String {
        let mut command = Command::new("cargo");
        command.args(["xtask", "check-exercise", &self.exercise.number.to_string()]);
        if let Some(words) = self.server {
            command.args(["--server", &words::typed(words, &[])]);
        }
        process::typed(&command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Checked;

    #[test]
    fn the_command_to_start_by_hand_has_the_arguments_of_the_check() {
        let workspace = Workspace::find().unwrap();
        let exercise = Exercise::find(&workspace, "6").unwrap();
        let other = ["python3", "server.py"].map(String::from);
        let failure = |argument: &str| {
            let arguments = [argument.to_string()].into();
            wire::exercise::Failure { arguments, ..Default::default() }
        };
        let no_server = Results::none(Ended::NoServer(failure("a folder")));
        let done = Results::none(Ended::Done);
        let checks = [None, Some(failure("a folder")), Some(failure("other"))];
        let checks = checks.map(|failure| Checked::of("a", failure)).into();
        let failed = Results { checks, ended: Ended::Done };
        for (server, results, expected) in [
            (None, &done, "`cargo run -p ch06_handlers` running"),
            (None, &failed, "`cargo run -p ch06_handlers -- 127.0.0.1:8080 'a folder'` running"),
            (None, &no_server, "`cargo run -p ch06_handlers`"),
            (Some(&other[..]), &done, "your server at 127.0.0.1:8080"),
            (Some(&other[..]), &failed, "`python3 server.py 127.0.0.1:8080 'a folder'` running"),
            (Some(&other[..]), &no_server, "`python3 server.py 127.0.0.1:0`"),
        ] {
            let run = Run { workspace: &workspace, exercise: &exercise, server, json: false };
            assert_eq!(run.running(results), expected);
        }
        for (server, expected) in [
            (None, "cargo xtask check-exercise 6"),
            (Some(&other[..]), "cargo xtask check-exercise 6 --server 'python3 server.py'"),
        ] {
            let run = Run { workspace: &workspace, exercise: &exercise, server, json: false };
            assert_eq!(run.again(), expected);
        }
    }
}
