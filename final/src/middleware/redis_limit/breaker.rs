//! A circuit breaker: after a failure, calls fail at once for a while, instead of each after its
//! timeout.

use std::time::{Duration, Instant};

use crate::core::sync::{Mutex, lock};

/// The time for which the breaker stays open after a failure.
pub(super) const PAUSE: Duration = Duration::from_secs(1);

/// The state of the breaker. *Closed*: all calls are made. *Open*: no call is made. After [`PAUSE`]
/// it is *half-open*: one call is made as a probe. Its success closes the breaker, and its failure
/// opens it for another pause.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    /// The end of the pause, or `None` while the breaker is closed.
    open_until: Mutex<Option<Instant>>,
}

impl Breaker {
    /// Returns whether the caller should make its call, and then report the outcome.
    pub(super) fn allows_call(&self, now: Instant) -> bool {
        let mut open_until = lock(&self.open_until);
        match *open_until {
            None => true,
            Some(end) if now < end => false,
            Some(_) => {
                // This call is the probe. If it never reports an outcome, another probe follows.
                *open_until = Some(now + PAUSE);
                true
            }
        }
    }

    /// Closes the breaker after the success of a call that was allowed at `started`. Returns whether
    /// it was open. A call that began before the last failure closes nothing: it was not the probe.
    pub(super) fn succeeded(&self, started: Instant) -> bool {
        let mut open_until = lock(&self.open_until);
        let closes = open_until.is_some_and(|end| started + PAUSE >= end);
        if closes {
            *open_until = None;
        }
        closes
    }

    /// Opens the breaker after a failure. Returns whether it was closed.
    pub(super) fn failed(&self, now: Instant) -> bool {
        lock(&self.open_until).replace(now + PAUSE).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A nanosecond less than the pause.
    const NEARLY: Duration = Duration::from_nanos(999_999_999);

    #[test]
    fn a_failure_opens_it_and_one_call_after_the_pause_is_a_probe() {
        let (breaker, start) = (Breaker::default(), Instant::now());
        assert!(breaker.allows_call(start));
        assert!(breaker.failed(start), "it was closed");
        assert!(!breaker.allows_call(start + NEARLY));
        let later = start + PAUSE;
        assert_eq!([later, later].map(|now| breaker.allows_call(now)), [true, false]);
        assert!(breaker.succeeded(later), "it was open");
        assert_eq!([later, later].map(|now| breaker.allows_call(now)), [true, true]);
        assert!(!breaker.succeeded(later), "it was closed already");
    }

    /// Regression test: a store that was slow for some calls only got nearly as many as before.
    #[test]
    fn a_call_that_began_before_the_failure_does_not_close_it() {
        let (breaker, start) = (Breaker::default(), Instant::now());
        assert!(breaker.allows_call(start));
        let failure = start + Duration::from_millis(1);
        breaker.failed(failure);
        assert!(!breaker.succeeded(start));
        assert!(!breaker.allows_call(failure + NEARLY));
        assert!(breaker.allows_call(failure + PAUSE));
        assert!(!breaker.succeeded(start), "the probe has not succeeded yet");
        assert!(breaker.succeeded(failure + PAUSE));
    }

    #[test]
    fn a_probe_that_fails_opens_it_for_another_pause() {
        let (breaker, start) = (Breaker::default(), Instant::now());
        breaker.failed(start);
        let probe = start + 2 * PAUSE;
        assert!(breaker.allows_call(probe));
        let timeout = probe + Duration::from_millis(50);
        assert!(!breaker.failed(timeout), "it was open already");
        assert!(!breaker.allows_call(timeout + NEARLY));
        assert!(breaker.allows_call(timeout + PAUSE));
    }

    #[test]
    fn a_probe_without_an_outcome_is_followed_by_another() {
        let (breaker, start) = (Breaker::default(), Instant::now());
        breaker.failed(start);
        for pauses in 1..4 {
            assert!(breaker.allows_call(start + pauses * PAUSE));
        }
    }
}
