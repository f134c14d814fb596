//! Stall detection for the shedder: checks whether another permit makes progress.

use std::time::{Duration, Instant};

/// The progress of the other permits, as observed by the shedder.
#[derive(Debug)]
pub(super) struct ProgressWatch {
    epochs: Vec<u64>,
    last_progress: Option<Instant>,
}

impl ProgressWatch {
    /// Creates a watch that has observed no progress yet.
    pub(super) fn begin(epochs: impl Iterator<Item = u64>) -> ProgressWatch {
        ProgressWatch { epochs: epochs.collect(), last_progress: None }
    }

    /// Compares the epochs with the last observed ones. Returns whether there was progress within
    /// `stall_timeout`: a step has begun or ended, or a permit runs no step, so its thread waits
    /// for events.
    pub(super) fn sees_work(
        &mut self,
        epochs: impl Iterator<Item = u64>,
        now: Instant,
        stall_timeout: Duration,
    ) -> bool {
        let epochs: Vec<u64> = epochs.collect();
        if epochs.iter().any(|epoch| epoch.is_multiple_of(2)) || epochs != self.epochs {
            self.last_progress = Some(now);
        }
        self.epochs = epochs;
        self.last_progress.is_some_and(|last| now - last < stall_timeout)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn progress_counts_until_the_stall_timeout() {
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
    fn with_a_single_permit_there_is_no_other_progress() {
        let mut watch = ProgressWatch::begin([].into_iter());
        assert!(!watch.sees_work([].into_iter(), Instant::now(), Duration::from_secs(1)));
    }

    #[test]
    fn an_idle_permit_counts_as_progress_for_any_time() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut watch = ProgressWatch::begin([8, 9].into_iter());
        for after in [1, 10, 100] {
            let now = start + after * second;
            assert!(watch.sees_work([8, 9].into_iter(), now, second), "{after}");
        }
    }
}
