//! What a handler does besides answering: it lets time pass, and it panics.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crate::http::{HttpError, IntoResponse, Request, Response};
use crate::middleware::Next;

/// Whether that happens.
#[derive(Debug, Clone)]
pub(crate) enum Effects {
    /// It does.
    Real,
    /// It is only pretended: no thread sleeps, and a panic leaves no line on standard error. How long the sleep
    /// would have been is counted, in milliseconds.
    Pretended(Arc<AtomicU64>),
}

impl Effects {
    /// Lets so much time pass.
    pub(crate) fn sleep(&self, time: Duration) {
        match self {
            Effects::Real => thread::sleep(time),
            Effects::Pretended(slept) => {
                let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
                slept.fetch_add(milliseconds, Ordering::Relaxed);
            }
        }
    }

    /// Panics.
    pub(crate) fn panic(&self, message: &'static str) -> ! {
        match self {
            Effects::Real => panic!("{message}"),
            // The same, without the hook that prints.
            Effects::Pretended(_) => resume_unwind(Box::new(message)),
        }
    }
}

/// As [`CatchPanic`](crate::middleware::CatchPanic), without a line on standard error.
pub(super) fn catch_silently(request: &mut Request, next: Next<'_>) -> Response {
    catch_unwind(AssertUnwindSafe(|| next.run(request)))
        .unwrap_or_else(|_| HttpError::internal().into_response())
}
