//! Predicts whether a handler will block, so that its permit can move to another thread before the
//! call.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use super::blocking::blocking;
use super::parker::was_preempted;
use super::watchdog::TICK;

/// The number of calls after which a handler has to block once more to stay predicted: on an
/// overloaded machine every handler looks slow, and a prediction without an end would outlast the
/// load. The last of these calls is the probe.
///
/// Without any prediction, 64 connections that request `/hello` while 8 are in a handler that
/// sleeps get 0.44 of the throughput at 2.9 times the p99. With 32 sleeping connections they get
/// less than 0.01 of the throughput.
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
        // The load and the store need not be one atomic operation: if two threads store the same
        // number, the prediction only lasts for one more call.
        let call = match expected {
            0 => Call::NotExpected,
            1 => {
                self.expected.store(EXPECTED_TO_BLOCK, Ordering::Relaxed);
                Call::Probe
            }
            more => {
                self.expected.store(more - 1, Ordering::Relaxed);
                Call::Expected { start: Instant::now() }
            }
        };
        let is_expected = matches!(call, Call::Expected { .. });
        let _observation = Observation { predictor: self, call };
        if is_expected { blocking(handler) } else { handler() }
    }
}

/// What was expected of a call.
enum Call {
    NotExpected,
    /// The handler may have changed, so this call keeps its permit to find out. Calls on other
    /// threads are still expected to block until it ends. If they were not, they would stall one
    /// permit after the other, and the p99 of `/hello` beside 8 sleeping connections is 1.9 times
    /// as high.
    Probe,
    Expected {
        start: Instant,
    },
}

/// The observation of one call. It is recorded on drop, because a handler may panic after it has
/// blocked.
struct Observation<'a> {
    predictor: &'a BlockingPredictor,
    call: Call,
}

impl Drop for Observation<'_> {
    fn drop(&mut self) {
        let expected = match self.call {
            Call::NotExpected if was_preempted() => EXPECTED_TO_BLOCK,
            Call::Probe if !was_preempted() => 0,
            // The call was too short for the watchdog to detect.
            Call::Expected { start } if start.elapsed() < TICK => 0,
            _ => return,
        };
        self.predictor.expected.store(expected, Ordering::Relaxed);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::core::parker::{self, Parker};

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
        for left in [2, 1] {
            predictor.run(|| std::thread::sleep(TICK));
            assert_eq!(predictor.expected.load(Ordering::Relaxed), left);
        }
    }

    #[test]
    fn calls_are_expected_to_block_while_a_probe_runs_and_after_it_has_blocked() {
        let parker = Parker::new(1);
        parker::attach(&parker);
        for (is_preempted, after) in [(true, EXPECTED_TO_BLOCK), (false, 0)] {
            let predictor = BlockingPredictor { expected: AtomicU32::new(1) };
            predictor.run(|| {
                assert_eq!(predictor.expected.load(Ordering::Relaxed), EXPECTED_TO_BLOCK);
                parker.set_preempted(is_preempted);
            });
            assert_eq!(predictor.expected.load(Ordering::Relaxed), after);
        }
    }
}
