//! A terminal of a transcript, which runs one program at a time and collects its output.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::programs::Programs;

/// How long output that has already arrived is read after the time is over.
const LATE: Duration = Duration::from_millis(100);

/// A program that runs, or has run, in a terminal.
#[derive(Debug)]
pub(super) struct Terminal<'a> {
    programs: &'a Programs<'a>,
    child: Child,
    input: Option<ChildStdin>,
    /// The output of the program, which a thread reads. The channel is closed at the end of the output.
    chunks: Receiver<Vec<u8>>,
    /// The output so far, and whether it has ended.
    output: Vec<u8>,
    ended: bool,
    /// The number of output bytes that earlier steps have matched.
    seen: usize,
}

impl<'a> Terminal<'a> {
    /// Runs a command with bash, with standard output and standard error in one stream, as on a screen.
    pub(super) fn run(
        command: &str,
        programs: &'a Programs<'a>,
        directory: &Path,
    ) -> Result<Terminal<'a>> {
        let mut child = programs
            .bash(&format!("exec 2>&1\n{command}"))
            .current_dir(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .context("transcripts need bash")?;
        let mut from = child.stdout.take().context("the output is piped")?;
        // A program that never stops printing waits here until its output is read.
        let (to, chunks) = mpsc::sync_channel(16);
        thread::Builder::new().name("terminal".to_string()).spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = from.read(&mut buffer)
                && to.send(buffer[..count].to_vec()).is_ok()
            {}
        })?;
        let input = child.stdin.take();
        Ok(Terminal { programs, child, input, chunks, output: Vec::new(), ended: false, seen: 0 })
    }

    /// Types a line.
    pub(super) fn type_line(&mut self, text: &str) -> Result<()> {
        let input = self.input.as_mut().context("the input of this terminal has ended")?;
        // A single write, as a terminal does it, because the program might otherwise read the line in two pieces.
        input.write_all(format!("{text}\n").as_bytes())?;
        Ok(input.flush()?)
    }

    /// Ctrl-D.
    pub(super) fn end_input(&mut self) {
        self.input = None;
    }

    /// Ctrl-C reaches every program in the foreground of a terminal.
    pub(super) fn interrupt(&self) -> Result<()> {
        self.signal("-INT")
    }

    /// The process group of the program.
    pub(super) fn group(&self) -> u32 {
        self.child.id()
    }

    fn signal(&self, signal: &str) -> Result<()> {
        let group = format!("-{}", self.child.id());
        Command::new("kill").args([signal, "--", &group]).stderr(Stdio::null()).status()?;
        Ok(())
    }

    /// Waits until `enough` accepts the new lines, the output ends, or the time is over. Returns the new lines, as the
    /// reader sees them, and whether the output has ended.
    pub(super) fn wait(
        &mut self,
        time: Duration,
        enough: impl Fn(&[String]) -> bool,
    ) -> (Vec<String>, bool) {
        let until = Instant::now() + time;
        loop {
            let output = String::from_utf8_lossy(unseen(&self.output, self.seen));
            // The last line may be incomplete. A CR before LF is not visible on a screen.
            let output = self.programs.to_shown(&output);
            let lines = output.lines().map(|line| line.trim_end_matches('\r').to_string());
            let lines: Vec<String> = lines.collect();
            // The output that has arrived is read after the time is over, too, but not for long.
            let is_late = Instant::now() > until + LATE;
            if self.ended || is_late || enough(&lines) {
                return (lines, self.ended);
            }
            match self.chunks.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(chunk) => self.output.extend(chunk),
                Err(RecvTimeoutError::Disconnected) => self.ended = true,
                Err(RecvTimeoutError::Timeout) => return (lines, false),
            }
        }
    }

    /// The new lines so far, and whether the output has ended.
    pub(super) fn lines(&mut self) -> (Vec<String>, bool) {
        self.wait(Duration::ZERO, |_| false)
    }

    /// Marks the first `count` new lines as matched.
    pub(super) fn mark_seen(&mut self, count: usize) {
        let new = unseen(&self.output, self.seen);
        // The last line may be incomplete. When it has been matched, all output has.
        let seen: usize =
            new.split_inclusive(|byte| *byte == b'\n').take(count).map(<[u8]>::len).sum();
        self.seen = self.output.len() - new.len() + seen;
    }

    /// Whether the program has ended.
    pub(super) fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// Waits for the program to end.
    pub(super) fn wait_for_end(&mut self, time: Duration) -> bool {
        let until = Instant::now() + time;
        while !self.has_ended() {
            if Instant::now() >= until {
                return false;
            }
            thread::sleep(Duration::from_millis(5));
        }
        true
    }
}

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        // While the output is open, a process of the group is alive: the program, or its background process. After that
        // the group may be gone, and its number reused.
        let (_, ended) = self.lines();
        if !self.has_ended() || !ended {
            let _ = self.signal("-KILL");
            let _ = self.child.wait();
        }
    }
}

/// Whether a thread of these process groups is runnable (Linux). On a busy machine it may not have run yet.
pub(super) fn are_at_work(groups: &[String]) -> bool {
    let mut pgrep = Command::new("pgrep");
    pgrep.args(["--lightweight", "--runstates", "R,D", "-g", &groups.join(",")]);
    let status = pgrep.stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// The unmatched part of an output. The end of a line that was matched while incomplete is not new.
fn unseen(output: &[u8], seen: usize) -> &[u8] {
    let (before, new) = output.split_at(seen);
    match new.strip_prefix(b"\n") {
        Some(rest) if before.last().is_some_and(|byte| *byte != b'\n') => rest,
        _ => new,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_was_seen_without_its_end_is_not_shown_again_as_an_empty_one() {
        assert_eq!(unseen(b"seen\nnew\n", 5), b"new\n");
        assert_eq!(unseen(b"seen\nnew\n", 4), b"new\n");
        assert_eq!(unseen(b"seen\n\nnew\n", 5), b"\nnew\n");
        assert_eq!(unseen(b"\nnew", 0), b"\nnew");
    }

    #[test]
    fn a_program_that_waits_is_not_at_work() {
        for (script, expected) in [("exec sleep 60", false), ("while :; do :; done", true)] {
            let mut child =
                Command::new("bash").args(["-c", script]).process_group(0).spawn().unwrap();
            // Either program is at work while it starts.
            let is_as_expected = (0..500).any(|_| {
                thread::sleep(Duration::from_millis(20));
                are_at_work(&[child.id().to_string()]) == expected
            });
            child.kill().unwrap();
            child.wait().unwrap();
            assert!(is_as_expected, "{script}");
        }
    }
}
