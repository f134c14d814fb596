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

/// The function of a demonstration, which gets its full name.
type Run = fn(&Setup, &str) -> anyhow::Result<Outcome>;

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
    run: Run,
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

/// The right way: no request fails.
const fn right(topic: Topic, name: &'static str, title: &'static str, run: Run) -> Demonstration {
    Demonstration { topic, name, title, is_wrong: false, why: "", run }
}

/// A mistake: requests fail, or a rate limit is missed.
const fn wrong(topic: Topic, name: &'static str, title: &'static str, run: Run) -> Demonstration {
    Demonstration { topic, name, title, is_wrong: true, why: "", run }
}

impl Demonstration {
    const fn because(self, why: &'static str) -> Demonstration {
        Demonstration { why, ..self }
    }
}

const LIMIT: [Demonstration; 2] = [
    wrong(Topic::Limit, "local", "each replica counts for itself", limit::local)
        .because("Every replica has its own token bucket, so the limit is multiplied by the number of replicas."),
    right(Topic::Limit, "shared", "the replicas share a bucket in Redis", limit::shared)
        .because("There is one bucket, and a token is taken from it in one atomic step."),
];

const KILLED: [Demonstration; 3] = [
    wrong(Topic::Killed, "no-retry", "SIGKILL, the load balancer retries nothing", retries::never)
        .because("Requests in progress die with the process, and so do those that are still sent to its address."),
    right(Topic::Killed, "retry", "SIGKILL, it retries GET, and what was not sent", retries::idempotent)
        .because("GET is idempotent, so it may be sent twice. A POST that was sent and got no response may have been \
                  carried out, so the client has to decide."),
    wrong(Topic::Killed, "retry-post", "a pause (SIGSTOP), it retries POST as well", retries::all)
        .because("A slow replica looks like a dead one. It was only late, and carried the requests out, too."),
];

const ROLLING: [Demonstration; 5] = [
    right(Topic::Rolling, "right", "not ready, delay, drain, start, ready, next", rolling::right)
        .because("Readiness fails and responses close their connections before the socket closes, and the next replica \
                  waits until this one is ready."),
    wrong(Topic::Rolling, "kill", "SIGKILL in place of SIGTERM", rolling::kill)
        .because("Nothing is drained: each POST in progress is lost."),
    wrong(Topic::Rolling, "no-delay", "no stop delay, and no retries", rolling::no_delay)
        .because("The socket closes while the load balancer still takes the replica for ready. Retries can hide this, \
                  and a load balancer for TCP connections (L4) has none."),
    wrong(Topic::Rolling, "next-too-early", "the next stops before the last is ready", rolling::next_too_early)
        .because("If starting takes longer than stopping, there comes a moment when no replica is ready."),
    wrong(Topic::Rolling, "all-at-once", "all replicas at once", rolling::all_at_once)
        .because("Each stop is graceful, but no replica is left for the requests that come next."),
];

const RELEASE: [Demonstration; 2] = [
    right(Topic::Release, "rolled-back", "it must be ready before an old one stops", release::rolled_back)
        .because("The new replica starts beside the old ones. Its readiness never passes, so it gets no request, and \
                  is stopped again."),
    wrong(Topic::Release, "unchecked", "the old ones are replaced without a look at it", release::unchecked)
        .because("Without probes, the load balancer sends requests to the new replicas. With probes it does not, and \
                  after the last good replica it has none."),
];

const IDLE: [Demonstration; 2] = [
    right(Topic::Idle, "server-last", "the server waits longer than the load balancer", idle::server_last)
        .because("Only the side that sends the requests closes, so no request can cross the close."),
    wrong(Topic::Idle, "server-first", "the server's idle timeout ends first", idle::server_first)
        .because("The load balancer sends a POST on a connection that the server has just closed. It gets no response, \
                  and must not retry. Here the load balancer is paused for a moment, to make this likely."),
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
