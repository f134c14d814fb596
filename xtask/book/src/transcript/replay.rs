//! Does what a transcript says, and compares what comes.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use regex::Regex;

use super::matcher::lines_match;
use super::programs::Programs;
use super::script::{Action, Step, write};
use super::terminal::Terminal;
use crate::source::Sources;

/// How long something may take to appear.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long a program that shows nothing is given to get to work before the next step.
const SETTLE: Duration = Duration::from_millis(250);

/// Replays a transcript and returns its lines; with `bless`, as they came out.
pub(crate) fn run(
    sources: &Sources,
    chapter: Option<&str>,
    steps: &[Step],
    bless: bool,
) -> Result<Vec<String>> {
    let programs = Programs::prepare(sources, chapter, steps)?;
    let server = match chapter {
        None => None,
        Some(chapter) => {
            let server =
                Terminal::run(&programs.server(sources, chapter)?, &programs, sources.root())?;
            let (lines, _) = server.wait(PATIENCE, |lines, _| !lines.is_empty());
            if !lines.first().is_some_and(|line| line.starts_with("listening on")) {
                bail!("the server of chapter {chapter} did not start: {}", lines.join("\n"));
            }
            Some(server)
        }
    };
    let mut replay = Replay { programs: &programs, sources, terminals: BTreeMap::new(), bless };
    let mut lines = Vec::new();
    for step in steps {
        let output = replay.step(step).with_context(|| format!("at `{}`", write(step, &[])[0]))?;
        lines.extend(write(step, &output));
    }
    replay.end()?;
    drop(server);
    Ok(lines)
}

struct Replay<'a> {
    programs: &'a Programs,
    sources: &'a Sources,
    terminals: BTreeMap<usize, Terminal>,
    bless: bool,
}

impl Replay<'_> {
    fn step(&mut self, step: &Step) -> Result<Vec<(usize, String)>> {
        match &step.action {
            Action::Command(command) => {
                if let Some(before) = self.terminals.get_mut(&step.terminal)
                    && !before.wait_for_end(PATIENCE)
                {
                    bail!("the command before it in this terminal is still running");
                }
                let command = self.to_real(command);
                let terminal = Terminal::run(&command, self.programs, self.sources.root())?;
                self.terminals.insert(step.terminal, terminal);
            }
            Action::Type(text) => self.terminal(step)?.type_line(text)?,
            Action::Interrupt => self.terminal(step)?.interrupt()?,
            Action::EndInput => self.terminal(step)?.end_input(),
        }
        if step.terminal == 0 { self.see_all(step) } else { self.see_some(step) }
    }

    fn terminal(&mut self, step: &Step) -> Result<&mut Terminal> {
        self.terminals.get_mut(&step.terminal).context("nothing runs in this terminal")
    }

    /// With one terminal a step is a command that ends, and its output is all there is.
    fn see_all(&mut self, step: &Step) -> Result<Vec<(usize, String)>> {
        let terminal = self.terminal(step)?;
        terminal.end_input();
        let (lines, ended) = terminal.wait(PATIENCE, |_, ended| ended);
        if !ended {
            bail!("the command has not ended after {PATIENCE:?}; it printed: {}", lines.join("\n"));
        }
        self.compare(step, 0, &lines, true)
    }

    /// With several terminals the output of a step is what appears next, in whichever terminal.
    fn see_some(&mut self, step: &Step) -> Result<Vec<(usize, String)>> {
        let mut all = Vec::new();
        let numbers: Vec<usize> = self.terminals.keys().copied().collect();
        for number in numbers {
            let expected: Vec<&str> = patterns(step, number);
            let Some(terminal) = self.terminals.get(&number) else { continue };
            let real = |lines: &[String]| {
                lines.iter().map(|line| from_real(line, &self.programs.host)).collect::<Vec<_>>()
            };
            let lines = if self.bless || expected.is_empty() {
                // Nothing is expected, or whatever comes: give it a moment to come.
                if number == step.terminal || self.bless {
                    terminal.wait(SETTLE, |_, _| false).0
                } else {
                    Vec::new()
                }
            } else {
                let enough = |lines: &[String], ended: bool| {
                    let lines = real(lines);
                    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
                    (0..=lines.len()).any(|count| lines_match(&expected, &lines[..count], true))
                        || ended
                };
                terminal.wait(PATIENCE, enough).0
            };
            let lines = real(&lines);
            let count = if self.bless {
                lines.len()
            } else {
                let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
                (0..=lines.len())
                    .find(|count| lines_match(&expected, &lines[..*count], true))
                    .ok_or_else(|| differs(&expected, &lines))?
            };
            if let Some(terminal) = self.terminals.get_mut(&number) {
                terminal.mark_seen(count);
            }
            if self.bless {
                all.extend(lines.iter().take(count).map(|line| (number, blessed(line))));
            }
        }
        Ok(if self.bless { all } else { step.output.clone() })
    }

    fn compare(
        &self,
        step: &Step,
        terminal: usize,
        lines: &[String],
        complete: bool,
    ) -> Result<Vec<(usize, String)>> {
        let lines: Vec<String> =
            lines.iter().map(|line| from_real(line, &self.programs.host)).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let expected = patterns(step, terminal);
        if lines_match(&expected, &lines, complete) {
            return Ok(step.output.clone());
        }
        if self.bless {
            return Ok(lines.iter().map(|line| (terminal, blessed(line))).collect());
        }
        Err(differs(&expected, &lines))
    }

    /// What was started must have been stopped, or a reader who types it is left with it.
    fn end(mut self) -> Result<()> {
        for (number, terminal) in &mut self.terminals {
            if !terminal.wait_for_end(PATIENCE) {
                bail!(
                    "the program in terminal {number} still runs at the end; stop it, with `{number}^C` perhaps"
                );
            }
            let (lines, _) = terminal.wait(Duration::ZERO, |_, _| true);
            if *number > 0 && !self.bless && !lines.is_empty() {
                let lines: Vec<_> =
                    lines.iter().map(|line| from_real(line, &self.programs.host)).collect();
                bail!(
                    "terminal {number} shows more than the transcript says:\n{}",
                    lines.join("\n")
                );
            }
        }
        Ok(())
    }

    /// The reader's server is at 127.0.0.1:8080; ours is elsewhere.
    fn to_real(&self, command: &str) -> String {
        let host = &self.programs.host;
        command
            .replace("127.0.0.1:8080", &format!("{host}:8080"))
            .replace("localhost:8080", &format!("{host}:8080"))
            .replace("127.0.0.1 8080", &format!("{host} 8080"))
            .replace("'127.0.0.1', 8080", &format!("'{host}', 8080"))
            .replace("\"127.0.0.1\", 8080", &format!("\"{host}\", 8080"))
    }
}

fn from_real(line: &str, host: &str) -> String {
    line.replace(host, "127.0.0.1")
}

fn patterns(step: &Step, terminal: usize) -> Vec<&str> {
    step.output
        .iter()
        .filter(|(number, _)| *number == terminal)
        .map(|(_, text)| text.as_str())
        .collect()
}

/// What differs from run to run is blessed as such.
fn blessed(line: &str) -> String {
    let date = Regex::new(r"^((?:< )?[Dd]ate: ).*").expect("the pattern is valid");
    let port = Regex::new(r"127\.0\.0\.1:(\d+)").expect("the pattern is valid");
    let curl = Regex::new(r"curl/[0-9.]+").expect("the pattern is valid");
    let line = date.replace(line, "$1[..]");
    let line = curl.replace_all(&line, "curl/[..]").into_owned();
    port.replace_all(&line, |found: &regex::Captures<'_>| match &found[1] {
        "8080" => found[0].to_string(),
        _ => "127.0.0.1:[..]".to_string(),
    })
    .into_owned()
}

fn differs(expected: &[&str], lines: &[&str]) -> anyhow::Error {
    let show = |lines: &[&str]| {
        lines.iter().map(|line| format!("  | {line}\n")).collect::<Vec<_>>().concat()
    };
    anyhow!("expected\n{}but it printed\n{}", show(expected), show(lines))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_versions_and_ports_of_clients_are_not_kept() {
        assert_eq!(blessed("Date: Mon, 23 Nov 2026 07:54:28 GMT"), "Date: [..]");
        assert_eq!(blessed("127.0.0.1:41074: connected"), "127.0.0.1:[..]: connected");
        assert_eq!(blessed("Host: 127.0.0.1:8080"), "Host: 127.0.0.1:8080");
        assert_eq!(blessed("User-Agent: curl/7.88.1"), "User-Agent: curl/[..]");
    }
}
