//! The body of a response with status 429 (Too Many Requests).

use serde_json::json;

use crate::http::{HeaderValue, Request, Response, header};
use crate::middleware::accept;

/// Returns the response with an HTML body for browsers and a JSON body for programs. A client
/// without an Accept field gets JSON, as for any other error.
pub(super) fn explain(request: &Request, response: &Response) -> Response {
    let retry_after = response.headers().get(header::RETRY_AFTER).and_then(HeaderValue::to_str);
    let seconds: Option<u64> = retry_after.and_then(|text| text.parse().ok());
    let when = seconds.map_or("later".to_string(), |seconds| format!("in {seconds} s"));
    let weight = |media_type| accept::weight(request.headers(), media_type);
    let answer = if weight("text/html") > weight("application/json") {
        Response::html(format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<title>Too many requests</title>\n\
             <h1>Too many requests</h1>\n<p>Please try again {when}.</p>\n</html>\n"
        ))
    } else {
        Response::json(&json!({
            "error": "rate_limited",
            "message": format!("too many requests; try again {when}"),
            "retry_after": seconds,
        }))
    };
    answer.with_header(header::VARY, HeaderValue::from_static("Accept"))
}
