//! The client at play: it asks a server that answers as a script says, and everything it does is seen.

use std::env;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use wire::Script;
use wire::exercise::Failure;

/// So long the client may take, whatever it waits for.
pub(super) const PATIENCE: Duration = Duration::from_secs(12);

/// Shorter than this is no wait, on the slowest machine.
pub(super) const AT_ONCE: Duration = Duration::from_secs(6);

/// An answer with this status, these field lines and this body.
pub(super) fn refusal(status: u16, lines: &[&str], body: &str) -> Vec<u8> {
    let lines: String = lines.iter().flat_map(|line| [line, "\r\n"]).collect();
    format!("HTTP/1.1 {status} X\r\n{lines}Content-Length: {}\r\n\r\n{body}", body.len())
        .into_bytes()
}

pub(super) fn ok() -> Vec<u8> {
    refusal(200, &[], "at last")
}

/// What happened between a client and a server that follows a script.
pub(super) struct Seen {
    /// `client --retry GET URL`
    pub(super) command: String,
    /// The script's first answer.
    pub(super) answer: Vec<u8>,
    /// The heads of the requests.
    pub(super) heads: Vec<String>,
    /// What the client has printed.
    pub(super) out: String,
    pub(super) took: Duration,
}

/// Lets the client ask a server that gives one of these answers on each connection.
pub(super) fn play(words: &[&str], answers: Vec<Vec<u8>>) -> Result<Seen, Failure> {
    let answer = answers.first().cloned().unwrap_or_default();
    let broken = |error: wire::WireError| Failure::new("a scripted server", error.message());
    let script = Script::start(answers.into_iter().map(|it| vec![it]).collect()).map_err(broken)?;
    let url = format!("http://{}/scripted?x=1", script.addr());
    let words = [words, &[url.as_str()]].concat();
    let (out, took) = run_client(&words)?;
    Ok(Seen {
        command: format!("client {}", words.join(" ")),
        answer,
        heads: script.heads(),
        out,
        took,
    })
}

impl Seen {
    pub(super) fn requests(&self, count: usize) -> Result<(), Failure> {
        let plural = if count == 1 { "" } else { "s" };
        let expected = format!("{count} request{plural}");
        self.require(self.heads.len() == count, expected, format!("{}", self.heads.len()))
    }

    pub(super) fn shows(&self, status: u16) -> Result<(), Failure> {
        let right = self.out.starts_with(&format!("HTTP/1.1 {status} "))
            && self.out.matches("HTTP/1.1 ").count() == 1;
        let expected = format!("only the last answer on standard output, which is {status}");
        self.require(right, expected, &self.out)
    }

    pub(super) fn at_once(&self) -> Result<(), Failure> {
        let got = format!("it took {:?}", self.took);
        self.require(self.took < AT_ONCE, "the end without a wait", got)
    }

    pub(super) fn require(
        &self,
        holds: bool,
        expected: impl Into<String>,
        got: impl Into<String>,
    ) -> Result<(), Failure> {
        if holds {
            return Ok(());
        }
        let expected = format!("{} of `{}`", expected.into(), self.command);
        let sent = self.heads.first().cloned().unwrap_or_default();
        Err(Failure::new(expected, got).with_bytes(sent.as_bytes(), &self.answer))
    }
}

/// Runs the chapter's client, which is built together with the checks, and returns what it has printed.
pub(super) fn run_client(words: &[&str]) -> Result<(String, Duration), Failure> {
    let command = format!("client {}", words.join(" "));
    let failed = |got: String| Failure::new(format!("`{command}` prints an answer"), got);
    // These checks are in a folder beside that of the examples.
    let client = env::current_exe()
        .ok()
        .and_then(|me| Some(me.parent()?.parent()?.join("examples").join("client")))
        .ok_or_else(|| failed("the client cannot be found".to_string()))?
        .with_extension(env::consts::EXE_EXTENSION);
    let started = Instant::now();
    let mut child = Command::new(&client)
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(format!("{} cannot be started: {error}", client.display())))?;
    // What it prints fits into a pipe, so it need not be read before the end.
    let ended = loop {
        match child.try_wait() {
            Ok(None) if started.elapsed() < PATIENCE => thread::sleep(Duration::from_millis(5)),
            Ok(ended) => break ended,
            Err(error) => return Err(failed(error.to_string())),
        }
    };
    let took = started.elapsed();
    if ended.is_none() {
        // It may end at this very moment.
        let _ = child.kill();
    }
    let output = child.wait_with_output().map_err(|error| failed(error.to_string()))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = text(&output.stderr);
    match ended {
        Some(status) if status.success() => Ok((text(&output.stdout), took)),
        Some(status) => Err(failed(format!("{status}\non standard error it said:\n{said}"))),
        None => Err(failed(format!("it still ran after {PATIENCE:?}\n{said}"))),
    }
}
