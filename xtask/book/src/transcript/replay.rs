//! Does what a transcript says, and compares what comes.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

use super::bless::blessed;
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
            bail!(
                "not ended after {PATIENCE:?} (what runs on needs a terminal of its own: `1$ …`); it printed: {}",
                lines.join("\n")
            );
        }
        self.compare(step, 0, &lines, true)
    }

    /// With several terminals the output of a step is what appears next, in whichever terminal.
    fn see_some(&mut self, step: &Step) -> Result<Vec<(usize, String)>> {
        let (mut all, mut as_written) = (Vec::new(), true);
        let numbers: Vec<usize> = self.terminals.keys().copied().collect();
        for number in numbers {
            let expected: Vec<&str> = patterns(step, number);
            let Some(terminal) = self.terminals.get_mut(&number) else { continue };
            let host = &self.programs.host;
            let matching = |lines: &[String]| {
                let lines: Vec<String> = lines.iter().map(|line| from_real(line, host)).collect();
                let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
                (0..=lines.len()).find(|count| lines_match(&expected, &lines[..*count], true))
            };
            if !expected.is_empty() {
                terminal.wait(PATIENCE, |lines, ended| ended || matching(lines).is_some());
            } else if number == step.terminal {
                // Nothing is expected: give the program a moment to get to work.
                terminal.wait(SETTLE, |_, _| false);
            }
            let time = if self.bless { SETTLE } else { Duration::ZERO };
            let (lines, _) = terminal.wait(time, |_, _| false);
            let matched = matching(&lines);
            // Blessing keeps what was right and adds what nobody expected.
            let count = matched.filter(|count| !self.bless || *count == lines.len());
            if let Some(count) = count {
                terminal.mark_seen(count);
                all.extend(expected.iter().map(|line| (number, (*line).to_string())));
                continue;
            }
            let lines: Vec<String> = lines.iter().map(|line| from_real(line, host)).collect();
            if !self.bless {
                let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
                return Err(differs(&expected, &lines));
            }
            terminal.mark_seen(lines.len());
            as_written = false;
            all.extend(lines.iter().map(|line| (number, blessed(line))));
        }
        Ok(if as_written { step.output.clone() } else { all })
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

    /// The reader's server is at 127.0.0.1:8080, and perhaps `cargo xtask trace` in front of it; ours are elsewhere.
    fn to_real(&self, command: &str) -> String {
        let host = &self.programs.host;
        command
            .replace("127.0.0.1:8080", &format!("{host}:8080"))
            .replace("127.0.0.1:8081", &format!("{host}:8081"))
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

fn differs(expected: &[&str], lines: &[&str]) -> anyhow::Error {
    let show = |lines: &[&str]| {
        lines.iter().map(|line| format!("  | {line}\n")).collect::<Vec<_>>().concat()
    };
    anyhow!("expected\n{}but it printed\n{}", show(expected), show(lines))
}
