//! The demonstration in which a trial runs. It has no effect outside: it has separate users, it writes no log, and its
//! handlers only pretend to sleep.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use httpserver::Config;
use httpserver::app::{self, Sleep};
use httpserver::http::{HttpError, IntoResponse, Request, Response};
use httpserver::middleware::{Chain, Next};

/// How long handlers have pretended to sleep, in milliseconds.
pub(crate) type Slept = Arc<AtomicU64>;

/// A new application whose handlers add to `slept` instead of sleeping.
///
/// # Errors
/// Returns the errors of [`app::build`].
pub(crate) fn application(config: &Config, slept: &Slept) -> anyhow::Result<Chain> {
    let slept = Arc::clone(slept);
    let sleep: Sleep = Arc::new(move |time| {
        let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        slept.fetch_add(milliseconds, Ordering::Relaxed);
    });
    app::isolated(config, &sleep, catch_silently)
}

thread_local! {
    /// Whether this thread is in a handler of a sandbox.
    static IS_INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// From now on, a panic in a sandbox prints nothing to standard error. Panics elsewhere are still printed.
pub(crate) fn silence_panics() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !IS_INSIDE.get() {
            usual(info);
        }
    }));
}

/// Like [`CatchPanic`](httpserver::middleware::CatchPanic), without its line on standard error.
fn catch_silently(request: &mut Request, next: Next<'_>) -> Response {
    IS_INSIDE.set(true);
    let outcome = catch_unwind(AssertUnwindSafe(|| next.run(request)));
    IS_INSIDE.set(false);
    outcome.unwrap_or_else(|_| HttpError::internal().into_response())
}
