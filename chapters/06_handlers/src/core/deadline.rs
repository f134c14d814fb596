//! A deadline: a fixed point in time that bounds every wait.

use std::time::{Duration, Instant};

/// A point in time by which an operation must be complete.
///
/// A timeout that restarts with every read never expires for a peer that sends one byte a second
/// (slowloris). A deadline is fixed once, and every wait uses only the time that is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline(Instant);

impl Deadline {
    /// Returns the deadline `time` from now, on the monotonic clock.
    pub fn after(time: Duration) -> Deadline {
        Deadline(Instant::now() + time)
    }

    /// Returns the time that is left, or `None` once the deadline has passed. It is never `Some` of
    /// zero, which the socket API reads as "no timeout" and the standard library rejects.
    pub fn remaining(self) -> Option<Duration> {
        let left = self.0.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remaining_time_shrinks_and_never_exceeds_the_whole() {
        let deadline = Deadline::after(Duration::from_secs(60));
        let first = deadline.remaining().unwrap();
        let second = deadline.remaining().unwrap();
        assert!(second <= first && first <= Duration::from_secs(60));
    }

    #[test]
    fn a_past_deadline_leaves_no_time() {
        assert_eq!(Deadline::after(Duration::ZERO).remaining(), None);
    }
}
