//! A worker: a thread that waits for events and runs steps while it holds a permit.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::{io, thread};

use super::admission::Admission;
use super::blocking;
use super::parker::{self, Parker, was_preempted};
use super::permit::NextTask;
use super::poller::{Poll, Poller, Ready};
use super::sync::lock;
use super::worker_pool::{Pool, Work};

/// How many ready sockets a thread takes from the kernel at a time. Few, so that other threads get some as well.
pub(super) const BATCH: usize = 16;

/// After a batch of so many the next requests are on their way.
const FULL_BATCH: usize = 4;

/// A thread that has had so many sockets without a pause offers its core to others. Clients on the same core would
/// otherwise wait until the kernel takes the core away, which is milliseconds later.
const SOCKETS_BEFORE_YIELD: usize = 64;

/// After so many sockets in batches that were all full, clients wait for us and not for the core.
const FULL_BATCHES_BEFORE_YIELD: usize = 256;

/// What a thread has done since it last offered its core.
#[derive(Debug, Default)]
struct YieldBudget {
    sockets: usize,
    /// Sockets in consecutive full batches.
    saturated: usize,
}

/// The main function of a worker.
pub(super) fn run<W: Work>(pool: &Arc<Pool<W>>, parker: &Arc<Parker>) {
    let mut scratch = W::Scratch::default();
    let mut ready = Ready::with_capacity(BATCH);
    let mut budget = YieldBudget::default();
    parker::attach(parker);
    while let Some(index) = parker.wait(&pool.stopped) {
        was_preempted(); // It may still be set by the loss of an earlier permit.
        set_release(pool, parker, index);
        loop {
            match pool.permits[index].next(parker.id) {
                NextTask::Run(token) => pool.step(token, &mut scratch, Admission::Serve),
                NextTask::Wait if pool.stopped.load(Ordering::Acquire) => return,
                NextTask::Wait if pool.steal(index, parker.id) => {}
                NextTask::Wait => {
                    let waited = budget.wait(&pool.poller, &mut ready);
                    pool.add_ready(index, parker.id, &ready, waited);
                }
                NextTask::Lost => break,
            }
        }
        lock(&pool.standbys).push(Arc::clone(parker));
    }
}

/// Lets handlers on this thread release permit `index`.
fn set_release<W: Work>(pool: &Arc<Pool<W>>, parker: &Arc<Parker>, index: usize) {
    // Weak, because the closure stays in a thread-local variable when the pool is gone.
    let (pool, id) = (Arc::downgrade(pool), parker.id);
    blocking::set_release(move || {
        let Some(pool) = pool.upgrade() else { return false };
        let Some(epoch) = pool.permits[index].epoch_of(id) else { return false };
        let has_released = Pool::hand_off(&pool, index, epoch);
        was_preempted(); // Clear the flag: this thread gave its permit away itself.
        has_released
    });
}

impl YieldBudget {
    /// Waits for sockets. After a batch of many, the thread does not sleep at once: it offers its core first to the
    /// clients of the next requests, since to sleep and be woken costs more.
    fn wait(&mut self, poller: &Poller, ready: &mut Ready) -> io::Result<()> {
        let count = ready.tokens().count();
        self.sockets += count;
        self.saturated = if count == BATCH { self.saturated + count } else { 0 };
        if count >= FULL_BATCH {
            if self.sockets < SOCKETS_BEFORE_YIELD || self.saturated > FULL_BATCHES_BEFORE_YIELD {
                poller.wait(ready, Some(Duration::ZERO))?;
                if ready.tokens().next().is_some() {
                    return Ok(());
                }
            }
            thread::yield_now();
        }
        self.sockets = 0;
        poller.wait(ready, None)
    }
}
