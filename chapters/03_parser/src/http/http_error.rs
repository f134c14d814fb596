//! The error of a handler or of the server, as it is sent to a client.

use std::fmt;

use super::Status;
use super::body_error::BodyError;
use super::parser::ParseError;

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
        let message = "the server failed to handle this request";
        HttpError::new(Status::INTERNAL_SERVER_ERROR, "internal_error", message)
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

    #[test]
    fn an_error_prints_its_status_its_code_and_its_message() {
        let error = HttpError::new(Status::CONFLICT, "taken", "somebody was faster");
        assert_eq!(error.to_string(), "409 taken: somebody was faster");
    }
}
