//! Freshness: the time for which a response may be reused, and the requests for which it may be
//! reused (RFC 9111 sections 3 and 4.2).

use std::time::Duration;

use super::control::CacheControl;
use crate::http::{HeaderName, HeaderValue, Headers, Request, Response, Status, date, header};
use crate::middleware::basic_auth::AUTHORIZATION;

/// The number of seconds since the response was generated (RFC 9111 section 5.1).
pub(super) const AGE: HeaderName = HeaderName::from_static("Age");

/// Returns the time for which a response may be reused, and whether this includes requests with
/// Authorization. Returns `None` if it must not be stored (RFC 9111 section 3).
pub(super) fn lifetime(request: &Request, response: &Response) -> Option<(Duration, bool)> {
    let control = CacheControl::of(response.headers());
    // `s-maxage` is for shared caches, and takes precedence over `max-age` (section 5.2.2.10).
    let lifetime = control.time("s-maxage").or_else(|| control.time("max-age"))?;
    let is_public = control.has("public") || control.has("s-maxage");
    let is_kept = response.status() == Status::OK
        && !lifetime.is_zero()
        && !["no-store", "private", "no-cache"].iter().any(|name| control.has(name))
        // A client that gets another client's session cookie would be logged in as that client.
        && !response.headers().contains(header::SET_COOKIE)
        && !response.headers().list(header::VARY).any(|name| name == "*")
        && (is_public || !request.headers().contains(AUTHORIZATION));
    is_kept.then_some((lifetime, is_public))
}

/// Adds a Date field if the response has none, so that every client that gets the stored response
/// gets the same date.
pub(super) fn add_date(headers: &mut Headers) {
    if !headers.contains(header::DATE)
        && let Ok(now) = HeaderValue::try_from(date::imf_fixdate(date::now()))
    {
        headers.set(header::DATE, now);
    }
}

/// Returns the age of a response when it arrived, `delay` after its request: the larger of Age
/// plus `delay`, and the time since Date, for caches that add no Age (RFC 9111 section 4.2.3). An
/// invalid Age is ignored, and of several values the first counts (section 5.1).
pub(super) fn initial_age(headers: &Headers, delay: Duration) -> Duration {
    let age = headers.list(AGE).next().filter(|it| it.bytes().all(|byte| byte.is_ascii_digit()));
    let age = age.map_or(0, |it| it.parse().unwrap_or(u64::MAX));
    let date = headers.get(header::DATE).and_then(HeaderValue::to_str);
    let date = date.and_then(date::parse_http_date);
    let apparent = date.and_then(|date| date::now().duration_since(date).ok()).unwrap_or_default();
    // Date has a precision of one second, so fractions of a second are dropped.
    Duration::from_secs(apparent.as_secs()).max(Duration::from_secs(age).saturating_add(delay))
}
