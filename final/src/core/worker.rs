//! A worker: a thread that waits for events and runs steps while it holds a permit.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::{io, thread};

use super::admission::Admission;
use super::blocking;
use super::parker::{self, Parker, was_preempted};
use super::permit::NextTask;
use super::poller::{Poll, Ready};
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

/// The minimum number of events after which a thread yields although there may be more. If more
/// connections are open, their number counts instead. Each client may have had a response by then,
/// so the next requests come from clients that may need this core, and without the yield the kernel
/// gives it to them only at the end of the thread's time slice, milliseconds later.
///
/// With clients on the same two cores, 64 connections get `/hello` at a p99 of 2.4 ms and not 4.0,
/// with 1.10 times the throughput. At 512 connections, a yield after 64 events costs 8 % of the
/// throughput, and a yield after 512 gains 3 %.
const YIELD_EVENTS: usize = 64;

/// Runs a worker until the pool is stopped.
pub(super) fn run<W: Work>(pool: &Arc<Pool<W>>, parker: &Arc<Parker>) {
    let mut scratch = W::Scratch::default();
    let mut ready = Ready::with_capacity(BATCH);
    let mut unyielded = 0;
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
                    let waited = wait(pool, &mut ready, &mut unyielded);
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

/// Waits for events. After a large batch, more requests follow soon, and the clients may only need
/// this core to send them. So the thread first yields its core, because sleeping and waking up
/// costs more. `unyielded` counts the events since it last yielded or slept.
fn wait<W: Work>(pool: &Pool<W>, ready: &mut Ready, unyielded: &mut usize) -> io::Result<()> {
    let events = ready.tokens().count();
    *unyielded += events;
    if events >= YIELD_BATCH {
        if *unyielded < YIELD_EVENTS.max(pool.work.open_connections()) {
            pool.poller.wait(ready, Some(Duration::ZERO))?;
            if ready.tokens().next().is_some() {
                return Ok(());
            }
        }
        thread::yield_now();
    }
    *unyielded = 0;
    pool.poller.wait(ready, None)
}
