//! Runs the client against a server that follows a script, and records everything that the client does.

use std::fmt::Write;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use wire::Script;
use wire::exercise::{self, Failure};

/// The maximum time that the client may take, whatever it waits for.
pub(super) const PATIENCE: Duration = Duration::from_secs(12);

/// A shorter time does not count as a wait, even on a slow machine.
pub(super) const AT_ONCE: Duration = Duration::from_secs(6);

/// A client that still runs this long after a response is waiting.
const A_WHILE: Duration = Duration::from_secs(1);

/// A response with this status, these field lines and this body.
pub(super) fn refusal(status: u16, lines: &[&str], body: &str) -> Vec<u8> {
    let lines: String = lines.iter().flat_map(|line| [line, "\r\n"]).collect();
    format!("HTTP/1.1 {status} X\r\n{lines}Content-Length: {}\r\n\r\n{body}", body.len())
        .into_bytes()
}

pub(super) fn ok() -> Vec<u8> {
    refusal(200, &[], "at last")
}

/// The exchange between a client and a server that follows a script.
pub(super) struct Seen {
    /// The responses of the script.
    answers: Vec<Vec<u8>>,
    /// The header sections of the requests, each with the time since the client's start.
    heads: Vec<(Duration, String)>,
    pub(super) ran: Ran,
}

/// One run of the client.
pub(super) struct Ran {
    /// The command line with which a user runs it.
    command: String,
    /// `None` if it was stopped.
    status: Option<ExitStatus>,
    /// Its standard output.
    pub(super) out: String,
    /// Its standard error.
    said: String,
    pub(super) took: Duration,
    began: Instant,
}

/// Runs the client against a server that sends one of these responses on each connection.
pub(super) fn play(words: &[&str], answers: Vec<Vec<u8>>) -> Result<Seen, Failure> {
    let seen = stage(words, answers, |_, took| took >= PATIENCE)?;
    match seen.ran.problem() {
        None => Ok(seen),
        Some(got) => Err(seen.failure("a response on standard output, and exit code 0", &got)),
    }
}

/// Runs the client against a server with this response. The client must then wait, and is stopped as soon as that is
/// certain.
pub(super) fn waits_after(words: &[&str], answer: Vec<u8>) -> Result<(), Failure> {
    let seen = stage(words, vec![answer, ok()], |script, took| {
        let asked = script.arrivals().first().map(|(at, _)| at.elapsed());
        took >= PATIENCE || asked.is_some_and(|since| since >= A_WHILE)
    })?;
    seen.requests(1)?;
    let got = "it ended before, without a wait";
    seen.require(
        seen.ran.status.is_none(),
        "a wait, of which this check sees the first second",
        got,
    )
}

fn stage(
    words: &[&str],
    answers: Vec<Vec<u8>>,
    stop: impl Fn(&Script, Duration) -> bool,
) -> Result<Seen, Failure> {
    let broken = |error: wire::WireError| Failure::new("a scripted server", error.message());
    let each = answers.iter().map(|it| vec![it.clone()]).collect();
    let script = Script::start(each).map_err(broken)?;
    let url = format!("http://{}/scripted?x=1", script.addr());
    let ran = Ran::with([words, &[url.as_str()]].concat(), |took| stop(&script, took))?;
    let heads = script.arrivals().into_iter().map(|(at, head)| (at - ran.began, head)).collect();
    Ok(Seen { answers, heads, ran })
}

impl Seen {
    pub(super) fn requests(&self, count: usize) -> Result<(), Failure> {
        self.require(self.heads.len() == count, requests(count), requests(self.heads.len()))
    }

    /// The client must send so many requests, and then show the last response, which has this status.
    pub(super) fn ends(&self, count: usize, status: u16) -> Result<(), Failure> {
        self.requests(count)?;
        let out = &self.ran.out;
        let right = out.starts_with(&format!("HTTP/1.1 {status} "))
            && out.matches("HTTP/1.1 ").count() == 1;
        let expected = format!("only the last response on standard output, which is {status}");
        self.require(right, expected, out)
    }

    pub(super) fn at_once(&self) -> Result<(), Failure> {
        let got = format!("it took {}", seconds(self.ran.took));
        self.require(self.ran.took < AT_ONCE, "the end without a wait", got)
    }

    /// The time from request `number`, counted from 0, to the next one. The wait between them is at most
    /// this long.
    pub(super) fn gap(&self, number: usize) -> Option<Duration> {
        Some(self.heads.get(number + 1)?.0.saturating_sub(self.heads[number].0))
    }

    pub(super) fn require(
        &self,
        holds: bool,
        expected: impl AsRef<str>,
        got: impl AsRef<str>,
    ) -> Result<(), Failure> {
        if holds { Ok(()) } else { Err(self.failure(expected.as_ref(), got.as_ref())) }
    }

    /// A failure that shows the whole exchange. It cannot be repeated with curl, because the server was started by
    /// this check and has ended.
    fn failure(&self, expected: &str, got: &str) -> Failure {
        let mut story = String::from(
            "\na server of this check has answered, which is gone now. This is what it saw:",
        );
        for (number, (at, head)) in self.heads.iter().enumerate() {
            let line = head.lines().next().unwrap_or_default();
            let answer =
                self.answers.get(number).map_or("no response".to_string(), |it| summary(it));
            let _ = write!(story, "\n  {}  {line}  ->  {answer}", seconds(*at));
        }
        let ended = if self.ran.status.is_some() { "the client ended" } else { "it was stopped" };
        let _ = write!(story, "\n  {}  {ended}", seconds(self.ran.took));
        self.ran.failure(expected, &(got.trim_end().to_string() + &story))
    }
}

impl Ran {
    /// Runs the chapter's client, which is built together with the checks, until it ends or is stopped.
    pub(super) fn with(words: Vec<&str>, stop: impl Fn(Duration) -> bool) -> Result<Ran, Failure> {
        let command =
            format!("cargo run -q -p ch05_middleware --example client -- {}", words.join(" "));
        let failed = |got: String| Failure::new(format!("`{command}` is started"), got);
        let client = exercise::example("client");
        let began = Instant::now();
        let mut child = Command::new(&client)
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| failed(format!("{} cannot be started: {error}", client.display())))?;
        // Its output fits into a pipe, so it need not be read before the end.
        let status = loop {
            match child.try_wait() {
                Ok(None) if !stop(began.elapsed()) => thread::sleep(Duration::from_millis(5)),
                Ok(status) => break status,
                Err(error) => return Err(failed(error.to_string())),
            }
        };
        let took = began.elapsed();
        if status.is_none() {
            // An error means that it has just ended.
            let _ = child.kill();
        }
        let output = child.wait_with_output().map_err(|error| failed(error.to_string()))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, said) = (text(&output.stdout), text(&output.stderr));
        Ok(Ran { command, status, out, said, took, began })
    }

    /// The reason why it has failed, if it has.
    pub(super) fn problem(&self) -> Option<String> {
        match self.status {
            Some(status) if status.success() => None,
            Some(status) => Some(status.to_string()),
            None => Some(format!("it still ran after {}", seconds(PATIENCE))),
        }
    }

    pub(super) fn failure(&self, expected: &str, got: &str) -> Failure {
        let said = if self.said.is_empty() {
            "on standard error the client said nothing".to_string()
        } else {
            format!("on standard error the client said:\n{}", self.said)
        };
        let expected = format!("{expected}\nof `{}`", self.command);
        Failure::new(expected, format!("{}\n{said}", got.trim_end()))
    }
}

/// The relevant part of a response: `429, Retry-After: 1`.
fn summary(answer: &[u8]) -> String {
    let text = String::from_utf8_lossy(answer);
    let mut lines = text.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
    let field = lines
        .take_while(|line| !line.is_empty())
        .find(|line| line.to_ascii_lowercase().starts_with("retry-after:"));
    format!("{status}, {}", field.unwrap_or("no Retry-After"))
}

/// `1 request`
fn requests(count: usize) -> String {
    if count == 1 { "1 request".to_string() } else { format!("{count} requests") }
}

/// `0.300 s`
pub(super) fn seconds(time: Duration) -> String {
    format!("{:.3} s", time.as_secs_f64())
}
