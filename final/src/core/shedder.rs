//! Load shedding: a thread that rejects requests with 503 while every worker is in a handler that
//! blocks.
//!
//! It runs only handlers that are promised never to block, such as health checks, and returns the
//! permit as soon as a worker is free.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Instant;

use super::admission::Admission;
use super::permit::NextTask;
use super::poller::{Poll, Ready};
use super::progress_watch::ProgressWatch;
use super::sync::lock;
use super::watchdog::TICK;
use super::worker::BATCH;
use super::worker_pool::{Pool, SHEDDER, Work};

/// Runs the shedder until the pool is stopped.
pub(super) fn run<W: Work>(pool: &Arc<Pool<W>>) {
    let mut scratch = W::Scratch::default();
    let mut ready = Ready::with_capacity(BATCH);
    while let Some(index) = pool.shedder.wait(&pool.stopped) {
        let mut watch = ProgressWatch::begin(pool.epochs_except(index));
        loop {
            match pool.permits[index].next(SHEDDER) {
                NextTask::Run(token) => pool.step(token, &mut scratch, Admission::Shed),
                NextTask::Wait if pool.stopped.load(Ordering::Acquire) => return,
                NextTask::Wait if give_back(pool, index) => break,
                // A worker with another permit serves requests again. If the shedder stole its
                // events, it would reject requests that the worker can handle.
                NextTask::Wait
                    if watch.sees_work(
                        pool.epochs_except(index),
                        Instant::now(),
                        pool.config.stall_timeout,
                    ) =>
                {
                    thread::sleep(TICK);
                }
                NextTask::Wait if pool.steal(index, SHEDDER) => {}
                NextTask::Wait => {
                    // The wait must not be longer than a tick, because a worker may have become
                    // free meanwhile.
                    let waited = pool.poller.wait(&mut ready, Some(TICK));
                    pool.add_ready(index, SHEDDER, &ready, waited);
                }
                NextTask::Lost => break,
            }
        }
    }
}

/// Passes the shedder's permit to a standby worker, if there is one. Returns whether the permit was
/// passed.
pub(super) fn give_back<W: Work>(pool: &Pool<W>, index: usize) -> bool {
    let Some(standby) = lock(&pool.standbys).pop() else { return false };
    if pool.permits[index].pass(SHEDDER, standby.id) {
        standby.give(index);
        return true;
    }
    lock(&pool.standbys).push(standby);
    false
}
