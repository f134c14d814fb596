//! The server's mutex: from the standard library, or from loom when loom checks a model.

#[cfg(not(loom))]
pub use std::sync::{Mutex, MutexGuard};

#[cfg(loom)]
pub use loom::sync::{Mutex, MutexGuard};

use std::sync::PoisonError;

/// Locks the mutex, even after a panic. Code that holds a lock must not panic between two writes
/// that belong together, so the guarded data is consistent even when the mutex is poisoned.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
