//! Shows a client what the parser made of its request.

use serde_json::{Value, json};

use crate::http::{Headers, Request, Response};

/// Answers any request with what it was read as, in JSON.
pub(super) fn show(request: &mut Request) -> Response {
    let target = request.target();
    Response::json(&json!({
        "method": request.method().as_str(),
        "target": target.raw(),
        "path": target.path(),
        "segments": target.segments(),
        "query": target.query(),
        "version": request.version().to_string(),
        "host": request.host(),
        "headers": lines(request.headers()),
        "body_length": request.body().len(),
        "trailers": lines(request.trailers()),
        "id": request.id(),
    }))
}

/// Fields as pairs: a JSON object could not hold two of one name.
fn lines(headers: &Headers) -> Vec<Value> {
    headers
        .iter()
        .map(|(name, value)| json!([name.as_ref(), String::from_utf8_lossy(value.as_bytes())]))
        .collect()
}
