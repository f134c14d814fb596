//! Whether there is a thread that could serve: what the reserve has to know before it says no.

use std::time::{Duration, Instant};

/// What was last seen of the permits of the others.
#[derive(Debug)]
pub(super) struct ProgressWatch {
    /// The number of each one's last beginning or end of a turn.
    epochs: Vec<u64>,
    /// When one of them was seen at work, or free to work.
    moved: Option<Instant>,
}

impl ProgressWatch {
    /// Begins when nobody could serve for a while.
    pub(super) fn begin(epochs: impl Iterator<Item = u64>) -> ProgressWatch {
        ProgressWatch { epochs: epochs.collect(), moved: None }
    }

    /// Looks again. Returns whether somebody serves: has no turn running, or has begun or ended one since the last look,
    /// or did so not longer than `stall_timeout` ago.
    pub(super) fn sees_work(
        &mut self,
        epochs: impl Iterator<Item = u64>,
        now: Instant,
        stall_timeout: Duration,
    ) -> bool {
        let epochs: Vec<u64> = epochs.collect();
        if epochs.iter().any(|epoch| epoch.is_multiple_of(2)) || epochs != self.epochs {
            self.moved = Some(now);
        }
        self.epochs = epochs;
        self.moved.is_some_and(|moved| now - moved < stall_timeout)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn who_moves_serves_until_stall_timeout_is_at_its_end() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut watch = ProgressWatch::begin([7, 9].into_iter());
        for (epoch, after, expected) in [
            ([7, 9], 1, false),
            ([7, 9], 2, false),
            ([8, 9], 3, true),
            ([9, 9], 4, true),
            ([9, 9], 6, true),
            ([9, 9], 7, false),
            ([9, 11], 8, true),
            ([9, 11], 11, false),
        ] {
            let now = start + after * second;
            assert_eq!(
                watch.sees_work(epoch.into_iter(), now, 3 * second),
                expected,
                "{epoch:?}, {after}"
            );
        }
    }

    #[test]
    fn alone_there_is_nobody_else() {
        let mut watch = ProgressWatch::begin([].into_iter());
        assert!(!watch.sees_work([].into_iter(), Instant::now(), Duration::from_secs(1)));
    }

    #[test]
    fn who_has_nothing_to_do_serves_however_long_that_is() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut watch = ProgressWatch::begin([8, 9].into_iter());
        for after in [1, 10, 100] {
            let now = start + after * second;
            assert!(watch.sees_work([8, 9].into_iter(), now, second), "{after}");
        }
    }
}
