//! The demonstrations, in the order in which they run.

use anyhow::bail;

use crate::interrupt::Interrupted;
use crate::outcome::Outcome;
use crate::setup::Setup;
use crate::{idle, limit, release, retries, rolling};

/// The topic of several demonstrations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// A client with a rate limit.
    Limit,
    /// A replica that is killed, and the load balancer's retries.
    Killed,
    /// A rolling restart, done right and done wrong.
    Rolling,
    /// A release that is never ready.
    Release,
    /// The idle timeouts of the load balancer and the server.
    Idle,
}

impl Topic {
    /// All of them, in order.
    pub const ALL: [Topic; 5] =
        [Topic::Limit, Topic::Killed, Topic::Rolling, Topic::Release, Topic::Idle];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Topic::Limit => "limit",
            Topic::Killed => "killed",
            Topic::Rolling => "rolling",
            Topic::Release => "release",
            Topic::Idle => "idle",
        }
    }

    /// A one-line description.
    pub fn title(self) -> &'static str {
        match self {
            Topic::Limit => "One client, and a limit of 5 requests",
            Topic::Killed => "A replica dies under load",
            Topic::Rolling => "A rolling restart: each replica in turn",
            Topic::Release => "A bad release: it listens, but is never ready",
            Topic::Idle => "An idle connection is closed while it is used again",
        }
    }
}

/// An experiment that can be run.
#[derive(Debug, Clone, Copy)]
pub struct Demonstration {
    /// The topic.
    pub topic: Topic,
    /// Its name within the topic.
    pub name: &'static str,
    /// The experiment, in a few words.
    pub title: &'static str,
    /// Whether it demonstrates a mistake, so that failed requests or a missed rate limit are expected.
    pub is_wrong: bool,
    /// The explanation of the result.
    pub why: &'static str,
    run: fn(&Setup, &str) -> anyhow::Result<Outcome>,
}

impl Demonstration {
    /// Its full name, such as `rolling-right`.
    pub fn full_name(&self) -> String {
        format!("{}-{}", self.topic.name(), self.name)
    }

    /// Runs it.
    ///
    /// # Errors
    /// Returns an error when a program cannot be started or does not work as expected, or when the run is interrupted.
    pub fn run(&self, setup: &Setup) -> anyhow::Result<Outcome> {
        let outcome = (self.run)(setup, &self.full_name())?;
        // Ctrl-C in a terminal also ends the load balancer and the replicas, so the counts are meaningless.
        if setup.interrupt.has_arrived() {
            bail!(Interrupted);
        }
        Ok(outcome)
    }
}

/// All demonstrations, in order. `redis` includes the demonstration for which the server needs its feature `redis`.
pub fn demonstrations(redis: bool) -> Vec<Demonstration> {
    let limit = if redis { &LIMIT[..] } else { &LIMIT[..1] };
    [limit, &KILLED, &ROLLING, &RELEASE, &IDLE].concat()
}

const LIMIT: [Demonstration; 2] = [
    Demonstration {
        topic: Topic::Limit,
        name: "local",
        title: "each replica counts for itself",
        is_wrong: true,
        why: "Every replica has its own token bucket, so the limit is multiplied by the number of replicas.",
        run: limit::local,
    },
    Demonstration {
        topic: Topic::Limit,
        name: "shared",
        title: "the replicas share a bucket in Redis",
        is_wrong: false,
        why: "There is one bucket, and a token is taken from it in one atomic step.",
        run: limit::shared,
    },
];

const KILLED: [Demonstration; 3] = [
    Demonstration {
        topic: Topic::Killed,
        name: "no-retry",
        title: "SIGKILL, the load balancer retries nothing",
        is_wrong: true,
        why: "Requests in progress die with the process, and so do those that are still sent to its address.",
        run: retries::never,
    },
    Demonstration {
        topic: Topic::Killed,
        name: "retry",
        title: "SIGKILL, it retries GET, and what was not sent",
        is_wrong: false,
        why: "GET is idempotent, so it may be sent twice. A POST that was sent and got no response may have been carried \
              out, so the client has to decide.",
        run: retries::idempotent,
    },
    Demonstration {
        topic: Topic::Killed,
        name: "retry-post",
        title: "a pause (SIGSTOP), it retries POST as well",
        is_wrong: true,
        why: "A slow replica looks like a dead one. It was only late, and carried the requests out, too.",
        run: retries::all,
    },
];

const ROLLING: [Demonstration; 5] = [
    Demonstration {
        topic: Topic::Rolling,
        name: "right",
        title: "not ready, delay, drain, start, ready, next",
        is_wrong: false,
        why: "Readiness fails and responses close their connections before the socket closes, and the next replica waits \
              until this one is ready.",
        run: rolling::right,
    },
    Demonstration {
        topic: Topic::Rolling,
        name: "kill",
        title: "SIGKILL in place of SIGTERM",
        is_wrong: true,
        why: "Nothing is drained: each POST in progress is lost.",
        run: rolling::kill,
    },
    Demonstration {
        topic: Topic::Rolling,
        name: "no-delay",
        title: "no stop delay, and no retries",
        is_wrong: true,
        why: "The socket closes while the load balancer still takes the replica for ready. Retries can hide this, and a \
              load balancer for TCP connections (L4) has none.",
        run: rolling::no_delay,
    },
    Demonstration {
        topic: Topic::Rolling,
        name: "next-too-early",
        title: "the next stops before the last is ready",
        is_wrong: true,
        why: "If starting takes longer than stopping, there comes a moment when no replica is ready.",
        run: rolling::next_too_early,
    },
    Demonstration {
        topic: Topic::Rolling,
        name: "all-at-once",
        title: "all replicas at once",
        is_wrong: true,
        why: "Each stop is graceful, but no replica is left for the requests that come next.",
        run: rolling::all_at_once,
    },
];

const RELEASE: [Demonstration; 2] = [
    Demonstration {
        topic: Topic::Release,
        name: "rolled-back",
        title: "it must be ready before an old one stops",
        is_wrong: false,
        why: "The new replica starts beside the old ones. Its readiness never passes, so it gets no request, and is \
              stopped again.",
        run: release::rolled_back,
    },
    Demonstration {
        topic: Topic::Release,
        name: "unchecked",
        title: "the old ones are replaced without a look at it",
        is_wrong: true,
        why: "Without probes, the load balancer sends requests to the new replicas. With probes it does not, and after the \
              last good replica it has none.",
        run: release::unchecked,
    },
];

const IDLE: [Demonstration; 2] = [
    Demonstration {
        topic: Topic::Idle,
        name: "server-last",
        title: "the server waits longer than the load balancer",
        is_wrong: false,
        why: "Only the side that sends the requests closes, so no request can cross the close.",
        run: idle::server_last,
    },
    Demonstration {
        topic: Topic::Idle,
        name: "server-first",
        title: "the server's idle timeout ends first",
        is_wrong: true,
        why: "The load balancer sends a POST on a connection that the server has just closed. It gets no response, and \
              must not retry. Here the load balancer is paused for a moment, to make this likely.",
        run: idle::server_first,
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Counts, Front, Interrupt};

    #[test]
    fn an_interrupted_demonstration_has_no_result() {
        let run = |_: &Setup, _: &str| {
            Ok(Outcome { counts: Counts::default(), note: None, is_expected: true })
        };
        let demonstration = Demonstration { run, ..LIMIT[0] };
        let run = |interrupt| {
            let (program, directory) = ("httpserver".into(), "files".into());
            let front = Front::Haproxy;
            demonstration.run(&Setup { program, front, replicas: 3, directory, interrupt })
        };
        assert!(run(Interrupt::default()).is_ok());
        let error = run(Interrupt::arrived()).unwrap_err();
        assert!(error.is::<Interrupted>(), "{error}");
    }

    #[test]
    fn names_are_unique_and_topics_have_a_right_way_or_a_reason() {
        let all = demonstrations(true);
        let mut names: Vec<_> = all.iter().map(Demonstration::full_name).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all.len());
        for demonstration in &all {
            assert!(demonstration.title.len() <= 46, "{}", demonstration.title);
            assert!(demonstration.why.ends_with('.'), "{}", demonstration.why);
        }
    }

    #[test]
    fn there_are_four_wrong_orders_of_a_rolling_restart() {
        assert_eq!(ROLLING.iter().filter(|it| it.is_wrong).count(), 4);
        assert!(!ROLLING[0].is_wrong);
    }
}
