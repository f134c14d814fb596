//! The inspector: shows a client how the parser has interpreted its request.

use serde_json::{Value, json};

use crate::http::{Headers, Method, Request, Response};

/// Responds to any request with its parsed form, as JSON.
pub(super) fn show(request: &mut Request) -> Response {
    let target = request.target();
    // A response to HEAD has no content, but its Content-Length must be the same as for GET (RFC
    // 9110 section 8.6). So the content is generated for GET.
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

/// Converts fields to an array of pairs, because a JSON object cannot have the same name twice.
fn lines(headers: &Headers) -> Vec<Value> {
    headers
        .iter()
        .map(|(name, value)| json!([name.as_ref(), String::from_utf8_lossy(value.as_bytes())]))
        .collect()
}
