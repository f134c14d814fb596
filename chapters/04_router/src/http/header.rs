//! The field names that this program uses, as constants.
//!
//! A misspelt constant does not compile, and neither does a constant whose value is not a token.

use crate::http::header_name::HeaderName;

/// The media types that the client accepts (RFC 9110 section 12.5.1).
pub const ACCEPT: HeaderName = HeaderName::from_static("Accept");
/// The content codings that the client accepts (RFC 9110 section 12.5.3).
pub const ACCEPT_ENCODING: HeaderName = HeaderName::from_static("Accept-Encoding");
/// The methods that the resource supports (RFC 9110 section 10.2.1).
pub const ALLOW: HeaderName = HeaderName::from_static("Allow");
/// The caches that may store a response, and the time for which they may use it (RFC 9111
/// section 5.2).
pub const CACHE_CONTROL: HeaderName = HeaderName::from_static("Cache-Control");
/// The options for this connection only, such as `close` (RFC 9110 section 7.6.1).
pub const CONNECTION: HeaderName = HeaderName::from_static("Connection");
/// The coding of the content, such as gzip (RFC 9110 section 8.4).
pub const CONTENT_ENCODING: HeaderName = HeaderName::from_static("Content-Encoding");
/// The length of the content in bytes (RFC 9110 section 8.6).
pub const CONTENT_LENGTH: HeaderName = HeaderName::from_static("Content-Length");
/// The media type of the content (RFC 9110 section 8.3).
pub const CONTENT_TYPE: HeaderName = HeaderName::from_static("Content-Type");
/// The cookies that the client has stored for the server (RFC 6265 section 5.4).
pub const COOKIE: HeaderName = HeaderName::from_static("Cookie");
/// The time at which the response was generated (RFC 9110 section 6.6.1).
pub const DATE: HeaderName = HeaderName::from_static("Date");
/// The tag of this version of the representation (RFC 9110 section 8.8.3).
pub const ETAG: HeaderName = HeaderName::from_static("ETag");
/// The behavior that the client requires, such as `100-continue` (RFC 9110 section 10.1.1).
pub const EXPECT: HeaderName = HeaderName::from_static("Expect");
/// The host and port that the request is for (RFC 9110 section 7.2).
pub const HOST: HeaderName = HeaderName::from_static("Host");
/// The time of the last change of the representation (RFC 9110 section 8.8.2).
pub const LAST_MODIFIED: HeaderName = HeaderName::from_static("Last-Modified");
/// The URI of the created resource or of the redirect (RFC 9110 section 10.2.2).
pub const LOCATION: HeaderName = HeaderName::from_static("Location");
/// The time to wait before another request (RFC 9110 section 10.2.3).
pub const RETRY_AFTER: HeaderName = HeaderName::from_static("Retry-After");
/// A cookie that the client is to store (RFC 6265 section 4.1). This is the only response field
/// whose lines must not be joined by commas.
pub const SET_COOKIE: HeaderName = HeaderName::from_static("Set-Cookie");
/// The names of the fields that follow a chunked body (RFC 9110 section 6.6.2).
pub const TRAILER: HeaderName = HeaderName::from_static("Trailer");
/// The codings of the message body, such as `chunked` (RFC 9112 section 6.1).
pub const TRANSFER_ENCODING: HeaderName = HeaderName::from_static("Transfer-Encoding");
/// The program that sends the request (RFC 9110 section 10.1.5).
pub const USER_AGENT: HeaderName = HeaderName::from_static("User-Agent");
/// The request fields that this representation depends on (RFC 9110 section 12.5.5).
pub const VARY: HeaderName = HeaderName::from_static("Vary");
/// The instruction to a browser to use `Content-Type` instead of a guess (WHATWG Fetch
/// section 3.6).
pub const X_CONTENT_TYPE_OPTIONS: HeaderName = HeaderName::from_static("X-Content-Type-Options");
