//! Permits: the scheduler slots of the server.
//!
//! A permit is the right to wait for events and to run steps, like a P in Go's runtime. By default
//! there is one permit for each core. A step handles one event of one connection. A thread without
//! a permit finishes the current step, and then sleeps. When a step does not end, its permit moves
//! to another thread together with the events that are left in the batch.

use std::collections::VecDeque;

use super::poller::Token;
use super::sync::{Mutex, lock};

/// The number of a thread of the pool.
pub type ThreadId = u32;

/// One permit. Every method is atomic, because the lock is held until it returns.
#[derive(Debug)]
pub struct Permit {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    owner: ThreadId,
    /// A counter that is incremented when a step begins and when it ends or loses the permit, so it
    /// is odd while a step runs.
    epoch: u64,
    /// The events that no step has handled yet.
    batch: VecDeque<Token>,
}

/// The next task of a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextTask {
    /// The thread has to run a step for this event.
    Run(Token),
    /// The batch is empty, so the thread has to wait for events.
    Wait,
    /// Another thread holds the permit now.
    Lost,
}

impl State {
    /// Returns whether the step `epoch` is still running.
    fn runs(&self, epoch: u64) -> bool {
        self.epoch == epoch && !epoch.is_multiple_of(2)
    }
}

impl Permit {
    /// Creates a permit that `owner` holds.
    pub fn new(owner: ThreadId) -> Permit {
        Permit { state: Mutex::new(State { owner, epoch: 0, batch: VecDeque::new() }) }
    }

    /// Ends the step that is running, if any. If `thread` still holds the permit and an event is
    /// left, begins the step for that event.
    pub fn next(&self, thread: ThreadId) -> NextTask {
        let mut state = lock(&self.state);
        if state.owner != thread {
            return NextTask::Lost;
        }
        if state.epoch % 2 == 1 {
            state.epoch += 1;
        }
        match state.batch.pop_front() {
            Some(token) => {
                state.epoch += 1;
                NextTask::Run(token)
            }
            None => NextTask::Wait,
        }
    }

    /// Adds events to the batch. `thread` must hold the permit.
    ///
    /// The thread still holds the permit after it has waited for the kernel, because a permit is
    /// only taken away from a running step. So no event is lost between the wait and this call.
    pub fn add(&self, thread: ThreadId, tokens: impl Iterator<Item = Token>) {
        let mut state = lock(&self.state);
        debug_assert_eq!(state.owner, thread);
        state.batch.extend(tokens);
    }

    /// Returns the current epoch. It is odd while a step runs, and identifies that step.
    pub fn epoch(&self) -> u64 {
        lock(&self.state).epoch
    }

    /// Returns the epoch of the step that `thread` runs, or `None` if it no longer holds the
    /// permit.
    pub fn epoch_of(&self, thread: ThreadId) -> Option<u64> {
        let state = lock(&self.state);
        (state.owner == thread && state.epoch % 2 == 1).then_some(state.epoch)
    }

    /// Returns the thread that runs the step `epoch`, or `None` if that step has ended.
    pub fn owner_in(&self, epoch: u64) -> Option<ThreadId> {
        let state = lock(&self.state);
        state.runs(epoch).then_some(state.owner)
    }

    /// Makes `thread` the owner and returns the previous one, if the step `epoch` is still running.
    /// That step continues without a permit.
    pub fn hand_off(&self, epoch: u64, thread: ThreadId) -> Option<ThreadId> {
        let mut state = lock(&self.state);
        // A hand-off to the owner itself would count the running step as ended.
        if !state.runs(epoch) || state.owner == thread {
            return None;
        }
        state.epoch += 1;
        Some(std::mem::replace(&mut state.owner, thread))
    }

    /// Takes all events of the batch if the step `epoch` is still running, because the owner cannot
    /// handle them before that step ends.
    pub fn take_batch(&self, epoch: u64) -> VecDeque<Token> {
        let mut state = lock(&self.state);
        if state.runs(epoch) { std::mem::take(&mut state.batch) } else { VecDeque::new() }
    }

    /// Takes the later half of the batch for an idle thread. The OS may have preempted the owner in
    /// the middle of a step, so these events could wait for long.
    pub fn steal_half(&self) -> VecDeque<Token> {
        let mut state = lock(&self.state);
        let kept = state.batch.len() / 2;
        state.batch.split_off(kept)
    }

    /// Makes `thread` the owner, if `from` is the owner and no step is running. Returns whether the
    /// owner has changed.
    pub fn pass(&self, from: ThreadId, thread: ThreadId) -> bool {
        let mut state = lock(&self.state);
        if state.owner != from || state.epoch % 2 == 1 {
            return false;
        }
        state.owner = thread;
        true
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn tokens(numbers: impl IntoIterator<Item = u64>) -> impl Iterator<Item = Token> {
        numbers.into_iter().map(Token)
    }

    #[test]
    fn a_batch_is_run_in_order_and_then_the_owner_waits() {
        let permit = Permit::new(1);
        assert_eq!(permit.next(1), NextTask::Wait);
        permit.add(1, tokens([5, 6]));
        assert_eq!(permit.epoch_of(1), None);
        assert_eq!(permit.next(1), NextTask::Run(Token(5)));
        assert!(permit.epoch_of(1).is_some() && permit.epoch_of(2).is_none());
        assert_eq!(permit.next(1), NextTask::Run(Token(6)));
        assert_eq!((permit.next(1), permit.epoch_of(1)), (NextTask::Wait, None));
    }

    #[test]
    fn a_step_that_does_not_end_loses_its_permit_and_the_batch_goes_with_it() {
        let permit = Permit::new(1);
        permit.add(1, tokens([5, 6]));
        assert_eq!(permit.next(1), NextTask::Run(Token(5)));
        let epoch = permit.epoch();
        assert_eq!(permit.hand_off(epoch, 2), Some(1));
        assert_eq!(permit.next(2), NextTask::Run(Token(6)));
        assert_eq!(permit.next(1), NextTask::Lost);
    }

    #[test]
    fn the_batch_can_be_taken_while_a_step_runs() {
        let permit = Permit::new(1);
        permit.add(1, tokens([5, 6, 7]));
        permit.next(1);
        let epoch = permit.epoch();
        assert_eq!(permit.take_batch(epoch), [Token(6), Token(7)]);
        assert_eq!(permit.next(1), NextTask::Wait);
        permit.add(1, tokens([8]));
        assert!(permit.take_batch(epoch).is_empty(), "that step has ended");
    }

    #[test]
    fn the_later_half_of_a_batch_can_be_taken_by_an_idle_thread() {
        let permit = Permit::new(1);
        permit.add(1, tokens([5, 6, 7]));
        assert_eq!(permit.steal_half(), [Token(6), Token(7)]);
        assert_eq!(permit.steal_half(), [Token(5)]);
        assert!(permit.steal_half().is_empty());
        assert_eq!(permit.next(1), NextTask::Wait);
    }

    #[test]
    fn a_permit_is_not_taken_after_its_step_has_ended() {
        let permit = Permit::new(1);
        permit.add(1, tokens([5, 6]));
        permit.next(1);
        let epoch = permit.epoch();
        permit.next(1);
        assert_eq!(permit.hand_off(epoch, 2), None, "another step is running");
        let epoch = permit.epoch();
        permit.next(1);
        assert_eq!(permit.hand_off(epoch, 2), None, "no step is running");
    }

    #[test]
    fn the_owner_of_a_step_is_known_only_while_it_runs() {
        let permit = Permit::new(1);
        assert_eq!(permit.owner_in(permit.epoch()), None, "none has begun");
        permit.add(1, tokens([5]));
        permit.next(1);
        let epoch = permit.epoch();
        assert_eq!(permit.owner_in(epoch), Some(1));
        assert_eq!((permit.owner_in(epoch - 1), permit.owner_in(epoch + 2)), (None, None));
        permit.next(1);
        assert_eq!((permit.owner_in(epoch), permit.owner_in(permit.epoch())), (None, None));
    }

    #[test]
    fn a_permit_is_handed_off_only_during_a_step_and_to_another_thread() {
        let permit = Permit::new(1);
        assert_eq!(permit.hand_off(permit.epoch(), 2), None, "no step is running");
        permit.add(1, tokens([5, 6]));
        assert!(permit.take_batch(permit.epoch()).is_empty(), "the owner will handle it");
        permit.next(1);
        assert_eq!(permit.hand_off(permit.epoch(), 1), None, "it is the owner already");
        assert!(permit.epoch_of(1).is_some());
        let epoch = permit.epoch();
        assert_eq!(permit.hand_off(epoch, 2), Some(1));
        // The new owner has not begun a step, so the permit cannot be taken from it.
        assert_eq!((permit.epoch_of(2), permit.owner_in(permit.epoch())), (None, None));
        assert_eq!(permit.hand_off(permit.epoch(), 3), None);
        assert_eq!(permit.next(2), NextTask::Run(Token(6)));
        assert_eq!(permit.hand_off(epoch, 3), None, "this is another step");
    }

    #[test]
    fn a_permit_is_passed_by_its_owner_between_two_steps() {
        let permit = Permit::new(1);
        assert!(!permit.pass(2, 3), "it is not the owner");
        permit.add(1, tokens([5]));
        permit.next(1);
        assert!(!permit.pass(1, 2), "a step is running");
        assert_eq!(permit.next(1), NextTask::Wait);
        assert!(permit.pass(1, 2));
        assert_eq!((permit.next(1), permit.next(2)), (NextTask::Lost, NextTask::Wait));
    }
}
