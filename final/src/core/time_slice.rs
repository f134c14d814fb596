//! How long one step of a connection may take before others get a turn.

use std::time::{Duration, Instant};

/// A step should end after so much time. To give the thread to another connection costs some five microseconds, a
/// hundredth of it. And a request that comes in behind a thousand clients who all have a step left waits for so many steps.
const SLICE: Duration = Duration::from_micros(500);

/// The time of one step. It begins with the first question whether it is over, so a step that never asks needs no clock.
#[derive(Debug, Default)]
pub struct TimeSlice {
    end: Option<Instant>,
}

impl TimeSlice {
    /// Whether the step has taken long enough.
    pub fn is_over(&mut self, clock: &dyn Fn() -> Instant) -> bool {
        let now = clock();
        now >= *self.end.get_or_insert(now + SLICE)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_slice_begins_with_the_first_question_and_is_over_after_its_time() {
        let now = Cell::new(Instant::now());
        let clock = || now.get();
        let mut slice = TimeSlice::default();
        now.set(now.get() + 10 * SLICE);
        assert!(!slice.is_over(&clock));
        now.set(now.get() + Duration::from_nanos(499_999));
        assert!(!slice.is_over(&clock));
        now.set(now.get() + Duration::from_nanos(1));
        assert!(slice.is_over(&clock));
    }
}
