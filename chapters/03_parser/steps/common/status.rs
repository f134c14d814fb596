//! The statuses that the steps send, each with its reason phrase.

/// The status code and the reason phrase, as they are sent.
pub(crate) type Status = &'static str;

pub(crate) const OK: Status = "200 OK";
pub(crate) const BAD_REQUEST: Status = "400 Bad Request";
pub(crate) const NOT_FOUND: Status = "404 Not Found";
pub(crate) const REQUEST_TIMEOUT: Status = "408 Request Timeout";
pub(crate) const CONTENT_TOO_LARGE: Status = "413 Content Too Large";
pub(crate) const URI_TOO_LONG: Status = "414 URI Too Long";
pub(crate) const FIELDS_TOO_LARGE: Status = "431 Request Header Fields Too Large";
pub(crate) const NOT_IMPLEMENTED: Status = "501 Not Implemented";
pub(crate) const VERSION_NOT_SUPPORTED: Status = "505 HTTP Version Not Supported";
