//! Runs the program with the checks for a bounded time, and reads its report.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::Context;
use wire::environment;
use wire::exercise::{ENDS_WITH_INPUT, Event, STARTS};

use super::result::{Checked, Ended};

/// Runs `command`, and calls `made` for each check as soon as it has finished. After `limit`, kills the program and the
/// server that it has started.
pub(crate) fn run(
    command: &mut Command,
    limit: Duration,
    mut made: impl FnMut(&Checked),
) -> anyhow::Result<(Vec<Checked>, Ended)> {
    // The checks end with this pipe, which closes when this process ends, because Ctrl-C does not reach their process
    // group.
    command.env(ENDS_WITH_INPUT, "1").stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    // Also removes RUST_BACKTRACE: only the message of a panic in the server is shown.
    environment::clean(command);
    // A separate process group, so that the server that the program starts can be killed with it.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    let mut child = command.spawn().context("the checks cannot be started")?;
    let errors = child.stderr.take().map(read_aside).transpose()?;
    let lines = lines(&mut child)?;

    let mut reading = Reading::new(limit);
    while reading.ended.is_none() {
        reading.next(&lines, &mut made);
    }
    let Reading { all, during, ended, .. } = reading;
    let during = during.map(|(check, _)| check);
    // Always needed: a server that is left behind would hold the error pipe open.
    kill_group(&mut child, !matches!(ended, Some(End::OutputEnded)));
    let status = child.wait()?;
    let said = errors.and_then(|thread| thread.join().ok()).unwrap_or_default();
    let ended = match ended {
        Some(End::Reported(ended)) => ended,
        Some(End::Late) => Ended::TimedOut { seconds: limit.as_secs(), during },
        Some(End::OutputEnded) | None => Ended::Early { status: status.to_string(), during, said },
    };
    Ok((all, ended))
}

/// Why no more events are read.
enum End {
    /// An event reported it.
    Reported(Ended),
    Late,
    OutputEnded,
}

/// The events so far.
struct Reading {
    begun: Instant,
    limit: Duration,
    all: Vec<Checked>,
    /// The check that runs: its sentence and its rule.
    during: Option<(String, String)>,
    ended: Option<End>,
}

impl Reading {
    fn new(limit: Duration) -> Reading {
        Reading { begun: Instant::now(), limit, all: Vec::new(), during: None, ended: None }
    }

    /// Waits for the next line, and calls `made` if a check has finished.
    fn next(&mut self, lines: &mpsc::Receiver<String>, made: &mut impl FnMut(&Checked)) {
        let left = self.limit.saturating_sub(self.begun.elapsed());
        let line = match lines.recv_timeout(left) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => return self.ended = Some(End::Late),
            Err(RecvTimeoutError::Disconnected) => return self.ended = Some(End::OutputEnded),
        };
        let (failure, conversations) = match Event::from_line(&line) {
            Some(Event::Start { check, rule }) => return self.during = Some((check, rule)),
            Some(Event::Pass) => (None, Vec::new()),
            // A server that does not start would fail all checks, each after its own timeout.
            Some(Event::Fail(failure, _))
                if self.all.is_empty() && *failure.expected == *STARTS =>
            {
                return self.ended = Some(End::Reported(Ended::NoServer(failure)));
            }
            Some(Event::Fail(failure, conversations)) => (Some(failure), conversations),
            Some(Event::Done) => return self.ended = Some(End::Reported(Ended::Done)),
            Some(Event::GaveUp) => {
                let seconds = self.begun.elapsed().as_secs();
                return self.ended = Some(End::Reported(Ended::GaveUp { seconds }));
            }
            // A line that a check itself printed.
            None => return,
        };
        if let Some((sentence, rule)) = self.during.take() {
            self.all.push(Checked { sentence, rule, failure, conversations });
            self.all.last().into_iter().for_each(made);
        }
    }
}

/// The lines that the program prints, as they arrive.
fn lines(child: &mut Child) -> anyhow::Result<mpsc::Receiver<String>> {
    let pipe = child.stdout.take().context("the checks have no output")?;
    let (sender, receiver) = mpsc::channel();
    let read = move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new().name("events".to_string()).spawn(read)?;
    Ok(receiver)
}

/// Reads all of a pipe in a separate thread.
fn read_aside(
    mut pipe: impl Read + Send + 'static,
) -> anyhow::Result<std::thread::JoinHandle<String>> {
    let read = move || {
        let mut bytes = Vec::new();
        // Even if there is an error, the output before it is useful.
        let _ = pipe.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    };
    Ok(std::thread::Builder::new().name("reader".to_string()).spawn(read)?)
}

/// Kills the remaining processes of the program's group, and the program itself only if it is still running.
fn kill_group(child: &mut Child, running: bool) {
    if running {
        // It may exit at the same moment.
        let _ = child.kill();
    }
    #[cfg(unix)]
    {
        use rustix::process::{Pid, Signal, kill_process_group};
        // Usually the group is empty already.
        let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn run_script(script: &str, limit: Duration) -> (Vec<String>, Ended) {
        let mut seen = Vec::new();
        let mut command = Command::new("sh");
        let (all, ended) = run(command.args(["-c", script]), limit, |checked| {
            let mark = if checked.failure.is_some() { "failed" } else { "passed" };
            seen.push(format!("{} {mark}", checked.sentence));
        })
        .unwrap();
        assert_eq!(all.len(), seen.len());
        (seen, ended)
    }

    const START: &str = r#"echo '{"event":"start","check":"one","rule":""}'; "#;
    const PASS: &str = r#"echo '{"event":"pass"}'; "#;
    const LONG: Duration = Duration::from_secs(30);

    #[test]
    fn events_become_checks_and_other_lines_are_left_out() {
        let script = format!("{START}echo chatter; {PASS}echo '{{\"event\":\"done\"}}'");
        assert_eq!(run_script(&script, LONG), (vec!["one passed".to_string()], Ended::Done));
    }

    #[test]
    fn checks_that_are_given_up_are_at_their_end() {
        let script = format!("{START}{PASS}echo '{{\"event\":\"gave up\"}}'; sleep 60");
        let (seen, ended) = run_script(&script, LONG);
        assert_eq!(seen, ["one passed"]);
        assert!(matches!(ended, Ended::GaveUp { seconds: 0..=20 }), "{ended:?}");
    }

    #[test]
    fn a_program_that_crashes_is_reported_with_its_check() {
        let (seen, ended) = run_script(&format!("{START}{PASS}{START}echo why >&2; exit 3"), LONG);
        assert_eq!(seen, ["one passed"]);
        let expected = Ended::Early {
            status: "exit status: 3".to_string(),
            during: Some("one".to_string()),
            said: "why\n".to_string(),
        };
        assert_eq!(ended, expected);
    }

    #[test]
    fn without_a_server_the_other_checks_are_not_waited_for() {
        let failure = wire::exercise::Failure::new(STARTS, "nothing");
        let line = Event::Fail(failure.clone(), Vec::new()).to_line();
        let start = Instant::now();
        let (seen, ended) = run_script(&format!("{START}echo '{line}'; sleep 60"), LONG);
        assert_eq!((seen, ended), (Vec::new(), Ended::NoServer(failure)));
        assert!(start.elapsed() < Duration::from_secs(20), "the pipes were held open");
    }

    #[test]
    fn a_program_that_never_ends_is_killed_with_all_it_has_started() {
        let start = Instant::now();
        let (seen, ended) =
            run_script(&format!("{START}sleep 60 & sleep 60"), Duration::from_millis(200));
        assert_eq!(seen, [""; 0]);
        assert_eq!(ended, Ended::TimedOut { seconds: 0, during: Some("one".to_string()) });
        assert!(start.elapsed() < Duration::from_secs(20), "the pipes were held open");
    }

    #[test]
    fn a_server_that_is_left_behind_does_not_keep_us_waiting() {
        let start = Instant::now();
        let (_, ended) = run_script("sleep 60 & echo '{\"event\":\"done\"}'", LONG);
        assert_eq!(ended, Ended::Done);
        assert!(start.elapsed() < Duration::from_secs(20), "the pipes were held open");
    }
}
