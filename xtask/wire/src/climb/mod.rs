//! The stages that a server climbs, from an echo to a server that drains under load.
//!
//! A stage is a short contract and a few checks. They hold for any server in any language that keeps the contract of
//! [`STARTS`](crate::exercise::STARTS): it listens at the address in its last argument and prints
//! `listening on tcp://ADDRESS` (an echo) or `listening on http://ADDRESS` as its first line. The scheme decides which
//! stages apply to it.
//!
//! Numbers and names of stages never change, because learners and pages refer to them.

mod core;
mod foundation;
mod handlers;
mod messages;
mod middleware;
mod routing;
mod tools;
mod whole;

use std::env;
use std::time::Duration;

use crate::exercise::{Check, Failure, Server};

/// The environment variable with the number of seconds that a check waits for a deadline of the server; 12 by default.
pub const DEADLINE_SECONDS: &str = "CLIMB_DEADLINE_SECONDS";

/// Not a stage: detects whether a server speaks HTTP. A server that starts and fails this check is an echo.
pub const SPEAKS_HTTP: &[Check] =
    &[Check { sentence: "the server speaks HTTP", rule: "", run: speaks_http }];

fn speaks_http(server: &Server) -> Result<(), Failure> {
    let first = server.program().stdout_so_far();
    let is_echo = first.lines().next().is_some_and(|line| line.contains("tcp://"));
    if is_echo { Err(Failure::new("http://", "tcp://")) } else { Ok(()) }
}

/// How long a check waits until a server gives up on a client: ten seconds, a common default, and some more.
const DEADLINE: Duration = Duration::from_secs(12);

/// The protocol of a server, by the scheme of the address that it prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `tcp://`: it sends back the bytes that it receives.
    Echo,
    /// `http://`.
    Http,
}

/// One stage.
#[derive(Debug, Clone, Copy)]
pub struct Stage {
    /// Counted from 1, over all phases.
    pub number: u8,
    /// A short name: `keep-alive`.
    pub name: &'static str,
    /// The server's new ability after this stage.
    pub title: &'static str,
    /// The part of the book that it belongs to.
    pub phase: &'static str,
    /// Which servers it is for.
    pub scheme: Scheme,
    /// The requirement, with the routes and bytes that the checks use.
    pub contract: &'static str,
    /// A hint for a server that fails.
    pub hint: &'static str,
    /// The page of the book, from `book/src`.
    pub page: &'static str,
    /// The checks, each against a newly started server.
    pub checks: &'static [Check],
}

/// All stages, in order.
pub fn stages() -> Vec<Stage> {
    [
        foundation::STAGES,
        core::STAGES,
        messages::STAGES,
        routing::STAGES,
        middleware::STAGES,
        handlers::STAGES,
        whole::STAGES,
    ]
    .concat()
}

/// How long a check waits until a server gives up on a client.
fn deadline() -> Duration {
    let seconds = env::var(DEADLINE_SECONDS).ok().and_then(|seconds| seconds.parse().ok());
    seconds.map_or(DEADLINE, Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::path::Path;

    use super::*;

    /// Learners and pages refer to a stage by its number, by its name and by its title.
    #[test]
    fn numbers_names_and_titles_of_stages_are_these() {
        let stages: Vec<String> = stages()
            .iter()
            .map(|stage| format!("{} {}: {}", stage.number, stage.name, stage.title))
            .collect();
        let expected = [
            "1 echo: accepts and echoes",
            "2 large-stream: echoes a large stream in pieces and honours half-close",
            "3 reset: survives a client that resets",
            "4 idle: gives up on a silent client",
            "5 side-by-side: serves four clients at once",
            "6 bounded: bounds its clients: the next one waits or is rejected",
            "7 task-panic: keeps its workers when a task panics",
            "8 stop: finishes transfers in progress on SIGTERM",
            "9 response: sends a response that curl and a browser accept",
            "10 header-section: parses a header section in any pieces, and rejects a malformed one",
            "11 body: reads a Content-Length body, and responds to HEAD without one",
            "12 keep-alive: serves several requests on a connection, in order",
            "13 chunked: decodes a chunked body",
            "14 smuggling: rejects request smuggling",
            "15 slow-client: rejects a slow client with 408",
            "16 parameters: routes with parameters, decoded once",
            "17 methods: rejects a wrong method with 405 and Allow, and handles OPTIONS",
            "18 collection: serves a JSON collection: 201, 400, 415, 422",
            "19 request-id: gives every request an ID and a log line",
            "20 handler-panic: turns a panic into a 500, and keeps running",
            "21 cors: handles a CORS preflight",
            "22 gzip: compresses by q-value",
            "23 rate-limit: limits the rate of a client with 429",
            "24 health: reports liveness and readiness, also while draining",
            "25 static-files: serves files, and none outside their directory",
            "26 conditional: revalidates with ETag and 304",
            "27 slow-and-idle: serves others beside 500 slow and 5,000 idle clients",
            "28 overload: rejects overload instead of suffering it",
            "29 drain: loses nothing when it stops under load",
        ];
        assert_eq!(stages, expected);
    }

    #[test]
    fn every_stage_has_a_contract_a_hint_a_page_and_distinct_checks() {
        let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../book/src");
        let mut sentences = HashSet::new();
        for stage in stages() {
            assert!(!stage.checks.is_empty() && !stage.contract.is_empty(), "{stage:?}");
            assert!(!stage.hint.is_empty() && !stage.title.is_empty(), "{stage:?}");
            assert!(book.join(stage.page).is_file(), "{}: {}", stage.name, stage.page);
            for check in stage.checks {
                assert!(sentences.insert((stage.number, check.sentence)), "{check:?}");
            }
        }
    }
}
