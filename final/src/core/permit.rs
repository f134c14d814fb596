//! Permits: the right to wait for the kernel and to run what is ready.
//!
//! There are as many as cores. A thread that holds one works; a thread without one sleeps. When a thread
//! that holds one does not come back from a handler, its permit, and what was still in its batch, is given
//! to another.

use std::collections::VecDeque;

use super::poller::Token;
use super::sync::{Mutex, lock};

/// The name of a thread.
pub type ThreadId = u32;

/// One permit.
#[derive(Debug)]
pub struct Permit {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Which thread has it.
    owner: ThreadId,
    /// Counts beginnings and ends of turns: odd while one is running.
    epoch: u64,
    /// What is ready and has not been begun.
    batch: VecDeque<Token>,
}

/// What a thread that has just finished something is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextTask {
    /// This is ready.
    Run(Token),
    /// Nothing is left of the batch: wait for the kernel.
    Wait,
    /// The permit is somebody else's by now.
    Lost,
}

impl Permit {
    /// A permit of this thread.
    pub fn new(owner: ThreadId) -> Permit {
        Permit { state: Mutex::new(State { owner, epoch: 0, batch: VecDeque::new() }) }
    }

    /// Ends the turn that was running, if there was one, and begins the next one.
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

    /// Adds to the batch what the kernel has told its owner.
    ///
    /// A thread that waits for the kernel has no turn running, and then nobody takes its permit. So what it
    /// has been told cannot get lost on the way here.
    pub fn add(&self, thread: ThreadId, tokens: impl Iterator<Item = Token>) {
        let mut state = lock(&self.state);
        debug_assert_eq!(state.owner, thread);
        state.batch.extend(tokens);
    }

    /// The number of the last beginning or end of a turn. Odd while a turn is running, and then the number of
    /// that turn.
    pub fn epoch(&self) -> u64 {
        lock(&self.state).epoch
    }

    /// The turn of this thread that is running, if it still has the permit.
    pub fn epoch_of(&self, thread: ThreadId) -> Option<u64> {
        let state = lock(&self.state);
        (state.owner == thread && state.epoch % 2 == 1).then_some(state.epoch)
    }

    /// The thread whose turn has this number, if that is still running.
    pub fn owner_in(&self, epoch: u64) -> Option<ThreadId> {
        let state = lock(&self.state);
        (state.epoch == epoch && !epoch.is_multiple_of(2)).then_some(state.owner)
    }

    /// Gives the permit to `thread`, if the turn with this number is still running. The turn goes on without
    /// a permit. Returns whose it was.
    pub fn hand_off(&self, epoch: u64, thread: ThreadId) -> Option<ThreadId> {
        let mut state = lock(&self.state);
        // To itself would only end a turn that goes on.
        if state.epoch != epoch || epoch.is_multiple_of(2) || state.owner == thread {
            return None;
        }
        state.epoch += 1;
        Some(std::mem::replace(&mut state.owner, thread))
    }

    /// Takes what has not been begun, if the turn with this number is still running. Nobody else would begin it
    /// before that turn ends.
    pub fn take_batch(&self, epoch: u64) -> VecDeque<Token> {
        let mut state = lock(&self.state);
        if state.epoch == epoch && !epoch.is_multiple_of(2) {
            std::mem::take(&mut state.batch)
        } else {
            VecDeque::new()
        }
    }

    /// Takes the later half of what has not been begun, for a thread that has nothing to do. Its owner may have been
    /// put aside by the system in the middle of a turn, and all that is behind it would wait for that.
    pub fn steal_half(&self) -> VecDeque<Token> {
        let mut state = lock(&self.state);
        let kept = state.batch.len() / 2;
        state.batch.split_off(kept)
    }

    /// Gives the permit to `thread`, whatever runs, if `from` has it and no turn is running.
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
    fn a_turn_that_does_not_end_loses_its_permit_and_the_rest_of_the_batch_goes_with_it() {
        let permit = Permit::new(1);
        permit.add(1, tokens([5, 6]));
        assert_eq!(permit.next(1), NextTask::Run(Token(5)));
        let epoch = permit.epoch();
        assert_eq!(permit.hand_off(epoch, 2), Some(1));
        assert_eq!(permit.next(2), NextTask::Run(Token(6)));
        assert_eq!(permit.next(1), NextTask::Lost);
    }

    #[test]
    fn what_waits_behind_a_turn_can_be_taken_while_it_runs() {
        let permit = Permit::new(1);
        permit.add(1, tokens([5, 6, 7]));
        permit.next(1);
        let epoch = permit.epoch();
        assert_eq!(permit.take_batch(epoch), [Token(6), Token(7)]);
        assert_eq!(permit.next(1), NextTask::Wait);
        permit.add(1, tokens([8]));
        assert!(permit.take_batch(epoch).is_empty(), "that epoch is over");
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
    fn a_turn_that_has_ended_keeps_its_permit() {
        let permit = Permit::new(1);
        permit.add(1, tokens([5, 6]));
        permit.next(1);
        let epoch = permit.epoch();
        permit.next(1);
        assert_eq!(permit.hand_off(epoch, 2), None, "another epoch is running by now");
        let epoch = permit.epoch();
        permit.next(1);
        assert_eq!(permit.hand_off(epoch, 2), None, "no epoch is running");
    }

    #[test]
    fn the_owner_of_a_turn_is_known_while_it_runs_and_no_longer() {
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
    fn a_permit_is_handed_over_only_in_a_turn_and_to_somebody_else() {
        let permit = Permit::new(1);
        assert_eq!(permit.hand_off(permit.epoch(), 2), None, "no epoch is running");
        permit.add(1, tokens([5, 6]));
        assert!(permit.take_batch(permit.epoch()).is_empty(), "the owner will come to it");
        permit.next(1);
        assert_eq!(permit.hand_off(permit.epoch(), 1), None, "it has it already");
        assert!(permit.epoch_of(1).is_some());
        let epoch = permit.epoch();
        assert_eq!(permit.hand_off(epoch, 2), Some(1));
        // Its new owner has not begun a turn that somebody could take from it.
        assert_eq!((permit.epoch_of(2), permit.owner_in(permit.epoch())), (None, None));
        assert_eq!(permit.hand_off(permit.epoch(), 3), None);
        assert_eq!(permit.next(2), NextTask::Run(Token(6)));
        assert_eq!(permit.hand_off(epoch, 3), None, "this is another epoch");
    }

    #[test]
    fn a_permit_is_passed_on_by_its_owner_and_between_turns() {
        let permit = Permit::new(1);
        assert!(!permit.pass(2, 3), "it is not theirs");
        permit.add(1, tokens([5]));
        permit.next(1);
        assert!(!permit.pass(1, 2), "an epoch is running");
        assert_eq!(permit.next(1), NextTask::Wait);
        assert!(permit.pass(1, 2));
        assert_eq!((permit.next(1), permit.next(2)), (NextTask::Lost, NextTask::Wait));
    }
}
