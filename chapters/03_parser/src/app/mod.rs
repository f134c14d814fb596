//! The application that is built with the server: its paths and their handlers.

mod inspect;

use crate::Arguments;
use crate::http::{
    HeaderValue, HttpError, IntoResponse, Method, Request, Response, Status, extract, header,
};

/// Builds the application as one handler.
///
/// # Errors
/// Never returns an error, because these arguments cannot contradict each other.
pub fn build(_arguments: &Arguments) -> anyhow::Result<fn(&mut Request) -> Response> {
    Ok(route)
}

/// Finds the handler for a path, and checks the method.
fn route(request: &mut Request) -> Response {
    const READ_METHODS: &str = "GET, HEAD, OPTIONS";
    const ANY: &str = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, TRACE";
    match (request.path(), request.method()) {
        ("*", _) | ("/inspect", Method::Options) => allow(Status::NO_CONTENT, ANY),
        ("/inspect", _) | ("/", Method::Get | Method::Head) => inspect::show(request),
        ("/echo", Method::Post | Method::Put) => echo(request).into_response(),
        ("/", Method::Options) => allow(Status::NO_CONTENT, READ_METHODS),
        ("/", _) => not_allowed(request, READ_METHODS),
        ("/echo", Method::Options) => allow(Status::NO_CONTENT, "OPTIONS, POST, PUT"),
        ("/echo", _) => not_allowed(request, "OPTIONS, POST, PUT"),
        (path, _) => {
            let message = format!("there is nothing at {path}");
            HttpError::new(Status::NOT_FOUND, "not_found", message).into_response()
        }
    }
}

/// Sends the request body back.
fn echo(request: &mut Request) -> Result<Response, HttpError> {
    let content_type = request
        .headers()
        .get(header::CONTENT_TYPE)
        .cloned()
        .unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let body = request.body_mut().read_all(extract::MAX_COLLECTED)?;
    Ok(Response::bytes(content_type, body))
}

fn allow(status: Status, methods: &'static str) -> Response {
    Response::new(status).with_header(header::ALLOW, HeaderValue::from_static(methods))
}

fn not_allowed(request: &Request, methods: &'static str) -> Response {
    let message = format!("{} allows {methods}", request.path());
    HttpError::new(Status::METHOD_NOT_ALLOWED, "method_not_allowed", message)
        .into_response()
        .with_header(header::ALLOW, HeaderValue::from_static(methods))
}
