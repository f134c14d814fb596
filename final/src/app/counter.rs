//! `/counter`: a response that is different each time it is generated, so that a cached response
//! can be recognized.
//!
//! The client chooses the fields of the response. That is for experiments only; a public page must
//! not allow it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::demo::number;
use super::sleep::Sleep;
use crate::http::conditional::{self, Evaluation};
use crate::http::extract;
use crate::http::validators::{EntityTag, Validators};
use crate::http::{
    HeaderName, HeaderValue, HttpError, Method, Request, Response, ResponseBody, Router, Status,
    header,
};

/// The maximum delay, in milliseconds.
const MAX_DELAY: u64 = 10_000;

/// The maximum size of a response, in KiB.
const MAX_SIZE: usize = 10_240;

/// Adds `GET /counter`, and `POST /counter`, which responds the same way but is not a safe method.
pub(super) fn routes(router: &mut Router, sleep: &Sleep) {
    let counter = Arc::new(AtomicU64::new(0));
    for method in [Method::Get, Method::Post] {
        let (counter, sleep) = (Arc::clone(&counter), sleep.clone());
        router.route(method, "/counter", move |request: &mut Request| {
            show(request, &counter, &sleep)
        });
    }
}

/// Returns the response for a query: `ttl=N` sets its max-age, `field=NAME:VALUE` any other field
/// (repeatable), `status=N` its status, `kb=N` its size, and `ms=N` its delay.
fn show(request: &Request, counter: &AtomicU64, sleep: &Sleep) -> Result<Response, HttpError> {
    let query = extract::query(request);
    let status = Status::try_from(number(request, "status", 200)?)
        .map_err(|_| bad("`status` must be a status code"))?;
    let count = counter.fetch_add(1, Ordering::Relaxed) + 1;
    sleep(Duration::from_millis(number(request, "ms", 0)?.min(MAX_DELAY)));
    let body = body(count, number(request, "kb", 0)?.min(MAX_SIZE) * 1024);
    let mut response = Response::bytes(HeaderValue::from_static("application/json"), body);
    response = response.with_status(status);
    let headers = response.headers_mut();
    headers.set(header::ETAG, value(&format!("\"{count}\""))?);
    if query.get("ttl").is_some() {
        let seconds: u64 = number(request, "ttl", 0)?;
        headers.set(header::CACHE_CONTROL, value(&format!("max-age={seconds}"))?);
    }
    for field in query.get_all("field") {
        let (name, text) =
            field.split_once(':').ok_or_else(|| bad("a field must be NAME:VALUE"))?;
        let name = HeaderName::try_from(name).map_err(|_| bad("a field must have a name"))?;
        headers.append(name, value(text)?);
    }
    evaluate(request, count, response)
}

/// Evaluates the request's conditions for a response that succeeds without them.
fn evaluate(request: &Request, count: u64, mut response: Response) -> Result<Response, HttpError> {
    let etag = EntityTag { is_weak: false, opaque: count.to_string().into_bytes() };
    let current = Validators { etag: Some(etag), modified: None };
    match conditional::evaluate(request.method(), request.headers(), Some(&current)) {
        _ if !response.status().is_success() => Ok(response),
        Evaluation::Proceed => Ok(response),
        Evaluation::NotModified => {
            response.headers_mut().remove(header::CONTENT_TYPE);
            Ok(response.with_status(Status::NOT_MODIFIED).with_body(ResponseBody::Empty))
        }
        Evaluation::Failed => {
            let message = "the count is a different one each time";
            Err(HttpError::new(Status::PRECONDITION_FAILED, "precondition_failed", message))
        }
    }
}

/// Writes the JSON directly, because a value of `serde_json` would hold the padding three times.
fn body(count: u64, padding: usize) -> Vec<u8> {
    let (start, end) = (format!("{{\"count\":{count},\"padding\":\""), "\"}");
    let length = start.len() + padding;
    let mut body = Vec::with_capacity(length + end.len());
    body.extend_from_slice(start.as_bytes());
    body.resize(length, b'x');
    body.extend_from_slice(end.as_bytes());
    body
}

fn value(text: &str) -> Result<HeaderValue, HttpError> {
    HeaderValue::try_from(text).map_err(|_| bad("a field must have a value that can be sent"))
}

fn bad(message: &str) -> HttpError {
    HttpError::new(Status::BAD_REQUEST, "bad_counter", message)
}
