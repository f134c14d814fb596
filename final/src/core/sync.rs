//! The mutex of the server: that of the standard library, or that of loom when a model is checked.

#[cfg(not(loom))]
pub use std::sync::{Mutex, MutexGuard};

#[cfg(loom)]
pub use loom::sync::{Mutex, MutexGuard};

use std::sync::PoisonError;

/// Locks, even after a panic. Code that holds a lock must not panic between two writes that belong together, so the
/// protected data is consistent, poisoned or not.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
