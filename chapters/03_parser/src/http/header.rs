//! The field names this program uses, each spelled once.
//!
//! A misspelt constant does not compile, and neither does one that is not a token.

use crate::http::header_name::HeaderName;

/// Which media types the client accepts (RFC 9110 section 12.5.1).
pub const ACCEPT: HeaderName = HeaderName::from_static("Accept");
/// Which content codings the client accepts (RFC 9110 section 12.5.3).
pub const ACCEPT_ENCODING: HeaderName = HeaderName::from_static("Accept-Encoding");
/// The methods the resource has (RFC 9110 section 10.2.1).
pub const ALLOW: HeaderName = HeaderName::from_static("Allow");
/// Which caches may store the response, and for how long (RFC 9111 section 5.2).
pub const CACHE_CONTROL: HeaderName = HeaderName::from_static("Cache-Control");
/// Options for this connection only, such as `close` (RFC 9110 section 7.6.1).
pub const CONNECTION: HeaderName = HeaderName::from_static("Connection");
/// Which coding, such as gzip, the content is in (RFC 9110 section 8.4).
pub const CONTENT_ENCODING: HeaderName = HeaderName::from_static("Content-Encoding");
/// How many bytes the body has (RFC 9110 section 8.6).
pub const CONTENT_LENGTH: HeaderName = HeaderName::from_static("Content-Length");
/// The media type of the content (RFC 9110 section 8.3).
pub const CONTENT_TYPE: HeaderName = HeaderName::from_static("Content-Type");
/// Cookies that the client has stored for the server (RFC 6265 section 5.4).
pub const COOKIE: HeaderName = HeaderName::from_static("Cookie");
/// When the response was made (RFC 9110 section 6.6.1).
pub const DATE: HeaderName = HeaderName::from_static("Date");
/// Which version of the representation this is (RFC 9110 section 8.8.3).
pub const ETAG: HeaderName = HeaderName::from_static("ETag");
/// The response that the client waits for before it sends the body (RFC 9110 section 10.1.1).
pub const EXPECT: HeaderName = HeaderName::from_static("Expect");
/// Which site of this server the request is for (RFC 9110 section 7.2).
pub const HOST: HeaderName = HeaderName::from_static("Host");
/// When the representation last changed (RFC 9110 section 8.8.2).
pub const LAST_MODIFIED: HeaderName = HeaderName::from_static("Last-Modified");
/// Where the new resource is, or where to redirect the client (RFC 9110 section 10.2.2).
pub const LOCATION: HeaderName = HeaderName::from_static("Location");
/// When to try again (RFC 9110 section 10.2.3).
pub const RETRY_AFTER: HeaderName = HeaderName::from_static("Retry-After");
/// A cookie for the client to store (RFC 6265 section 4.1). The one response field whose lines must not be joined by
/// commas.
pub const SET_COOKIE: HeaderName = HeaderName::from_static("Set-Cookie");
/// Which fields come after a chunked body (RFC 9110 section 6.6.2).
pub const TRAILER: HeaderName = HeaderName::from_static("Trailer");
/// How the body is framed, if not by a length (RFC 9112 section 6.1).
pub const TRANSFER_ENCODING: HeaderName = HeaderName::from_static("Transfer-Encoding");
/// Which program sends the request (RFC 9110 section 10.1.5).
pub const USER_AGENT: HeaderName = HeaderName::from_static("User-Agent");
/// Which request fields chose this representation (RFC 9110 section 12.5.5).
pub const VARY: HeaderName = HeaderName::from_static("Vary");
/// Makes a browser use `Content-Type` and not guess (WHATWG Fetch section 3.6).
pub const X_CONTENT_TYPE_OPTIONS: HeaderName = HeaderName::from_static("X-Content-Type-Options");
