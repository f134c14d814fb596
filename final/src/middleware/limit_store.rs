//! Where the buckets of a rate limit are: in this process, or in a store that several servers
//! share.

use std::fmt;
use std::time::Duration;

use super::token_bucket::Decision;
use crate::http::{HttpError, IntoResponse, Response, Status, header};

/// The buckets of one limit, each with a key.
pub trait LimitStore<K>: Send + Sync + 'static {
    /// Takes a token from the bucket of `key`, as one atomic step.
    ///
    /// # Errors
    /// Returns [`StoreDown`] if the store does not respond and the request has to be rejected.
    fn take(&self, key: K) -> Result<Decision, StoreDown>;
}

/// The store of the buckets does not respond, and requests are rejected until it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreDown {
    /// The time until the next attempt to reach the store.
    pub retry_after: Duration,
}

/// 503 with Retry-After (RFC 9110 section 10.2.3), in whole seconds rounded up.
impl IntoResponse for StoreDown {
    fn into_response(self) -> Response {
        let seconds = whole_seconds(self.retry_after).max(1);
        let message = "the server cannot check your rate limit at the moment";
        HttpError::new(Status::SERVICE_UNAVAILABLE, "rate_limit_unavailable", message)
            .into_response()
            .with_header(header::RETRY_AFTER, seconds.into())
    }
}

/// Rounds up to whole seconds: a client that waits zero seconds for a token that is added in half a
/// second would be too early.
pub(super) fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// The settings of a shared store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreConfig {
    /// The address of the store, such as `redis://127.0.0.1:6379`. It may contain a password.
    pub url: String,
    /// The beginning of all keys, so that several services can use one store.
    pub prefix: String,
    /// What happens to requests while the store is down.
    pub when_down: WhenDown,
}

/// What happens to requests while the store of the buckets is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenDown {
    /// Fail open: each server limits its clients with its own buckets. With N servers, a client
    /// gets up to N times the limit.
    Open,
    /// Fail closed: requests are rejected with 503. No client gets more than the limit, and an
    /// outage of the store is an outage of all limited routes.
    Closed,
}

/// A store that this program cannot use, with the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidStore(pub String);

impl fmt::Display for InvalidStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidStore {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::HeaderValue;

    #[test]
    fn a_rejected_client_is_told_to_wait_for_at_least_a_second() {
        for (milliseconds, seconds) in [(0, "1"), (1, "1"), (1_000, "1"), (1_001, "2")] {
            let down = StoreDown { retry_after: Duration::from_millis(milliseconds) };
            let response = down.into_response();
            assert_eq!(response.status(), Status::SERVICE_UNAVAILABLE);
            let retry_after = response.headers().get(header::RETRY_AFTER);
            assert_eq!(retry_after, Some(&HeaderValue::from_static(seconds)), "{milliseconds}");
        }
    }
}
