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

    /// Learners and pages refer to a stage by its number and by its name. The titles are in the book's table.
    #[test]
    fn numbers_and_names_of_stages_are_these() {
        let names = "echo large-stream reset idle side-by-side bounded task-panic stop response header-section body \
            keep-alive chunked smuggling slow-client parameters methods collection request-id handler-panic cors gzip \
            rate-limit health static-files conditional slow-and-idle overload drain";
        let expected: Vec<_> = (1..).zip(names.split(' ')).collect();
        let found: Vec<_> = stages().iter().map(|stage| (stage.number, stage.name)).collect();
        assert_eq!(found, expected);
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
