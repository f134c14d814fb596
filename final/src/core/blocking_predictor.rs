//! What a handler is expected to do: to block, or to come back at once.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::blocking::blocking;
use super::parker::was_preempted;

/// How many times a handler that has blocked is expected to block again, before that has to show once more. Without an
/// end, a handler that was only slow on one bad day would be expected to be slow for ever.
const EXPECTED_TO_BLOCK: u32 = 32;

/// A handler that comes back in less is not expected to block any more: the monitor would not have noticed it.
const NOT_BLOCKING: Duration = Duration::from_millis(5);

/// Whether a handler has blocked lately. Each route has one.
///
/// The monitor finds out that a handler blocks by waiting for it, and everybody behind it waits as long. What it has
/// found out once need not be found out again: a handler that asks a database does so for each request.
#[derive(Debug, Default)]
pub struct BlockingPredictor {
    /// How many more times the handler is expected to block.
    expected: AtomicU32,
}

impl BlockingPredictor {
    /// Runs the handler, and without this thread's permit if it is expected to block.
    pub fn run<T>(&self, handler: impl FnOnce() -> T) -> T {
        let expected = self.expected.load(Ordering::Relaxed);
        if expected == 0 {
            let _observation = Observation { predictor: self, start: None };
            return handler();
        }
        // Two threads that store the same number at once count one time too few, which is as good.
        self.expected.store(expected - 1, Ordering::Relaxed);
        let _observation = Observation { predictor: self, start: Some(Instant::now()) };
        blocking(handler)
    }
}

/// What is learned when a handler has come back, or has panicked. Whoever held its answer until then would have to move
/// it once more.
struct Observation<'a> {
    predictor: &'a BlockingPredictor,
    /// When the handler began that is expected to block.
    start: Option<Instant>,
}

impl Drop for Observation<'_> {
    fn drop(&mut self) {
        match self.start {
            None if was_preempted() => {
                self.predictor.expected.store(EXPECTED_TO_BLOCK, Ordering::Relaxed);
            }
            Some(start) if start.elapsed() < NOT_BLOCKING => {
                self.predictor.expected.store(0, Ordering::Relaxed);
            }
            _ => {}
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[test]
    fn a_handler_that_panics_at_once_is_not_expected_to_block_any_more() {
        let predictor = BlockingPredictor { expected: AtomicU32::new(EXPECTED_TO_BLOCK) };
        // Not each of these is brief on a machine that is busy.
        let is_trusted = (1..EXPECTED_TO_BLOCK).any(|_| {
            let panicked = catch_unwind(AssertUnwindSafe(|| predictor.run(|| panic!("at once"))));
            assert!(panicked.is_err());
            predictor.expected.load(Ordering::Relaxed) == 0
        });
        assert!(is_trusted);
        assert_eq!(predictor.run(|| 7), 7);
    }

    #[test]
    fn a_handler_that_goes_on_blocking_is_believed_to_once_less_each_time() {
        let predictor = BlockingPredictor { expected: AtomicU32::new(3) };
        for left in [2, 1, 0] {
            predictor.run(|| std::thread::sleep(NOT_BLOCKING));
            assert_eq!(predictor.expected.load(Ordering::Relaxed), left);
        }
    }
}
