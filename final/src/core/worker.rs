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

/// The maximum number of events that a thread takes from the kernel at a time. It has to be small,
/// because the other events of a batch wait while a step runs. With 64, the throughput of `/hello`
/// at 64 connections falls to 0.90; 8 and 32 make no difference.
pub(super) const BATCH: usize = 16;

/// The minimum size of a batch after which a thread yields once before it sleeps. Without the
/// yield, a request costs 1.11 times the CPU time if each request has a new connection. With
/// clients on other machines the yield makes no difference.
const YIELD_BATCH: usize = 4;

/// Runs a worker until the pool is stopped.
pub(super) fn run<W: Work>(pool: &Arc<Pool<W>>, parker: &Arc<Parker>) {
    let mut scratch = W::Scratch::default();
    let mut ready = Ready::with_capacity(BATCH);
    parker::attach(parker);
    while let Some(index) = parker.wait(&pool.stopped) {
        was_preempted(); // Clear the flag: the loss of an earlier permit may have set it.
        set_release(pool, parker, index);
        loop {
            match pool.permits[index].next(parker.id) {
                NextTask::Run(token) => pool.step(token, &mut scratch, Admission::Serve),
                NextTask::Wait if pool.stopped.load(Ordering::Acquire) => return,
                NextTask::Wait if pool.steal(index, parker.id) => {}
                NextTask::Wait => {
                    let waited = wait(&pool.poller, &mut ready);
                    pool.add_ready(index, parker.id, &ready, waited);
                }
                NextTask::Lost => break,
            }
        }
        lock(&pool.standbys).push(Arc::clone(parker));
    }
}

/// Sets the function with which handlers on this thread release permit `index`.
fn set_release<W: Work>(pool: &Arc<Pool<W>>, parker: &Arc<Parker>, index: usize) {
    // The references are weak, because the closure stays in a thread-local variable after the pool
    // is gone.
    let (pool, id) = (Arc::downgrade(pool), parker.id);
    blocking::set_release(move || {
        let Some(pool) = pool.upgrade() else { return false };
        let Some(epoch) = pool.permits[index].epoch_of(id) else { return false };
        let has_released = Pool::hand_off(&pool, index, epoch);
        was_preempted(); // Clear the flag: this thread gave its permit away itself.
        has_released
    });
}

/// Waits for events. After a large batch, more requests usually follow soon, and their clients may
/// only need a core to send them. So the thread first yields its core, which costs less than
/// sleeping and waking up.
fn wait(poller: &Poller, ready: &mut Ready) -> io::Result<()> {
    if ready.tokens().count() >= YIELD_BATCH {
        poller.wait(ready, Some(Duration::ZERO))?;
        if ready.tokens().next().is_some() {
            return Ok(());
        }
        thread::yield_now();
    }
    poller.wait(ready, None)
}
