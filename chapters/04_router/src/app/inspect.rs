//! Shows a client what the parser made of its request.

use serde_json::{Value, json};

use crate::http::{Headers, Method, Request, Response};

/// Responds to any request with what it was read as, in JSON.
pub(super) fn show(request: &mut Request) -> Response {
    let target = request.target();
    // Nobody sees the content of a response to HEAD, and its Content-Length must be that of the response to GET
    // (RFC 9110 section 8.6).
    let method = match request.method() {
        Method::Head => Method::Get,
        method => method,
    };
    Response::json(&json!({
        "method": method.as_str(),
        "target": target.raw(),
        "path": target.path(),
        "segments": target.segments(),
        "query": target.query(),
        "version": request.version().to_string(),
        "host": request.host(),
        "headers": lines(request.headers()),
        "body_length": request.body().len(),
        "trailers": lines(request.trailers()),
    }))
}

/// Fields as pairs: a JSON object could not hold two of one name.
fn lines(headers: &Headers) -> Vec<Value> {
    headers
        .iter()
        .map(|(name, value)| json!([name.as_ref(), String::from_utf8_lossy(value.as_bytes())]))
        .collect()
}
