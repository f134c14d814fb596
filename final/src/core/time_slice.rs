//! The time slice: a limit on the time for which one step of a connection may run while other
//! connections wait.

use std::time::{Duration, Instant};

/// The time after which a step should end. A switch to another connection takes about 5 us, a
/// hundredth of this time. With one permit, a request that has to wait for a thousand clients, each
/// with work for a whole slice, waits half a second.
const SLICE: Duration = Duration::from_micros(500);

/// The time slice of one step. It begins with the first call to [`is_over`](TimeSlice::is_over), so
/// a step that never calls it does not read the clock.
#[derive(Debug, Default)]
pub struct TimeSlice {
    end: Option<Instant>,
}

impl TimeSlice {
    /// Returns whether the step should end.
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
    fn a_slice_begins_with_the_first_call_and_is_over_after_its_time() {
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
