//! Runs a transcript and compares the output.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

use super::matcher::{blessed, matching};
use super::programs::Programs;
use super::terminal::{Terminal, are_at_work};
use crate::built::Built;
use crate::script::{Entry, Line};
use crate::sources::Sources;

/// How a transcript is replayed.
#[derive(Debug, Clone, Copy)]
pub(super) struct How {
    /// Replaces the output in the transcript by the real output, where the two differ.
    pub(super) bless: bool,
    /// How long an output may take to appear.
    pub(super) patience: Duration,
}

/// The limit for a few pages, whose author waits for the failure.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);

/// The limit for all pages, since other tests may be using the processors.
pub(super) const LONG_PATIENCE: Duration = Duration::from_secs(180);

/// The limit for a command that builds a program, and may have to wait for another cargo.
const BUILDING: Duration = Duration::from_secs(600);

/// How long a program without expected output may run before the next step.
const SETTLE: Duration = Duration::from_millis(250);

/// The additional time while that program is runnable, since other programs may be using the processors.
const WORK: Duration = Duration::from_secs(10);

/// Replays a transcript and returns its lines, with the real output if `bless` is set.
pub(super) fn run(
    built: &Built,
    chapter: Option<&str>,
    lines: &[Line],
    how: How,
) -> Result<Vec<Line>> {
    check(lines)?;
    let sources = Sources::find()?;
    let programs = Programs::prepare(built)?;
    let start = |command: &str| Terminal::run(command, &programs, sources.root());
    let server = match chapter {
        None => None,
        Some(chapter) => {
            let name = &sources.chapter(chapter)?.name;
            let name = if name == "final" { name.clone() } else { format!("ch{name}") };
            let mut server = start(&format!("exec cargo run -p {name}"))?;
            let (lines, _) = server.wait(how.patience, |lines| !lines.is_empty());
            if !lines.first().is_some_and(|line| line.starts_with("listening on")) {
                bail!("the server of chapter {chapter} did not start: {}", lines.join("\n"));
            }
            Some(server)
        }
    };
    let mut replay = Replay { start: &start, server, terminals: BTreeMap::new(), how };
    let mut replayed = Vec::new();
    for step in lines.chunk_by(|_, next| matches!(next.entry, Entry::Output(_))) {
        let (action, output) = (&step[0], &step[1..]);
        let output = replay.step(action, output);
        let output = output.with_context(|| {
            format!("at `{}`", action.to_string().lines().next().unwrap_or_default())
        })?;
        replayed.push(action.clone());
        replayed.extend(output);
    }
    replay.end()?;
    Ok(replayed)
}

/// Checks that a transcript starts with a command, and that no command connects to `localhost`.
fn check(lines: &[Line]) -> Result<()> {
    if let Some(line @ Line { entry: Entry::Output(_), .. }) = lines.first() {
        bail!("a transcript starts with `$ command` or `1$ command`, not with `{line}`");
    }
    for line in lines {
        // In an `Origin` it is only a name, and no connection is made.
        if let Entry::Command(command) = &line.entry
            && command.replace("http://localhost:3000", "").contains("localhost")
        {
            bail!("write 127.0.0.1: `localhost` may be ::1 too, where nobody listens");
        }
    }
    Ok(())
}

struct Replay<'a> {
    /// Starts a command in a new terminal.
    start: &'a dyn Fn(&str) -> Result<Terminal<'a>>,
    /// The server of the chapter, if one runs.
    server: Option<Terminal<'a>>,
    terminals: BTreeMap<usize, Terminal<'a>>,
    how: How,
}

impl Replay<'_> {
    /// Performs an action, and returns the output that follows: as it is expected, or with `bless` the real output.
    fn step(&mut self, action: &Line, output: &[Line]) -> Result<Vec<Line>> {
        if let Entry::Command(command) = &action.entry {
            if let Some(before) = self.terminals.get_mut(&action.terminal)
                && !before.wait_for_end(self.how.patience)
            {
                bail!("the command before it in this terminal is still running");
            }
            // `pgrep` sees only the processes of this replay; 0 is its own group.
            let groups = [vec!["0".to_string()], self.groups()].concat().join(",");
            let command = command.replace("pgrep -", &format!("pgrep -g {groups} -"));
            self.terminals.insert(action.terminal, (self.start)(&command)?);
        }
        let terminal = self.terminals.get_mut(&action.terminal);
        let terminal = terminal.context("nothing runs in this terminal")?;
        match &action.entry {
            Entry::Input(text) => terminal.type_line(text)?,
            Entry::Ctrl('C') => terminal.interrupt()?,
            Entry::Ctrl(_) => terminal.end_input(),
            Entry::Command(_) | Entry::Output(_) => {}
        }
        let (mut real, mut as_expected) = (Vec::new(), true);
        for number in self.terminals.keys().copied().collect::<Vec<_>>() {
            let expected = texts(output, number);
            let (lines, count) = self.see(number, action, &expected)?;
            let to_line = |text| Line { terminal: number, entry: Entry::Output(text) };
            match count {
                Some(_) => real.extend(expected.iter().map(|it| to_line((*it).to_string()))),
                None if self.how.bless => {
                    as_expected = false;
                    real.extend(lines.iter().map(|line| to_line(blessed(line))));
                }
                None => return Err(differs(&expected, &lines)),
            }
        }
        Ok(if as_expected { output.to_vec() } else { real })
    }

    /// Waits for the expected output of a terminal after an action. Returns the new lines, and how many of them match.
    fn see(
        &mut self,
        number: usize,
        action: &Line,
        expected: &[&str],
    ) -> Result<(Vec<String>, Option<usize>)> {
        let (groups, How { bless, patience }) = (self.groups(), self.how);
        let terminal = self.terminals.get_mut(&number).context("there is this terminal")?;
        if number == 0 {
            // With one terminal, a step is a command that ends, and its output is complete.
            let builds = matches!(&action.entry, Entry::Command(command)
                if ["cargo xtask", "cargo test"].iter().any(|it| command.contains(it)));
            let patience = if builds { BUILDING } else { patience };
            terminal.end_input();
            let (lines, ended) = terminal.wait(patience, |_| false);
            if !ended {
                bail!(
                    "not ended after {patience:?} (what runs on needs a terminal of its own: `1$ …`); it printed: {}",
                    lines.join("\n")
                );
            }
        } else if !expected.is_empty() {
            terminal.wait(patience, |lines| matching(expected, lines, false).is_some());
        } else if number == action.terminal {
            // No output is expected. Give the program a moment to start, and longer if it is waiting for a processor.
            terminal.wait(SETTLE, |_| false);
            let until = Instant::now() + WORK;
            while are_at_work(&groups) && Instant::now() < until {
                terminal.wait(SETTLE / 10, |_| false);
            }
        }
        let time = if bless { SETTLE } else { Duration::ZERO };
        let (lines, _) = terminal.wait(time, |_| false);
        // Blessing adds unexpected lines.
        let count = matching(expected, &lines, number == 0 || bless);
        terminal.mark_seen(count.unwrap_or(lines.len()));
        Ok((lines, count))
    }

    /// Every program must have been stopped, or it would still run in the reader's terminal.
    fn end(mut self) -> Result<()> {
        for (number, terminal) in &mut self.terminals {
            if !terminal.wait_for_end(self.how.patience) {
                bail!(
                    "the program in terminal {number} still runs at the end; stop it, with `{number}^C` perhaps"
                );
            }
            let (lines, _) = terminal.lines();
            if !self.how.bless && !lines.is_empty() {
                let lines = lines.join("\n");
                bail!("terminal {number} shows more than the transcript says:\n{lines}");
            }
        }
        Ok(())
    }

    /// The process groups of the programs.
    fn groups(&self) -> Vec<String> {
        let terminals = self.terminals.values().chain(&self.server);
        terminals.map(|terminal| terminal.group().to_string()).collect()
    }
}

/// The output in a terminal.
fn texts(output: &[Line], terminal: usize) -> Vec<&str> {
    let texts =
        output.iter().filter(|line| line.terminal == terminal).map(|line| match &line.entry {
            Entry::Output(text) => text.as_str(),
            _ => "",
        });
    texts.collect()
}

fn differs(expected: &[&str], lines: &[String]) -> anyhow::Error {
    let expected: String = expected.iter().flat_map(|line| ["  | ", line, "\n"]).collect();
    let lines: String = lines.iter().flat_map(|line| ["  | ", line, "\n"]).collect();
    anyhow!("expected\n{expected}but it printed\n{lines}")
}

#[cfg(test)]
mod tests;
