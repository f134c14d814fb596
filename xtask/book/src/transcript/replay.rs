//! Runs a transcript and compares the output.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

use super::matcher::{blessed, lines_match};
use super::programs::Programs;
use super::rest::are_at_work;
use super::terminal::Terminal;
use crate::built::Built;
use crate::script::{Action, Step, write};
use crate::sources::Sources;

/// How a transcript is replayed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct How {
    /// Replaces the output in the transcript by the real output, where the two differ.
    pub(crate) bless: bool,
    /// How long an output may take to appear.
    pub(crate) patience: Duration,
}

/// The limit for a few pages, whose author waits for the failure.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

/// The limit for all pages, since other tests may be using the processors.
pub(crate) const LONG_PATIENCE: Duration = Duration::from_secs(180);

/// The limit for a command of the course. `cargo xtask check-exercise` builds the check, and may have to wait for
/// another cargo.
const BUILDING: Duration = Duration::from_secs(600);

/// How long a program without expected output may run before the next step.
const SETTLE: Duration = Duration::from_millis(250);

/// The additional time while that program is runnable, since other programs may be using the processors.
const WORK: Duration = Duration::from_secs(10);

/// Replays a transcript and returns its lines, with the real output if `bless` is set.
pub(crate) fn run(
    sources: &Sources,
    built: &Built,
    chapter: Option<&str>,
    steps: &[Step],
    how: How,
) -> Result<Vec<String>> {
    let programs = Programs::prepare(sources, built)?;
    let server = match chapter {
        None => None,
        Some(chapter) => {
            let server =
                Terminal::run(&programs.server(sources, chapter)?, &programs, sources.root())?;
            let (lines, _) = server.wait(how.patience, |lines, _| !lines.is_empty());
            if !lines.first().is_some_and(|line| line.starts_with("listening on")) {
                bail!("the server of chapter {chapter} did not start: {}", lines.join("\n"));
            }
            Some(server)
        }
    };
    let terminals = BTreeMap::new();
    let mut replay = Replay { programs: &programs, sources, server, terminals, how };
    let mut lines = Vec::new();
    for step in steps {
        let output = replay.step(step).with_context(|| format!("at `{}`", write(step, &[])[0]))?;
        lines.extend(write(step, &output));
    }
    replay.end()?;
    Ok(lines)
}

struct Replay<'a> {
    programs: &'a Programs<'a>,
    sources: &'a Sources,
    /// The server of the chapter, if one runs.
    server: Option<Terminal>,
    terminals: BTreeMap<usize, Terminal>,
    how: How,
}

impl Replay<'_> {
    fn step(&mut self, step: &Step) -> Result<Vec<(usize, String)>> {
        match &step.action {
            Action::Command(command) => {
                if let Some(before) = self.terminals.get_mut(&step.terminal)
                    && !before.wait_for_end(self.how.patience)
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

    /// With one terminal, a step is a command that ends, and its output is complete.
    fn see_all(&mut self, step: &Step) -> Result<Vec<(usize, String)>> {
        let builds =
            matches!(&step.action, Action::Command(command) if command.contains("cargo xtask"));
        let patience = if builds { BUILDING } else { self.how.patience };
        let terminal = self.terminal(step)?;
        terminal.end_input();
        let (lines, ended) = terminal.wait(patience, |_, ended| ended);
        if !ended {
            bail!(
                "not ended after {patience:?} (what runs on needs a terminal of its own: `1$ …`); it printed: {}",
                lines.join("\n")
            );
        }
        let lines = from_real(&lines, self.programs);
        let shown: Vec<&str> = lines.iter().map(String::as_str).collect();
        let expected = patterns(step, 0);
        if lines_match(&expected, &shown) {
            return Ok(step.output.clone());
        }
        if self.how.bless {
            return Ok(lines.iter().map(|line| (0, blessed(line))).collect());
        }
        Err(differs(&expected, &lines))
    }

    /// With several terminals, the output of a step is the next output of any terminal.
    fn see_some(&mut self, step: &Step) -> Result<Vec<(usize, String)>> {
        let (mut all, mut as_written) = (Vec::new(), true);
        let numbers: Vec<usize> = self.terminals.keys().copied().collect();
        let groups = self.groups();
        for number in numbers {
            let expected: Vec<&str> = patterns(step, number);
            let Some(terminal) = self.terminals.get_mut(&number) else { continue };
            let programs = self.programs;
            let matching = |lines: &[String]| {
                let lines = from_real(lines, programs);
                let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
                (0..=lines.len()).find(|count| lines_match(&expected, &lines[..*count]))
            };
            if !expected.is_empty() {
                terminal.wait(self.how.patience, |lines, ended| ended || matching(lines).is_some());
            } else if number == step.terminal {
                // No output is expected. Give the program a moment to start, and longer if it is waiting for a
                // processor.
                terminal.wait(SETTLE, |_, _| false);
                let until = Instant::now() + WORK;
                while are_at_work(&groups) && Instant::now() < until {
                    terminal.wait(SETTLE / 10, |_, _| false);
                }
            }
            let time = if self.how.bless { SETTLE } else { Duration::ZERO };
            let (lines, _) = terminal.wait(time, |_, _| false);
            let matched = matching(&lines);
            // Blessing keeps lines that matched and adds unexpected ones.
            let count = matched.filter(|count| !self.how.bless || *count == lines.len());
            if let Some(count) = count {
                terminal.mark_seen(count);
                all.extend(expected.iter().map(|line| (number, (*line).to_string())));
                continue;
            }
            let lines = from_real(&lines, programs);
            if !self.how.bless {
                return Err(differs(&expected, &lines));
            }
            terminal.mark_seen(lines.len());
            as_written = false;
            all.extend(lines.iter().map(|line| (number, blessed(line))));
        }
        Ok(if as_written { step.output.clone() } else { all })
    }

    /// Every program must have been stopped, or it would still run in the reader's terminal.
    fn end(mut self) -> Result<()> {
        for (number, terminal) in &mut self.terminals {
            if !terminal.wait_for_end(self.how.patience) {
                bail!(
                    "the program in terminal {number} still runs at the end; stop it, with `{number}^C` perhaps"
                );
            }
            let (lines, _) = terminal.wait(Duration::ZERO, |_, _| true);
            if *number > 0 && !self.how.bless && !lines.is_empty() {
                let lines = from_real(&lines, self.programs).join("\n");
                bail!("terminal {number} shows more than the transcript says:\n{lines}");
            }
        }
        Ok(())
    }

    /// The process groups of the programs.
    fn groups(&self) -> Vec<u32> {
        self.terminals.values().chain(&self.server).map(Terminal::group).collect()
    }

    /// The reader's server is at 127.0.0.1:8080, perhaps with `cargo xtask trace` in front of it, while ours are at
    /// another address. The transcript also has its own `/tmp`, and sees only the processes of this replay.
    fn to_real(&self, command: &str) -> String {
        let host = self.programs.host();
        let groups: Vec<String> = self.groups().iter().map(ToString::to_string).collect();
        let pgrep = format!("pgrep -g {} -", groups.join(","));
        command
            .replace("127.0.0.1:8080", &format!("{host}:8080"))
            .replace("127.0.0.1:8081", &format!("{host}:8081"))
            .replace("127.0.0.1 8080", &format!("{host} 8080"))
            .replace("'127.0.0.1', 8080", &format!("'{host}', 8080"))
            .replace("pgrep -", if groups.is_empty() { "pgrep -" } else { &pgrep })
            .replace("/tmp", &self.programs.temporary().to_string_lossy())
    }
}

/// The lines with the address and the `/tmp` that the reader sees.
fn from_real(lines: &[String], programs: &Programs) -> Vec<String> {
    let temporary = programs.temporary().to_string_lossy();
    let line = |line: &String| {
        line.replace(programs.host(), "127.0.0.1").replace(temporary.as_ref(), "/tmp")
    };
    lines.iter().map(line).collect()
}

fn patterns(step: &Step, terminal: usize) -> Vec<&str> {
    let of_terminal = step.output.iter().filter(|(number, _)| *number == terminal);
    of_terminal.map(|(_, text)| text.as_str()).collect()
}

fn differs(expected: &[&str], lines: &[String]) -> anyhow::Error {
    let expected: String = expected.iter().flat_map(|line| ["  | ", line, "\n"]).collect();
    let lines: String = lines.iter().flat_map(|line| ["  | ", line, "\n"]).collect();
    anyhow!("expected\n{expected}but it printed\n{lines}")
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::{env, thread};

    use super::*;
    use crate::script::parse;

    /// Replays a transcript that needs no program of the course.
    fn replayed(text: &str) -> Result<Vec<String>> {
        let lines: Vec<String> = text.lines().map(str::to_string).collect();
        let how = How { bless: false, patience: PATIENCE };
        let sources = Sources::find()?;
        run(&sources, &Built::nothing(&sources)?, None, &parse(&lines)?, how)
    }

    /// When the tests ran in the background of a shell, every `^C` failed, and a proxy or a `.curlrc` changed outputs.
    #[test]
    fn a_replay_does_not_depend_on_who_starts_it() {
        const AGAIN: &str = "REPLAY_STARTED_AGAIN";
        if env::var_os(AGAIN).is_none() {
            let home = tempfile::tempdir().unwrap();
            std::fs::write(home.path().join(".curlrc"), "silent\n").unwrap();
            let name = "transcript::replay::tests::a_replay_does_not_depend_on_who_starts_it";
            let status = Command::new("bash")
                .args(["-c", "trap '' INT; exec \"$0\" \"$@\" --exact --nocapture"])
                .arg(env::current_exe().unwrap())
                .arg(name)
                .envs([
                    (AGAIN, "1"),
                    ("http_proxy", "http://127.0.0.1:9"),
                    ("HTTP_ADDR", "[::1]:0"),
                ])
                .env("HOME", home.path())
                .status();
            assert!(status.unwrap().success());
            return;
        }
        let text = "1$ echo up; sleep 300\n1| up\n1^C\n\
            2$ env | grep -ic '_proxy=\\|^http_'\n2| 0\n2$ ls -A ~; echo $LC_ALL\n2| C.UTF-8";
        assert_eq!(replayed(text).unwrap().join("\n"), text);
    }

    #[test]
    fn replays_beside_each_other_have_addresses_files_and_processes_of_their_own() {
        let text = |name: &str| {
            format!(
                "1$ echo {name} > /tmp/site; ls /tmp; sleep 300\n1| site\n\
                 2$ cat /tmp/site; pgrep -c sleep; echo /tmp/site\n2| {name}\n2| 1\n2| /tmp/site\n1^C"
            )
        };
        let [one, other] = ["one", "other"].map(text);
        thread::scope(|scope| {
            let spawn = |text| thread::Builder::new().spawn_scoped(scope, move || replayed(text));
            let threads = [&one, &other].map(|text| spawn(text).unwrap());
            for (thread, text) in threads.into_iter().zip([&one, &other]) {
                assert_eq!(thread.join().unwrap().unwrap().join("\n"), *text);
            }
        });
    }
}
