//! The locks of the engine: those of the standard library, or those of the model checker.

#[cfg(not(loom))]
pub use std::sync::{Mutex, MutexGuard};

#[cfg(loom)]
pub use loom::sync::{Mutex, MutexGuard};

use std::sync::PoisonError;

/// Locks, also after a panic. What the engine keeps under a lock is changed in single steps, so it is as
/// sound after a panic as before.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
