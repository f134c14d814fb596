//! Pages that fail or are slow on purpose, to show how the server reacts.

use std::io::{self, Read};
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use super::sleep::Sleep;
use crate::core::blocking;
use crate::http::{
    HeaderValue, HttpError, Request, Response, ResponseBody, Router, Status, extract, header,
};
use crate::middleware::limit_store::InvalidStore;
use crate::middleware::redis_limit::RedisStore;
use crate::middleware::token_bucket::Limit;
use crate::middleware::{Chain, RateLimit};

/// The maximum delay of `/slow` in milliseconds.
const MAX_SLOW: u64 = 10_000;

/// The maximum length of the response of `/large`, in KiB.
const MAX_LARGE: u64 = 10_240;

/// The line of text that `/large` repeats.
const LINE: &[u8] = b"All work and no play makes Jack a dull boy.\n";

/// The rate limit of `/limited` for each client.
const FIVE_THEN_ONE_A_SECOND: Limit = Limit {
    burst: NonZeroU32::new(5).unwrap(),
    rate: NonZeroU32::MIN,
    per: Duration::from_secs(1),
};

/// Adds the routes of these pages. With a `store`, all servers that use it share the limit of
/// `/limited`.
pub(super) fn routes(
    router: &mut Router,
    sleep: &Sleep,
    store: Option<&RedisStore>,
) -> Result<(), InvalidStore> {
    let sleep = sleep.clone();
    router.get("/slow", move |request: &mut Request| slow(request, &sleep));
    router.get("/panic", panic);
    router.get("/large", large);
    // A layer can also wrap a single route.
    let mut limit = RateLimit::by_client(FIVE_THEN_ONE_A_SECOND);
    if let Some(store) = store {
        limit = limit.with_store(store.limit("/limited", FIVE_THEN_ONE_A_SECOND)?);
    }
    router.get("/limited", Chain::around(|_: &mut Request| "within the limit\n").with(limit));
    Ok(())
}

/// Handles `GET /slow?ms=N`: responds after `N` milliseconds.
fn slow(request: &mut Request, sleep: &Sleep) -> Result<String, HttpError> {
    let milliseconds = number(request, "ms", 1_000)?.min(MAX_SLOW);
    // The sleep blocks, so this thread's permit moves to another thread at once.
    blocking(|| sleep(Duration::from_millis(milliseconds)));
    Ok(format!("{milliseconds} ms later\n"))
}

/// Handles `GET /panic`: panics.
fn panic(_: &mut Request) -> Status {
    panic!("this page panics on purpose")
}

/// Handles `GET /large?kb=N`: responds with `N` KiB of text.
fn large(request: &mut Request) -> Result<Response, HttpError> {
    let length = number(request, "kb", 100)?.min(MAX_LARGE) * 1024;
    let body = ResponseBody::Stream {
        reader: Box::new(Lines { at: 0 }.take(length)),
        length: Some(length),
    };
    let content_type = HeaderValue::from_static("text/plain; charset=utf-8");
    Ok(Response::new(Status::OK).with_header(header::CONTENT_TYPE, content_type).with_body(body))
}

/// A reader that repeats [`LINE`] without end.
struct Lines {
    at: usize,
}

impl Read for Lines {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        for byte in &mut *buffer {
            *byte = LINE[self.at];
            self.at = (self.at + 1) % LINE.len();
        }
        Ok(buffer.len())
    }
}

/// Returns a number from the query, or `default` if the query does not contain it.
pub(super) fn number<T: FromStr>(
    request: &Request,
    name: &str,
    default: T,
) -> Result<T, HttpError> {
    match extract::query(request).get(name) {
        None => Ok(default),
        Some(text) => text.parse().map_err(|_| {
            let message = format!("`{name}` must be a whole number, and not `{text}`");
            HttpError::new(Status::BAD_REQUEST, "bad_number", message)
        }),
    }
}
