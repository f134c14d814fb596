//! Runs the program with the checks for a bounded time, and reads its report.

use std::io::{BufRead, BufReader, Read, Seek};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::Context;
use wire::environment;
use wire::exercise::{ENDS_WITH_INPUT, Event, STARTS};

use super::result::{Checked, Ended, Results};

/// Runs `command`, and calls `made` for each check as soon as it has finished. After `limit`, kills the program and the
/// server that it has started.
pub(crate) fn run(
    command: &mut Command,
    limit: Duration,
    made: impl FnMut(&Checked),
) -> anyhow::Result<Results> {
    // The checks end with this pipe, which closes when this process ends, because Ctrl-C does not reach their process
    // group.
    command.env(ENDS_WITH_INPUT, "1").stdin(Stdio::piped());
    // A file, and not a pipe, which a server that is left behind would hold open.
    let mut errors = tempfile::tempfile()?;
    command.stdout(Stdio::piped()).stderr(errors.try_clone()?);
    // Also removes RUST_BACKTRACE: only the message of a panic in the server is shown.
    environment::clean(command);
    // A separate process group, so that the server that the program starts can be killed with it.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    let mut child = command.spawn().context("the checks cannot be started")?;
    let mut results = read(&lines(&mut child)?, limit, made);
    kill_group(&mut child);
    let exit = child.wait()?;
    if let Ended::Early { status, said, .. } = &mut results.ended {
        let mut bytes = Vec::new();
        errors.rewind()?;
        errors.read_to_end(&mut bytes)?;
        (*status, *said) = (exit.to_string(), String::from_utf8_lossy(&bytes).into_owned());
    }
    Ok(results)
}

/// Reads the events until one of them is the end, the output ends, or `limit` has passed.
fn read(lines: &Receiver<String>, limit: Duration, mut made: impl FnMut(&Checked)) -> Results {
    let begun = Instant::now();
    let mut checks = Vec::new();
    // The check that runs: its sentence and its rule.
    let mut running = None;
    let sentence = |(sentence, _rule): (String, String)| sentence;
    let ended = loop {
        let event = match lines.recv_timeout(limit.saturating_sub(begun.elapsed())) {
            Ok(line) => Event::from_line(&line),
            Err(RecvTimeoutError::Timeout) => {
                break Ended::TimedOut { seconds: limit.as_secs(), during: running.map(sentence) };
            }
            Err(RecvTimeoutError::Disconnected) => {
                let (status, said) = (String::new(), String::new());
                break Ended::Early { status, during: running.map(sentence), said };
            }
        };
        let (failure, conversations) = match event {
            Some(Event::Start { check, rule }) => {
                running = Some((check, rule));
                continue;
            }
            Some(Event::Pass) => (None, Vec::new()),
            // A server that does not start would fail all checks, each after its own timeout.
            Some(Event::Fail(failure, _)) if checks.is_empty() && *failure.expected == *STARTS => {
                break Ended::NoServer(failure);
            }
            Some(Event::Fail(failure, conversations)) => (Some(failure), conversations),
            Some(Event::Done) => break Ended::Done,
            Some(Event::GaveUp) => break Ended::GaveUp { seconds: begun.elapsed().as_secs() },
            // A line that a check itself printed.
            None => continue,
        };
        if let Some((sentence, rule)) = running.take() {
            let checked = Checked { sentence, rule, failure, conversations };
            made(&checked);
            checks.push(checked);
        }
    };
    Results { checks, ended }
}

/// The lines that the program prints, as they arrive.
fn lines(child: &mut Child) -> anyhow::Result<Receiver<String>> {
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

/// Kills the program and the remaining processes of its group. Usually they have ended already.
fn kill_group(child: &mut Child) {
    let _ = child.kill();
    #[cfg(unix)]
    {
        use rustix::process::{Pid, Signal, kill_process_group};
        let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use wire::exercise::Failure;

    const START: &str = r#"echo '{"event":"start","check":"one","rule":""}'; "#;
    const PASS: &str = r#"echo '{"event":"pass"}'; "#;
    const LONG: Duration = Duration::from_secs(30);

    fn run_script(script: &str, limit: Duration) -> (Vec<String>, Ended) {
        let mut seen = Vec::new();
        let mut command = Command::new("sh");
        let results = run(command.args(["-c", script]), limit, |checked| {
            seen.push(checked.sentence.clone());
        })
        .unwrap();
        assert!(results.checks.iter().map(|checked| &checked.sentence).eq(&seen));
        (seen, results.ended)
    }

    /// Each script ends, or is killed with the `sleep` that it has started.
    #[test]
    fn events_become_checks_until_the_end() {
        let no_server = Failure::new(STARTS, "nothing");
        let not_started = Event::Fail(no_server.clone(), Vec::new()).to_line();
        let during = Some("one".to_string());
        let crashed = Ended::Early {
            status: "exit status: 3".to_string(),
            during: during.clone(),
            said: "why\n".to_string(),
        };
        let soon = Duration::from_millis(200);
        let done = "echo '{\"event\":\"done\"}'";
        for (script, limit, passed, expected) in [
            (format!("{START}echo chatter; {PASS}{done}; sleep 60"), LONG, 1, Ended::Done),
            (format!("sleep 60 & {done}"), LONG, 0, Ended::Done),
            (format!("{START}{PASS}{START}echo why >&2; exit 3"), LONG, 1, crashed),
            (format!("{START}echo '{not_started}'; sleep 60"), LONG, 0, Ended::NoServer(no_server)),
            (
                format!("{START}sleep 60 & sleep 60"),
                soon,
                0,
                Ended::TimedOut { seconds: 0, during },
            ),
        ] {
            assert_eq!(run_script(&script, limit), (vec!["one".to_string(); passed], expected));
        }
        let gave_up = format!("{START}{PASS}echo '{{\"event\":\"gave up\"}}'; sleep 60");
        let (seen, ended) = run_script(&gave_up, LONG);
        assert_eq!(seen, ["one"]);
        assert!(matches!(ended, Ended::GaveUp { .. }), "{ended:?}");
    }
}
