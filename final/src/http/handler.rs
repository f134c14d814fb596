//! HANDLE: the seam between the server and the application.

use std::fmt;

use serde_json::json;

use super::body::BodyError;
use super::parser::ParseError;
use super::{Request, Response, Status};
use crate::core::stderr::log_stderr;

/// Answers requests.
///
/// One value serves all workers at the same time, which is why it gets `&self` and must be `Sync`: what
/// changes lives behind a `Mutex` or in an atomic. The request is lent, not given, so that whoever called
/// still has it afterwards, even after a panic.
pub trait Handler: Send + Sync + 'static {
    /// Answers one request.
    fn handle(&self, request: &mut Request) -> Response;
}

/// A function from a request to something that can be a response is a handler.
impl<F, R> Handler for F
where
    F: Fn(&mut Request) -> R + Send + Sync + 'static,
    R: IntoResponse,
{
    fn handle(&self, request: &mut Request) -> Response {
        self(request).into_response()
    }
}

/// What a handler may return.
pub trait IntoResponse {
    /// The response that says it.
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

/// With this a handler can use `?`: a `Result` is the response of whichever side it has.
impl<T: IntoResponse, E: IntoResponse> IntoResponse for Result<T, E> {
    fn into_response(self) -> Response {
        match self {
            Ok(value) => value.into_response(),
            Err(error) => error.into_response(),
        }
    }
}

/// An error as the client sees it: a status, and JSON with a code for programs and a text for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpError {
    /// The status of the response.
    pub status: Status,
    /// A short name that a program can compare.
    pub code: &'static str,
    /// What is wrong, in a sentence that may be shown to anybody.
    pub message: String,
}

impl HttpError {
    /// An error with these parts.
    pub fn new(status: Status, code: &'static str, message: impl Into<String>) -> HttpError {
        HttpError { status, code, message: message.into() }
    }

    /// 500 for a mistake of this program. The client gets no details; standard error does.
    pub fn internal() -> HttpError {
        let message = "the server made a mistake with this request";
        HttpError::new(Status::INTERNAL_SERVER_ERROR, "internal_error", message)
    }
}

/// What may be sent for the response of a handler: the response itself if its status is final, otherwise a 500, and a line
/// on standard error that begins with `about`.
///
/// A 1xx is interim (RFC 9110 section 15.2). The client would wait for the final response, and take the next one on the
/// connection for that, so from then on each response would belong to the wrong request.
pub fn final_response(response: Response, about: impl fmt::Display) -> Response {
    let status = response.status();
    if !status.is_informational() {
        return response;
    }
    log_stderr(format_args!(
        "{about}: the handler responded with {status}, which is no final status"
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
        refusal(error.status(), error.to_string())
    }
}

impl From<BodyError> for HttpError {
    fn from(error: BodyError) -> HttpError {
        refusal(error.status(), error.to_string())
    }
}

/// The answer to a message that could not be read: its code is the status in words.
fn refusal(status: Status, message: String) -> HttpError {
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

    fn answer(handler: &dyn Handler) -> (u16, Vec<u8>) {
        let response = handler.handle(&mut Request::builder(Method::Get, "/").build());
        let body = match response.body() {
            ResponseBody::Bytes(bytes) => bytes.to_vec(),
            _ => Vec::new(),
        };
        (response.status().code(), body)
    }

    #[test]
    fn a_handler_may_return_text_a_status_or_a_result() {
        assert_eq!(answer(&|_: &mut Request| "hi"), (200, b"hi".to_vec()));
        assert_eq!(answer(&|_: &mut Request| Status::NO_CONTENT), (204, vec![]));
        let fails = |_: &mut Request| -> Result<&'static str, HttpError> {
            Err(HttpError::new(Status::CONFLICT, "taken", "somebody was faster"))
        };
        let body = br#"{"error":"taken","message":"somebody was faster"}"#;
        assert_eq!(answer(&fails), (409, body.to_vec()));
    }

    #[test]
    fn an_error_prints_its_status_its_code_and_its_message() {
        let error = HttpError::new(Status::CONFLICT, "taken", "somebody was faster");
        assert_eq!(error.to_string(), "409 taken: somebody was faster");
    }
}
