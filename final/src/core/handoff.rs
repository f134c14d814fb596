//! The two ways to move work between threads: a permit is handed off, or events are stolen.

use std::sync::Arc;

use super::permit::ThreadId;
use super::sync::lock;
use super::worker_pool::{Pool, Work};

impl<W: Work> Pool<W> {
    /// Moves half of another permit's waiting events to the batch of permit `index` (work
    /// stealing). Returns whether there were any.
    pub(super) fn steal(&self, index: usize, thread: ThreadId) -> bool {
        let others = self.permits.iter().enumerate().filter(|(other, _)| *other != index);
        let mut stolen = others.map(|(_, permit)| permit.steal_half());
        let Some(stolen) = stolen.find(|stolen| !stolen.is_empty()) else { return false };
        self.permits[index].add(thread, stolen.into_iter());
        true
    }

    pub(super) fn epochs_except(&self, index: usize) -> impl Iterator<Item = u64> {
        let others = self.permits.iter().enumerate().filter(move |(other, _)| *other != index);
        others.map(|(_, permit)| permit.epoch())
    }

    /// Hands a permit to another thread, if the step `epoch` is still running. Returns false if all
    /// threads are in use.
    pub(super) fn hand_off(pool: &Arc<Pool<W>>, index: usize, epoch: u64) -> bool {
        let standby = lock(&pool.standbys).pop();
        let Some(standby) = standby.or_else(|| Pool::spawn_worker(pool).ok()) else {
            return false;
        };
        let permit = &pool.permits[index];
        let owner = permit.owner_in(epoch);
        let parkers = lock(&pool.parkers);
        let owner = parkers.iter().find(|parker| Some(parker.id) == owner).map(Arc::clone);
        drop(parkers);
        let set_preempted = |preempted| owner.iter().for_each(|it| it.set_preempted(preempted));
        // The flag is set before the permit moves, because the step may end directly after that and
        // then read the flag.
        set_preempted(true);
        if permit.hand_off(epoch, standby.id).is_some() {
            standby.give(index);
        } else {
            set_preempted(false); // the step has ended in the meantime
            lock(&pool.standbys).push(standby);
        }
        true
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::core::admission::Admission;
    use crate::core::parker::Parker;
    use crate::core::permit::NextTask;
    use crate::core::poller::{Poll, Poller, Token};
    use crate::core::shedder::give_back;
    use crate::core::worker_pool::{PoolConfig, SHEDDER};

    struct NoWork;

    impl Work for NoWork {
        type Scratch = ();

        fn ready(&self, _: Token, (): &mut (), _: Admission) {}

        fn rearm(&self, _: Token) {}

        fn tick(&self, _: Instant) {}
    }

    /// Creates a pool with permits but without threads, so that the tests determine the order of
    /// all operations.
    fn without_threads(permits: u32) -> Pool<NoWork> {
        let stall_timeout = Duration::from_secs(20);
        let config = PoolConfig { permits, threads: permits, stall_timeout };
        Pool::new(config, Arc::new(Poller::new().unwrap()), Arc::new(NoWork), |_, _| {})
    }

    fn tokens(numbers: impl IntoIterator<Item = u64>) -> impl Iterator<Item = Token> {
        numbers.into_iter().map(Token)
    }

    #[test]
    fn an_idle_thread_steals_the_later_half_of_another_batch() {
        let pool = without_threads(2);
        let [first, second] = &pool.permits[..] else { unreachable!("there are two") };
        first.add(1, tokens([5, 6, 7]));
        assert!(!pool.steal(0, 1), "the other batch is empty, and its own does not count");
        assert!(pool.steal(1, 2));
        let stolen = [second.next(2), second.next(2)];
        assert_eq!(stolen, [NextTask::Run(Token(6)), NextTask::Run(Token(7))]);
        assert_eq!((second.next(2), first.next(1)), (NextTask::Wait, NextTask::Run(Token(5))));
        assert!(!pool.steal(1, 2), "nothing is left");
    }

    #[test]
    fn the_shedder_gives_its_permit_to_a_standby_worker_between_two_steps() {
        let pool = without_threads(1);
        let permit = &pool.permits[0];
        permit.add(1, tokens([5, 6]));
        permit.next(1);
        permit.hand_off(permit.epoch(), SHEDDER).unwrap();
        assert!(!give_back(&pool, 0), "there is no standby worker");
        let standby = Parker::new(7);
        lock(&pool.standbys).push(Arc::clone(&standby));
        assert_eq!(permit.next(SHEDDER), NextTask::Run(Token(6)));
        assert!(!give_back(&pool, 0), "a step is running");
        assert_eq!(lock(&pool.standbys).len(), 1, "it is kept for the next time");
        assert_eq!(permit.next(SHEDDER), NextTask::Wait);
        assert!(give_back(&pool, 0));
        assert_eq!((permit.next(SHEDDER), permit.next(7)), (NextTask::Lost, NextTask::Wait));
        assert_eq!(standby.wait(&AtomicBool::new(false)), Some(0), "it wakes up with the permit");
        assert!(lock(&pool.standbys).is_empty());
    }
}
