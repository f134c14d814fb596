//! The place where a thread without a permit sleeps.

use std::cell::OnceCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, PoisonError};

use super::permit::ThreadId;
use super::sync::{Mutex, lock};

/// A slot through which other threads hand a permit to one sleeping thread and wake it.
#[derive(Debug)]
pub(super) struct Parker {
    pub(super) id: ThreadId,
    /// The index of the permit that the thread will own when it wakes up.
    given: Mutex<Option<usize>>,
    changed: Condvar,
    /// Whether the watchdog has taken the permit away from a step that is still running.
    preempted: AtomicBool,
}

impl Parker {
    pub(super) fn new(id: ThreadId) -> Arc<Parker> {
        let (given, changed) = (Mutex::new(None), Condvar::new());
        Arc::new(Parker { id, given, changed, preempted: AtomicBool::new(false) })
    }

    /// Hands a permit to the thread and wakes it. The thread must already be the permit's owner.
    pub(super) fn give(&self, permit: usize) {
        *lock(&self.given) = Some(permit);
        self.changed.notify_one();
    }

    /// Sleeps until another thread hands over a permit. Returns `None` once the pool has been
    /// stopped.
    pub(super) fn wait(&self, stopped: &AtomicBool) -> Option<usize> {
        let mut given = lock(&self.given);
        loop {
            if stopped.load(Ordering::Acquire) {
                return None;
            }
            if let Some(permit) = given.take() {
                return Some(permit);
            }
            given = self.changed.wait(given).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Wakes the thread after `stopped` has been set.
    pub(super) fn wake_to_stop(&self) {
        // While this thread holds the lock, the other thread is either before its check of
        // `stopped` or asleep. Without the lock, the notification could come between the check and
        // the sleep, and would be lost.
        let _given = lock(&self.given);
        self.changed.notify_one();
    }

    pub(super) fn set_preempted(&self, preempted: bool) {
        self.preempted.store(preempted, Ordering::Release);
    }
}

thread_local! {
    static PARKER: OnceCell<Arc<Parker>> = const { OnceCell::new() };
}

/// Makes `parker` the parker of the current thread. Each thread calls this once.
pub(super) fn attach(parker: &Arc<Parker>) {
    PARKER.with(|cell| cell.set(Arc::clone(parker)).expect("a thread has one parker"));
}

/// Returns whether the watchdog has taken the current thread's permit away since the last call.
pub(super) fn was_preempted() -> bool {
    PARKER.with(|parker| {
        let preempted = parker.get().map(|parker| &parker.preempted);
        // The load comes first: the flag is almost always false, and a swap would take the cache
        // line away from other cores.
        preempted.is_some_and(|it| it.load(Ordering::Acquire) && it.swap(false, Ordering::Acquire))
    })
}
