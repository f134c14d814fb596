//! The stages of a server, from an echo to a server that drains under load.
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
mod stage;
mod tools;
mod whole;

use crate::exercise::{Check, Failure, Server};

pub use stage::{DEADLINE_SECONDS, Scheme, Stage};

/// Not a stage: detects whether a server speaks HTTP. A server that starts and fails this check is an echo.
pub const SPEAKS_HTTP: &[Check] =
    &[Check { sentence: "the server speaks HTTP", rule: "", run: speaks_http }];

fn speaks_http(server: &Server) -> Result<(), Failure> {
    let first = server.program().stdout_so_far();
    let is_echo = first.lines().next().is_some_and(|line| line.contains("tcp://"));
    if is_echo { Err(Failure::new("http://", "tcp://")) } else { Ok(()) }
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
