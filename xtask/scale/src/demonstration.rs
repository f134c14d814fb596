//! The demonstrations, in the order in which they run.

use std::fs;

use anyhow::Context;

use crate::deployment::Setup;
use crate::load::Outcome;
use crate::{idle, limit, restart};

/// The topic of several demonstrations.
#[derive(Debug)]
pub struct Topic {
    /// Its name on the command line.
    pub name: &'static str,
    /// A one-line description.
    pub title: &'static str,
    /// The experiments, in order.
    pub demonstrations: &'static [Demonstration],
}

/// An experiment that can be run.
#[derive(Debug, Clone, Copy)]
pub struct Demonstration {
    /// Its name, which begins with the name of the topic.
    pub name: &'static str,
    /// The experiment, in a few words.
    pub title: &'static str,
    /// Whether it demonstrates a mistake, so that failed requests or a missed rate limit are expected.
    pub is_wrong: bool,
    /// Whether it needs redis-server, and the server's feature `redis`.
    pub needs_redis: bool,
    /// The explanation of the result.
    pub why: &'static str,
    run: Run,
}

/// The function of a demonstration. The directory of its setup is the demonstration's own.
type Run = fn(&Setup) -> anyhow::Result<Outcome>;

impl Demonstration {
    /// Runs it.
    ///
    /// # Errors
    /// Returns an error when a program cannot be started or does not work as expected.
    pub fn run(&self, setup: &Setup) -> anyhow::Result<Outcome> {
        let directory = setup.directory.join(self.name);
        let cannot = || format!("cannot create {}", directory.display());
        fs::create_dir_all(&directory).with_context(cannot)?;
        (self.run)(&Setup { directory, ..setup.clone() })
    }

    const fn because(self, why: &'static str) -> Demonstration {
        Demonstration { why, ..self }
    }

    const fn with_redis(self) -> Demonstration {
        Demonstration { needs_redis: true, ..self }
    }
}

/// The right way: no request fails.
const fn right(name: &'static str, title: &'static str, run: Run) -> Demonstration {
    Demonstration { name, title, is_wrong: false, needs_redis: false, why: "", run }
}

/// A mistake: requests fail, or a rate limit is missed.
const fn wrong(name: &'static str, title: &'static str, run: Run) -> Demonstration {
    Demonstration { is_wrong: true, ..right(name, title, run) }
}

/// All of them, in order.
pub const TOPICS: &[Topic] = &[
    Topic {
        name: "limit",
        title: "One client, and a limit of 5 requests",
        demonstrations: &[
            wrong("limit-local", "each replica counts for itself", limit::local)
                .because("Every replica has its own token bucket, so the limit is multiplied by the number of \
                          replicas."),
            right("limit-shared", "the replicas share a bucket in Redis", limit::shared)
                .because("There is one bucket, and a token is taken from it in one atomic step.")
                .with_redis(),
        ],
    },
    Topic {
        name: "killed",
        title: "A replica dies under load",
        demonstrations: &[
            wrong("killed-no-retry", "SIGKILL, the load balancer retries nothing", restart::kill_without_retries)
                .because("Requests in progress die with the process, and so do those that are still sent to its \
                          address."),
            right("killed-retry", "SIGKILL, it retries GET, and what was not sent", restart::kill_with_retries)
                .because("GET is idempotent, so it may be sent twice. A POST that was sent and got no response \
                          may have been carried out, so the client has to decide."),
            wrong("killed-retry-post", "a pause (SIGSTOP), it retries POST as well", restart::pause_with_all_retries)
                .because("A slow replica looks like a dead one. It was only late, and carried the requests out, \
                          too."),
        ],
    },
    Topic {
        name: "rolling",
        title: "A rolling restart: each replica in turn",
        demonstrations: &[
            right("rolling-right", "not ready, delay, drain, start, ready, next", restart::right)
                .because("Readiness fails and responses close their connections before the socket closes, and \
                          the next replica waits until this one is ready."),
            wrong("rolling-kill", "SIGKILL in place of SIGTERM", restart::kill_each)
                .because("Nothing is drained: each POST in progress is lost."),
            wrong("rolling-no-delay", "no stop delay, and no retries", restart::without_delay)
                .because("The socket closes while the load balancer still takes the replica for ready. Retries \
                          can hide this, and a load balancer for TCP connections (L4) has none."),
            wrong("rolling-next-too-early", "the next stops before the last is ready", restart::next_too_early)
                .because("If starting takes longer than stopping, there comes a moment when no replica is ready."),
            wrong("rolling-all-at-once", "all replicas at once", restart::all_at_once)
                .because("Each stop is graceful, but no replica is left for the requests that come next."),
        ],
    },
    Topic {
        name: "release",
        title: "A bad release: it listens, but is never ready",
        demonstrations: &[
            right("release-rolled-back", "it must be ready before an old one stops", restart::probed_release)
                .because("The new replica starts beside the old ones. Its readiness never passes, so it gets no \
                          request, and is stopped again."),
            wrong("release-unchecked", "the old ones are replaced without a look at it", restart::unchecked_release)
                .because("Without probes, the load balancer sends requests to the new replicas. With probes it \
                          does not, and after the last good replica it has none."),
        ],
    },
    Topic {
        name: "idle",
        title: "An idle connection is closed while it is used again",
        demonstrations: &[
            right("idle-server-last", "the server waits longer than the load balancer", idle::server_last)
                .because("Only the side that sends the requests closes, so no request can cross the close."),
            wrong("idle-server-first", "the server's idle timeout ends first", idle::server_first)
                .because("The load balancer sends a POST on a connection that the server has just closed. It \
                          gets no response, and must not retry. Here the load balancer is paused for a moment, \
                          to make this likely."),
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_demonstration_fits_into_a_row_and_has_a_reason() {
        for Topic { name: topic, demonstrations, .. } in TOPICS {
            for Demonstration { name, title, why, .. } in *demonstrations {
                assert!(name.starts_with(&format!("{topic}-")), "{name}");
                assert!(title.len() <= 46, "{title}");
                assert!(why.ends_with('.'), "{why}");
            }
        }
    }
}
