//! A stage, and its deadline.

use std::env;
use std::time::Duration;

use crate::exercise::Check;

/// The environment variable with the number of seconds that a check waits for a deadline of the server; 12 by default.
pub const DEADLINE_SECONDS: &str = "CLIMB_DEADLINE_SECONDS";

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
    /// The servers to which the stage applies.
    pub scheme: Scheme,
    /// The requirements, with the routes and bytes that the checks use.
    pub contract: &'static str,
    /// A hint for a server that fails.
    pub hint: &'static str,
    /// The page of the book, from `book/src`.
    pub page: &'static str,
    /// The checks, each against a newly started server.
    pub checks: &'static [Check],
}

/// The facts that the stages of one file have in common.
pub(super) struct Phase {
    pub(super) name: &'static str,
    pub(super) scheme: Scheme,
}

impl Phase {
    /// A stage of this phase, still without its texts and checks.
    pub(super) const fn stage(
        &self,
        number: u8,
        name: &'static str,
        title: &'static str,
        page: &'static str,
    ) -> Stage {
        let Phase { name: phase, scheme } = *self;
        Stage { number, name, title, phase, scheme, contract: "", hint: "", page, checks: &[] }
    }
}

impl Stage {
    pub(super) const fn contract(self, contract: &'static str) -> Stage {
        Stage { contract, ..self }
    }

    pub(super) const fn hint(self, hint: &'static str) -> Stage {
        Stage { hint, ..self }
    }

    pub(super) const fn checks(self, checks: &'static [Check]) -> Stage {
        Stage { checks, ..self }
    }
}

/// How long a check waits until a server gives up on a client.
pub(super) fn deadline() -> Duration {
    let seconds = env::var(DEADLINE_SECONDS).ok().and_then(|seconds| seconds.parse().ok());
    seconds.map_or(DEADLINE, Duration::from_secs)
}
