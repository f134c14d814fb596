//! The small pages of the demo application.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use serde_json::json;

use crate::http::html::escape;
use crate::http::{
    Handler, HeaderName, HeaderValue, HttpError, Request, Response, Router, extract, header, mime,
};

/// The name of the field that identifies one run of the program.
const X_RUN_TOKEN: HeaderName = HeaderName::from_static("X-Run-Token");

/// Returns the handler of `GET /`: the list of routes. The page is built once, when the routes are
/// known.
pub(super) fn welcome(router: &Router) -> impl Handler + use<> {
    let items: Vec<String> = router
        .list()
        .map(|(methods, path)| format!("<li><code>{methods} {}</code></li>\n", escape(path)))
        .collect();
    let items = items.concat();
    let name = env!("CARGO_PKG_NAME");
    let page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<title>{name}</title>\n<h1>{name}</h1>\n\
         <p>These routes are served here:</p>\n<ul>\n{items}</ul>\n</html>\n"
    );
    let token = run_token();
    move |_: &mut Request| Response::html(page.clone()).with_header(X_RUN_TOKEN, token.clone())
}

/// Returns a number that differs in every run. `RandomState` is seeded by the OS to protect hash
/// maps, so it gives a different hash each time. The number identifies a run, but it is not a
/// secret.
fn run_token() -> HeaderValue {
    HeaderValue::from(RandomState::new().hash_one(()))
}

/// Handles `GET /hello/:name`.
pub(super) fn hello(request: &mut Request) -> String {
    format!("Hello, {}!\n", request.param("name").unwrap_or("nobody"))
}

/// Handles `GET /files/*path`: returns the value of the wildcard, and the media type that belongs
/// to this file name.
pub(super) fn files(request: &mut Request) -> Response {
    let path = request.param("path").unwrap_or_default();
    let content_type = mime::content_type(path);
    Response::json(&json!({ "path": path, "content_type": content_type.to_str() }))
}

/// Handles `POST /echo` and `PUT /echo`: returns the request body.
pub(super) fn echo(request: &mut Request) -> Result<Response, HttpError> {
    let content_type = request
        .headers()
        .get(header::CONTENT_TYPE)
        .cloned()
        .unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let body = request.body_mut().read_all(extract::MAX_COLLECTED)?;
    Ok(Response::bytes(content_type, body))
}
