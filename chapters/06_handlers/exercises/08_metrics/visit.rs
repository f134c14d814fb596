//! A visit to the server: what was asked of it, on which everything depends that its page must say.

use std::time::{Duration, Instant};

use wire::exercise::{Answer, Failure, Server};

use super::page::Page;

/// More requests than this are counted in a message, not listed.
const MOST_LISTED: usize = 12;

/// Asks, and keeps a list of what it has asked.
pub(super) struct Visit<'a> {
    server: &'a Server,
    asked: Vec<String>,
}

/// A request, and two times between which the one must lie that the server has measured.
pub(super) struct Timed {
    pub(super) target: String,
    /// So long the handler sleeps.
    pub(super) least: Duration,
    /// So long the client has waited.
    pub(super) most: Duration,
}

impl<'a> Visit<'a> {
    pub(super) fn to(server: &'a Server) -> Visit<'a> {
        Visit { server, asked: Vec::new() }
    }

    pub(super) fn get(&mut self, target: &str) -> Result<Answer, Failure> {
        self.ask("GET", target, &[], b"")
    }

    pub(super) fn ask(
        &mut self,
        method: &str,
        target: &str,
        fields: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Answer, Failure> {
        self.note(format!("{method} {target}"));
        self.server.ask(method, target, fields, body)
    }

    /// Adds to the list what was asked by others, or too often for a list.
    pub(super) fn note(&mut self, asked: impl Into<String>) {
        self.asked.push(asked.into());
    }

    /// What `/metrics` says now.
    pub(super) fn page(&self) -> Result<Page, Failure> {
        Page::of(self.server, self.asked())
    }

    /// The list in words: `GET /users, 3 × GET /panic`.
    fn asked(&self) -> String {
        let runs: Vec<String> = self
            .asked
            .chunk_by(|one, next| one == next)
            .map(|run| match run {
                [one] => one.clone(),
                _ => format!("{} × {}", run.len(), run[0]),
            })
            .collect();
        let listed = runs[..runs.len().min(MOST_LISTED)].join(", ");
        if runs.len() > MOST_LISTED {
            format!("{listed}, … ({} in all)", self.asked.len())
        } else {
            listed
        }
    }
}

/// A GET that must be 200, and how long it took. `least` is what its handler sleeps.
pub(super) fn timed(server: &Server, target: &str, least: Duration) -> Result<Timed, Failure> {
    let mut connection = server.connect()?;
    connection.client().set_patience(Duration::from_secs(15));
    let start = Instant::now();
    let answer = connection.ask("GET", target, &[("Connection", "close")], b"")?;
    let most = start.elapsed();
    answer.status(200)?;
    Ok(Timed { target: target.to_string(), least, most })
}

/// `/slow`, for so many milliseconds.
pub(super) fn slow(server: &Server, milliseconds: u64) -> Result<Timed, Failure> {
    let target = format!("/slow?ms={milliseconds}");
    timed(server, &target, Duration::from_millis(milliseconds))
}

/// What the client has waited: `0.301 s for /slow?ms=300`.
pub(super) fn waited(times: &[Timed]) -> String {
    let one = |it: &Timed| format!("{:.4} s for {}", it.most.as_secs_f64(), it.target);
    times.iter().map(one).collect::<Vec<_>>().join(", ")
}
