//! HANDLE: the interface between the server and the application.

use std::fmt;

use serde_json::json;

use super::{HttpError, Request, Response, Status};
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

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        Response::json(&json!({ "error": self.code, "message": self.message }))
            .with_status(self.status)
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
}
