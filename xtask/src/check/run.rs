//! One run of the checks of an exercise, from the build to the report.

use std::process::Command;

use serde_json::{Value, json};

use super::build::{self, LIMIT, Place};
use super::result::{Ended, Results};
use super::{curl, json, report, runner, words};
use crate::exercise::Exercise;
use crate::process;
use crate::progress::Progress;
use crate::sandbox::Sandbox;
use crate::ui;
use crate::workspace::Workspace;

/// One run of the checks of an exercise, and the format of its report.
pub(super) struct Run<'a> {
    pub workspace: &'a Workspace,
    pub exercise: &'a Exercise,
    /// The command of another server.
    pub server: Option<&'a [String]>,
    /// The copy with the reference solution.
    pub solved: Option<&'a Sandbox>,
    pub json: bool,
}

impl Run<'_> {
    /// Builds, checks and prints. Saves the progress, unless it was another server or solution. Returns whether all checks pass.
    pub(super) fn check(&self) -> anyhow::Result<bool> {
        let title = self.exercise.title(self.workspace);
        let results = self.results(&title)?;
        if self.json {
            ui::print(&json::report(self.about(&title, &results), &results));
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
        if self.solved.is_some() {
            return Ok(passes);
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
        let place = match self.solved {
            Some(copy) => copy.place(self.json),
            None => Place { root, target: None, quiet: self.json },
        };
        let built = match build::build(&place, self.exercise, None)? {
            Ok(built) => built,
            Err(said) => return Ok(Results::none(Ended::NotBuilt(said))),
        };
        let title = format!("Exercise {}: {title}", self.exercise.number);
        self.say(&format!("{}\n\n", ui::paint(ui::TITLE, &title)));
        let mut command = built.command(self.server, None)?;
        let marks = ui::marks();
        runner::run(&mut command, LIMIT, |checked| self.say(&report::line(checked, marks)))
    }

    /// Prints text that is not in a report for programs.
    fn say(&self, text: &str) {
        if !self.json {
            ui::print(text);
        }
    }

    /// The exercise, for programs.
    fn about(&self, title: &str, results: &Results) -> Value {
        let (exercise, solved) = (self.exercise.number, results.all_passed());
        let next = match results.ended {
            Ended::NotBuilt(_) => "check-exercise",
            _ if solved => "solution",
            _ => "hint",
        };
        let next = format!("cargo xtask {next} {exercise}");
        json!({ "exercise": exercise, "title": title, "solved": solved, "next": next })
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
        if self.solved.is_some() {
            command.arg("--solution");
        }
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
    fn the_suggested_commands_fit_the_server_and_the_results() {
        let workspace = Workspace::find().unwrap();
        let exercise = Exercise::find(&workspace, "6").unwrap();
        let run = |server| Run {
            workspace: &workspace,
            exercise: &exercise,
            server,
            solved: None,
            json: false,
        };
        let words = ["python3", "server.py"].map(String::from);
        let (own, other) = (run(None), run(Some(&words[..])));
        let failure = |argument: &str| {
            let arguments = [argument.to_string()].into();
            wire::exercise::Failure { arguments, ..Default::default() }
        };
        let results = |failures: &[_]| {
            let checks = failures.iter().cloned().map(|failure| Checked::of("a", failure));
            Results { checks: checks.collect(), ended: Ended::Done }
        };
        let failed = results(&[None, Some(failure("a folder")), Some(failure("other"))]);
        let passed = results(&[None]);
        let gave_up = Results { ended: Ended::GaveUp { seconds: 10 }, ..passed.clone() };
        let no_server = Results::none(Ended::NoServer(failure("a folder")));
        let not_built = Results::none(Ended::NotBuilt(String::new()));
        for (run, results, expected) in [
            (&own, &passed, "`cargo run -p ch06_handlers` running"),
            (&own, &failed, "`cargo run -p ch06_handlers -- 127.0.0.1:8080 'a folder'` running"),
            (&own, &no_server, "`cargo run -p ch06_handlers -- 127.0.0.1:8080 'a folder'`"),
            (&other, &passed, "your server at 127.0.0.1:8080"),
            (&other, &failed, "`python3 server.py 127.0.0.1:8080 'a folder'` running"),
            (&other, &no_server, "`python3 server.py 127.0.0.1:0 'a folder'`"),
        ] {
            assert_eq!(run.running(results), expected);
        }
        assert_eq!(own.again(), "cargo xtask check-exercise 6");
        assert_eq!(other.again(), "cargo xtask check-exercise 6 --server 'python3 server.py'");
        for (results, solved, next) in [
            (&passed, true, "cargo xtask solution 6"),
            (&failed, false, "cargo xtask hint 6"),
            (&gave_up, false, "cargo xtask hint 6"),
            (&not_built, false, "cargo xtask check-exercise 6"),
        ] {
            let about = own.about("Ranges", results);
            assert_eq!((&about["solved"], &about["next"]), (&json!(solved), &json!(next)));
        }
    }
}
