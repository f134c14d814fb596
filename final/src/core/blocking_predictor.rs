//! Predicts whether a handler will block, so that its permit can move to another thread before it does.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use super::blocking::blocking;
use super::parker::was_preempted;
use super::watchdog::TICK;

/// How many calls of a handler that has blocked are expected to block too. Then it has to show again, because on an
/// overloaded machine every handler looks slow, and a prediction that never ended would stay when the load is gone.
///
/// Without any prediction, 64 connections that get hello beside 8 in a handler that sleeps have 0.78 of the throughput and
/// 2.3 times the p99. Beside 32 it is 0.30 of the throughput.
const EXPECTED_TO_BLOCK: u32 = 32;

/// Whether a handler is expected to block. Each route has a predictor of its own.
///
/// The watchdog needs 5 to 10 ms to notice that a handler blocks, and the events after it in the batch wait as long. A
/// handler that queries a database blocks for each request, so once noticed, it is predicted from then on.
#[derive(Debug, Default)]
pub struct BlockingPredictor {
    /// How many more calls are expected to block.
    expected: AtomicU32,
}

impl BlockingPredictor {
    /// Calls the handler. If it is expected to block, another thread takes over this thread's permit before that.
    pub fn run<T>(&self, handler: impl FnOnce() -> T) -> T {
        let expected = self.expected.load(Ordering::Relaxed);
        if expected == 0 {
            let _observation = Observation { predictor: self, start: None };
            return handler();
        }
        // Load and store need not be atomic together: if two threads store the same number, the prediction lasts one
        // call longer, which does no harm.
        self.expected.store(expected - 1, Ordering::Relaxed);
        let _observation = Observation { predictor: self, start: Some(Instant::now()) };
        blocking(handler)
    }
}

/// Observes one call. It does so when it is dropped, because a handler that blocks may panic after that.
struct Observation<'a> {
    predictor: &'a BlockingPredictor,
    /// When the call began, if it was expected to block.
    start: Option<Instant>,
}

impl Drop for Observation<'_> {
    fn drop(&mut self) {
        match self.start {
            None if was_preempted() => {
                self.predictor.expected.store(EXPECTED_TO_BLOCK, Ordering::Relaxed);
            }
            // The watchdog would not have noticed this call.
            Some(start) if start.elapsed() < TICK => {
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
    fn a_handler_that_panics_quickly_is_no_longer_expected_to_block() {
        let predictor = BlockingPredictor { expected: AtomicU32::new(EXPECTED_TO_BLOCK) };
        // On a busy machine some of these calls take longer than a tick.
        let is_reset = (1..EXPECTED_TO_BLOCK).any(|_| {
            let panicked = catch_unwind(AssertUnwindSafe(|| predictor.run(|| panic!("at once"))));
            assert!(panicked.is_err());
            predictor.expected.load(Ordering::Relaxed) == 0
        });
        assert!(is_reset);
        assert_eq!(predictor.run(|| 7), 7);
    }

    #[test]
    fn each_call_that_blocks_uses_up_one_of_the_expected_calls() {
        let predictor = BlockingPredictor { expected: AtomicU32::new(3) };
        for left in [2, 1, 0] {
            predictor.run(|| std::thread::sleep(TICK));
            assert_eq!(predictor.expected.load(Ordering::Relaxed), left);
        }
    }
}
