//! How the demonstration's handlers sleep.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// The function with which handlers sleep. A program that tries requests may pass another function,
/// so that it need not wait.
pub type Sleep = Arc<dyn Fn(Duration) + Send + Sync>;

/// Returns [`thread::sleep`].
pub(super) fn real() -> Sleep {
    Arc::new(thread::sleep)
}
