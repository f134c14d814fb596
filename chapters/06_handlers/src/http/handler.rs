//! HANDLE: the interface between the server and the application.

use std::fmt;

use serde_json::json;

use super::body::BodyError;
use super::parser::ParseError;
use super::{Request, Response, Status};
use crate::core::stderr::log_stderr;

/// A function that turns a request into a response.
///
/// All workers share one handler, so it takes `&self` and must be `Sync`: mutable state needs a
/// `Mutex` or an atomic. The request is borrowed, so that the caller can still use it afterwards,
/// even after a panic.
pub trait Handler: Send + Sync + 'static {
    /// Handles one request.
    fn handle(&self, request: &mut Request) -> Response;
}

/// Every function from a request to a response is a handler.
impl<F, R> Handler for F
where
    F: Fn(&mut Request) -> R + Send + Sync + 'static,
    R: IntoResponse,
{
    fn handle(&self, request: &mut Request) -> Response {
        self(request).into_response()
    }
}

/// A value that a handler may return.
pub trait IntoResponse {
    /// Converts the value into a response.
    fn into_response(self) -> Response;
}

impl IntoResponse for Response {
    fn into_response(self) -> Response {
        self
    }
}

impl IntoResponse for &'static str {
    fn into_response(self) -> Response {
        Response::text(self)
    }
}

impl IntoResponse for String {
    fn into_response(self) -> Response {
        Response::text(self)
    }
}

impl IntoResponse for Status {
    fn into_response(self) -> Response {
        Response::new(self)
    }
}

/// This implementation lets a handler use `?`: both variants of a `Result` convert into a response.
impl<T: IntoResponse, E: IntoResponse> IntoResponse for Result<T, E> {
    fn into_response(self) -> Response {
        match self {
            Ok(value) => value.into_response(),
            Err(error) => error.into_response(),
        }
    }
}

/// An error that is sent to a client: a status, and JSON with a code for programs and a message for
/// people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpError {
    /// The status of the response.
    pub status: Status,
    /// A short name that programs can compare.
    pub code: &'static str,
    /// A sentence about the problem. It is sent to the client, so it must not contain internal
    /// details.
    pub message: String,
}

impl HttpError {
    /// Builds an error from its parts.
    pub fn new(status: Status, code: &'static str, message: impl Into<String>) -> HttpError {
        HttpError { status, code, message: message.into() }
    }

    /// Returns a 500 for a bug in this program. The client gets no details: those are logged on
    /// standard error.
    pub fn internal() -> HttpError {
        let message = "the server made a mistake with this request";
        HttpError::new(Status::INTERNAL_SERVER_ERROR, "internal_error", message)
    }
}

/// Returns a handler's response if its status is final. Otherwise logs a line that starts with
/// `about` on standard error, and returns a 500.
///
/// A 1xx is interim (RFC 9110 section 15.2): the client would take the next response on the
/// connection for the final one, so from then on it would assign every response to the wrong
/// request.
pub fn final_response(response: Response, about: impl fmt::Display) -> Response {
    let status = response.status();
    if !status.is_informational() {
        return response;
    }
    log_stderr(format_args!(
        "{about}: the handler responded with {status}, which is not a final status"
    ));
    HttpError::internal().into_response()
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        Response::json(&json!({ "error": self.code, "message": self.message }))
            .with_status(self.status)
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status.code(), self.code, self.message)
    }
}

impl std::error::Error for HttpError {}

impl From<ParseError> for HttpError {
    fn from(error: ParseError) -> HttpError {
        rejection(error.status(), error.to_string())
    }
}

impl From<BodyError> for HttpError {
    fn from(error: BodyError) -> HttpError {
        rejection(error.status(), error.to_string())
    }
}

/// Returns the error for a message that could not be parsed. Its code is the status in words.
fn rejection(status: Status, message: String) -> HttpError {
    let code = match status {
        Status::CONTENT_TOO_LARGE => "content_too_large",
        Status::URI_TOO_LONG => "uri_too_long",
        Status::REQUEST_HEADER_FIELDS_TOO_LARGE => "header_fields_too_large",
        Status::NOT_IMPLEMENTED => "not_implemented",
        Status::HTTP_VERSION_NOT_SUPPORTED => "version_not_supported",
        _ => "bad_request",
    };
    HttpError::new(status, code, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Method, ResponseBody};

    fn respond(handler: &dyn Handler) -> (u16, Vec<u8>) {
        let response = handler.handle(&mut Request::builder(Method::Get, "/").build());
        let body = match response.body() {
            ResponseBody::Bytes(bytes) => bytes.to_vec(),
            _ => Vec::new(),
        };
        (response.status().code(), body)
    }

    #[test]
    fn a_handler_may_return_text_a_status_or_a_result() {
        assert_eq!(respond(&|_: &mut Request| "hi"), (200, b"hi".to_vec()));
        assert_eq!(respond(&|_: &mut Request| Status::NO_CONTENT), (204, vec![]));
        let fails = |_: &mut Request| -> Result<&'static str, HttpError> {
            Err(HttpError::new(Status::CONFLICT, "taken", "somebody was faster"))
        };
        let body = br#"{"error":"taken","message":"somebody was faster"}"#;
        assert_eq!(respond(&fails), (409, body.to_vec()));
    }

    #[test]
    fn an_error_prints_its_status_its_code_and_its_message() {
        let error = HttpError::new(Status::CONFLICT, "taken", "somebody was faster");
        assert_eq!(error.to_string(), "409 taken: somebody was faster");
    }
}
