//! Predicts whether a handler will block, so that its permit can move to another thread before the
//! call.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use super::blocking::blocking;
use super::parker::was_preempted;
use super::watchdog::TICK;

/// The number of calls to a handler that are expected to block after one call has blocked. After
/// them, the handler has to block once more to be predicted again: on an overloaded machine every
/// handler looks slow, and a prediction without an end would outlast the load.
///
/// Without any prediction, 64 connections that request `/hello` while 8 are in a handler that
/// sleeps get 0.78 of the throughput at 2.3 times the p99. With 32 sleeping connections they get
/// 0.30 of the throughput.
const EXPECTED_TO_BLOCK: u32 = 32;

/// A prediction of whether a handler will block. Each route has its own predictor.
///
/// The watchdog needs 5 to 10 ms to detect that a handler blocks, and the later events in the batch
/// wait as long. A handler that queries a database blocks on every request, so after the first
/// detection the next calls are predicted to block.
#[derive(Debug, Default)]
pub struct BlockingPredictor {
    /// The number of further calls that are expected to block.
    expected: AtomicU32,
}

impl BlockingPredictor {
    /// Calls the handler. If the handler is expected to block, another thread takes over this
    /// thread's permit before the call.
    pub fn run<T>(&self, handler: impl FnOnce() -> T) -> T {
        let expected = self.expected.load(Ordering::Relaxed);
        if expected == 0 {
            let _observation = Observation { predictor: self, start: None };
            return handler();
        }
        // The load and the store need not be one atomic operation: if two threads store the same
        // number, the prediction only lasts for one more call.
        self.expected.store(expected - 1, Ordering::Relaxed);
        let _observation = Observation { predictor: self, start: Some(Instant::now()) };
        blocking(handler)
    }
}

/// The observation of one call. It is recorded on drop, because a handler may panic after it has
/// blocked.
struct Observation<'a> {
    predictor: &'a BlockingPredictor,
    /// The start of the call, if the call was expected to block.
    start: Option<Instant>,
}

impl Drop for Observation<'_> {
    fn drop(&mut self) {
        match self.start {
            None if was_preempted() => {
                self.predictor.expected.store(EXPECTED_TO_BLOCK, Ordering::Relaxed);
            }
            // The call was too short for the watchdog to detect.
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
        // On a busy machine some of these calls take longer than a tick, so one short call is
        // enough.
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
