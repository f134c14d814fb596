//! A visit to the server: the requests sent to it, which determine the expected page.

use std::time::{Duration, Instant};

use wire::exercise::{Answer, Failure, Server};

use super::page::Page;

/// The maximum number of requests that a message lists. Further ones are only counted.
const MOST_LISTED: usize = 12;

/// Sends requests, and keeps a list of them.
pub(super) struct Visit<'a> {
    server: &'a Server,
    asked: Vec<String>,
}

/// A request, and the two bounds of the time that the server must have measured.
pub(super) struct Timed {
    pub(super) target: String,
    /// The time that the handler sleeps.
    pub(super) least: Duration,
    /// The time that the client has waited.
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

    /// Adds to the list requests of others, or requests that are too many for a list.
    pub(super) fn note(&mut self, asked: impl Into<String>) {
        self.asked.push(asked.into());
    }

    /// The current contents of `/metrics`.
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

/// A GET that must be 200, and how long it took. `least` is the time that its handler sleeps.
pub(super) fn timed(server: &Server, target: &str, least: Duration) -> Result<Timed, Failure> {
    let mut connection = server.connect()?;
    connection.client().set_patience(Duration::from_secs(15));
    let start = Instant::now();
    let answer = connection.ask("GET", target, &[("Connection", "close")], b"")?;
    let most = start.elapsed();
    answer.status(200)?;
    Ok(Timed { target: target.to_string(), least, most })
}

/// A request for `/slow` with `milliseconds`.
pub(super) fn slow(server: &Server, milliseconds: u64) -> Result<Timed, Failure> {
    let target = format!("/slow?ms={milliseconds}");
    timed(server, &target, Duration::from_millis(milliseconds))
}

/// The times that the client has waited: `0.301 s for /slow?ms=300`.
pub(super) fn waited(times: &[Timed]) -> String {
    let one = |it: &Timed| format!("{:.4} s for {}", it.most.as_secs_f64(), it.target);
    times.iter().map(one).collect::<Vec<_>>().join(", ")
}
