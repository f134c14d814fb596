//! A point in time after which nobody waits any longer.

use std::time::{Duration, Instant};

/// A point in time by which something must have happened.
///
/// A timeout that starts again with every read never ends for a peer that sends one byte a second.
/// A deadline is fixed once, and every wait on the way asks what is left of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline(Instant);

impl Deadline {
    /// The deadline that lies `time` from now, on the monotonic clock.
    pub fn after(time: Duration) -> Deadline {
        Deadline(Instant::now() + time)
    }

    /// The time that is left, or `None` once it has passed. Never `Some` of zero, because the socket
    /// API takes a timeout of zero to mean "no timeout" and the standard library refuses it.
    pub fn remaining(self) -> Option<Duration> {
        let left = self.0.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_remains_shrinks_and_never_exceeds_the_whole() {
        let deadline = Deadline::after(Duration::from_secs(60));
        let first = deadline.remaining().unwrap();
        let second = deadline.remaining().unwrap();
        assert!(second <= first && first <= Duration::from_secs(60));
    }

    #[test]
    fn a_deadline_that_has_passed_leaves_nothing() {
        assert_eq!(Deadline::after(Duration::ZERO).remaining(), None);
    }
}
