//! Status codes: the result of a request, as a number for programs and a phrase for people.
//!
//! The first digit is the class, and a client that does not recognize a code treats it as the `x00`
//! of its class (RFC 9110 section 15). So a new code does not break an old client.

use std::error::Error;
use std::fmt;

/// A response status code, 100 to 599 (RFC 9110 section 15).
///
/// The registered codes are constants: `Status::NOT_FOUND`. `Status::try_from` creates any other
/// code in the range, such as 299, so a `Status` always has three digits and one of the five
/// classes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Status(u16);

/// Generates the constants and `reason` from one table, so that they cannot disagree.
macro_rules! registered {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $reason:literal;)*) => {
        impl Status {
            $($(#[$doc])* pub const $name: Status = Status($code);)*

            /// All status codes that have a constant here, in ascending order.
            pub const ALL: &'static [Status] = &[$(Status::$name),*];

            /// Returns the reason phrase, such as `"Not Found"`, or an empty string for a code that
            /// is not registered.
            ///
            /// Clients ignore it, and HTTP/2 does not have it (RFC 9112 section 4). It helps people
            /// who read the messages.
            pub fn reason(self) -> &'static str {
                match self.0 {
                    $($code => $reason,)*
                    _ => "",
                }
            }
        }
    };
}

// Section numbers refer to RFC 9110 unless another RFC is named.
registered! {
    /// The header section is acceptable, and the client should send the body (section 15.2.1). The
    /// final response follows.
    CONTINUE = 100, "Continue";
    /// After this response the connection speaks the protocol that `Upgrade` requested
    /// (section 15.2.2).
    SWITCHING_PROTOCOLS = 101, "Switching Protocols";
    /// The server is still processing the request (RFC 2518 section 10.1, dropped from later
    /// `WebDAV`).
    PROCESSING = 102, "Processing";
    /// Fields that the final response will likely have, so that the client can preload (RFC 8297).
    EARLY_HINTS = 103, "Early Hints";

    /// The request succeeded (section 15.3.1).
    OK = 200, "OK";
    /// The request succeeded and created a resource, which `Location` identifies (section 15.3.2).
    CREATED = 201, "Created";
    /// The request is accepted for processing, which is not complete and may fail later
    /// (section 15.3.3).
    ACCEPTED = 202, "Accepted";
    /// A proxy has modified the response (section 15.3.4).
    NON_AUTHORITATIVE_INFORMATION = 203, "Non-Authoritative Information";
    /// The request succeeded and there is no content. The response ends after its header section
    /// (section 15.3.5).
    NO_CONTENT = 204, "No Content";
    /// The request succeeded, and the client should reset its form (section 15.3.6).
    RESET_CONTENT = 205, "Reset Content";
    /// The content is one or more requested ranges of the representation (section 15.3.7).
    PARTIAL_CONTENT = 206, "Partial Content";
    /// The content has a status for each of several resources (RFC 4918 section 11.1).
    MULTI_STATUS = 207, "Multi-Status";
    /// The members of this collection are listed earlier in the same 207 response (RFC 5842
    /// section 7.1).
    ALREADY_REPORTED = 208, "Already Reported";
    /// The content is the result of instance manipulations such as a delta (RFC 3229
    /// section 10.4.1).
    IM_USED = 226, "IM Used";

    /// The client can choose from several representations (section 15.4.1).
    MULTIPLE_CHOICES = 300, "Multiple Choices";
    /// The resource has moved permanently. Clients may change POST to GET, which 308 forbids
    /// (section 15.4.2).
    MOVED_PERMANENTLY = 301, "Moved Permanently";
    /// The resource has moved temporarily. Clients may change POST to GET, which 307 forbids
    /// (section 15.4.3).
    FOUND = 302, "Found";
    /// The client should fetch the result from `Location` with GET, for example after a form
    /// (section 15.4.4).
    SEE_OTHER = 303, "See Other";
    /// The client's copy is still valid. The response ends after its header section
    /// (section 15.4.5).
    NOT_MODIFIED = 304, "Not Modified";
    /// Deprecated, because a response must not configure a proxy (section 15.4.6).
    USE_PROXY = 305, "Use Proxy";
    /// The resource has moved temporarily. The method and the body stay the same (section 15.4.8).
    TEMPORARY_REDIRECT = 307, "Temporary Redirect";
    /// The resource has moved permanently. The method and the body stay the same (section 15.4.9).
    PERMANENT_REDIRECT = 308, "Permanent Redirect";

    /// The request is malformed (section 15.5.1).
    BAD_REQUEST = 400, "Bad Request";
    /// The client must authenticate, as `WWW-Authenticate` describes (section 15.5.2).
    UNAUTHORIZED = 401, "Unauthorized";
    /// The code is reserved for future use (section 15.5.3).
    PAYMENT_REQUIRED = 402, "Payment Required";
    /// The request is understood but not allowed, with these credentials or with any
    /// (section 15.5.4).
    FORBIDDEN = 403, "Forbidden";
    /// There is no such resource, or the server does not disclose it (section 15.5.5).
    NOT_FOUND = 404, "Not Found";
    /// The resource does not support the method. `Allow` lists the supported methods
    /// (section 15.5.6).
    METHOD_NOT_ALLOWED = 405, "Method Not Allowed";
    /// No representation matches the `Accept` fields (section 15.5.7).
    NOT_ACCEPTABLE = 406, "Not Acceptable";
    /// The client must authenticate at a proxy (section 15.5.8).
    PROXY_AUTHENTICATION_REQUIRED = 407, "Proxy Authentication Required";
    /// The request did not arrive in time (section 15.5.9).
    REQUEST_TIMEOUT = 408, "Request Timeout";
    /// The current state of the resource does not allow the request (section 15.5.10).
    CONFLICT = 409, "Conflict";
    /// The resource existed, and has been removed permanently (section 15.5.11).
    GONE = 410, "Gone";
    /// This server requires a `Content-Length` (section 15.5.12).
    LENGTH_REQUIRED = 411, "Length Required";
    /// A condition such as `If-Match` does not hold (section 15.5.13).
    PRECONDITION_FAILED = 412, "Precondition Failed";
    /// The body is larger than the server accepts (section 15.5.14).
    CONTENT_TOO_LARGE = 413, "Content Too Large";
    /// The request target is longer than the server accepts (section 15.5.15).
    URI_TOO_LONG = 414, "URI Too Long";
    /// The resource does not support the body's media type or coding (section 15.5.16).
    UNSUPPORTED_MEDIA_TYPE = 415, "Unsupported Media Type";
    /// None of the requested ranges is within the representation (section 15.5.17).
    RANGE_NOT_SATISFIABLE = 416, "Range Not Satisfiable";
    /// An expectation in the `Expect` field cannot be met (section 15.5.18).
    EXPECTATION_FAILED = 417, "Expectation Failed";
    /// Reserved, so that no other meaning conflicts with an April Fools' RFC (section
    /// 15.5.19, RFC 2324).
    IM_A_TEAPOT = 418, "I'm a teapot";
    /// The server is not configured to respond for the host of the request (section 15.5.20).
    MISDIRECTED_REQUEST = 421, "Misdirected Request";
    /// The content is well-formed and of a supported type, but invalid, such as a user without a
    /// name (section 15.5.21).
    UNPROCESSABLE_CONTENT = 422, "Unprocessable Content";
    /// The resource is locked (RFC 4918 section 11.3).
    LOCKED = 423, "Locked";
    /// A request that this one depends on failed (RFC 4918 section 11.4).
    FAILED_DEPENDENCY = 424, "Failed Dependency";
    /// The request might be a replay of TLS early data (RFC 8470 section 5.2).
    TOO_EARLY = 425, "Too Early";
    /// The client must switch to the protocol in `Upgrade` (section 15.5.22).
    UPGRADE_REQUIRED = 426, "Upgrade Required";
    /// The request must be conditional, so that no update is lost (RFC 6585 section 3).
    PRECONDITION_REQUIRED = 428, "Precondition Required";
    /// The client has sent too many requests; `Retry-After` may state how long to wait (RFC 6585
    /// section 4).
    TOO_MANY_REQUESTS = 429, "Too Many Requests";
    /// The header section is larger than the server accepts (RFC 6585 section 5).
    REQUEST_HEADER_FIELDS_TOO_LARGE = 431, "Request Header Fields Too Large";
    /// The resource is withheld for legal reasons (RFC 7725).
    UNAVAILABLE_FOR_LEGAL_REASONS = 451, "Unavailable For Legal Reasons";

    /// The server failed, through no fault of the client (section 15.6.1).
    INTERNAL_SERVER_ERROR = 500, "Internal Server Error";
    /// The server does not implement the method (section 15.6.2).
    NOT_IMPLEMENTED = 501, "Not Implemented";
    /// The upstream server sent an invalid response (section 15.6.3).
    BAD_GATEWAY = 502, "Bad Gateway";
    /// The server is overloaded or stopping; `Retry-After` may state how long to wait
    /// (section 15.6.4).
    SERVICE_UNAVAILABLE = 503, "Service Unavailable";
    /// The upstream server did not respond in time (section 15.6.5).
    GATEWAY_TIMEOUT = 504, "Gateway Timeout";
    /// The server does not support this major version of HTTP (section 15.6.6).
    HTTP_VERSION_NOT_SUPPORTED = 505, "HTTP Version Not Supported";
    /// The chosen variant itself negotiates, which is a configuration error (RFC 2295 section 8.1).
    VARIANT_ALSO_NEGOTIATES = 506, "Variant Also Negotiates";
    /// The server does not have enough storage for the result (RFC 4918 section 11.5).
    INSUFFICIENT_STORAGE = 507, "Insufficient Storage";
    /// The resources form a loop (RFC 5842 section 7.2).
    LOOP_DETECTED = 508, "Loop Detected";
    /// Obsolete: the request lacks a required extension (RFC 2774 section 7).
    NOT_EXTENDED = 510, "Not Extended";
    /// The client must first log in to the network, for example at a captive portal (RFC 6585
    /// section 6).
    NETWORK_AUTHENTICATION_REQUIRED = 511, "Network Authentication Required";
}

impl Status {
    /// Returns the number, from 100 to 599.
    pub fn code(self) -> u16 {
        self.0
    }

    /// Returns whether the status is 1xx: interim, with the final response on the same connection.
    /// A handler must not return one.
    pub fn is_informational(self) -> bool {
        self.0 / 100 == 1
    }

    /// Returns whether the status is 2xx: the request was received, understood and accepted.
    pub fn is_success(self) -> bool {
        self.0 / 100 == 2
    }

    /// Returns whether the status is 3xx: the client has to take another step, such as following
    /// `Location`.
    pub fn is_redirection(self) -> bool {
        self.0 / 100 == 3
    }

    /// Returns whether a response with this status may have content. 1xx, 204, 205 and 304 may not
    /// (RFC 9110 section 15).
    pub fn allows_content(self) -> bool {
        !(self.ends_with_head() || self == Status::RESET_CONTENT)
    }

    /// Returns whether a response with this status ends with its header section, regardless of its
    /// fields: 1xx, 204 and 304 (RFC 9112 section 6.3).
    ///
    /// The client would read a body as the start of the next response. 205 is not among them: it
    /// needs a length of 0, because the client would otherwise wait for a body.
    pub fn ends_with_head(self) -> bool {
        self.is_informational() || self == Status::NO_CONTENT || self == Status::NOT_MODIFIED
    }
}

impl TryFrom<u16> for Status {
    type Error = InvalidStatus;

    fn try_from(code: u16) -> Result<Status, InvalidStatus> {
        if (100..=599).contains(&code) { Ok(Status(code)) } else { Err(InvalidStatus(code)) }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason() {
            "" => write!(out, "{}", self.0),
            reason => write!(out, "{} {reason}", self.0),
        }
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Status({self})")
    }
}

/// The error for a number outside the range of status codes, 100 to 599.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidStatus(u16);

impl fmt::Display for InvalidStatus {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} is not a status code; they go from 100 to 599", self.0)
    }
}

impl Error for InvalidStatus {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_ascending_and_every_registered_code_has_a_reason() {
        assert!(Status::ALL.windows(2).all(|pair| pair[0] < pair[1]));
        for status in Status::ALL {
            assert!(!status.reason().is_empty(), "{status:?}");
            assert_eq!(Status::try_from(status.code()), Ok(*status));
        }
    }

    #[test]
    fn a_status_prints_as_in_the_status_line() {
        assert_eq!(Status::NOT_FOUND.to_string(), "404 Not Found");
        assert_eq!(format!("{:?}", Status::NOT_FOUND), "Status(404 Not Found)");
        assert_eq!(Status::try_from(299).unwrap().to_string(), "299");
    }

    #[test]
    fn a_number_outside_100_to_599_is_rejected() {
        for code in [0, 99, 600, 999, u16::MAX] {
            assert_eq!(Status::try_from(code), Err(InvalidStatus(code)));
        }
        assert!(InvalidStatus(600).to_string().contains("600"));
    }

    #[test]
    fn the_first_digit_is_the_class() {
        for status in (100..=599).map(|code| Status::try_from(code).unwrap()) {
            let classes = [status.is_informational(), status.is_success(), status.is_redirection()];
            let expected = [1, 2, 3].map(|digit| status.code() / 100 == digit);
            assert_eq!(classes, expected, "{status}");
        }
    }

    #[test]
    fn only_1xx_204_and_304_end_with_the_header_section() {
        let bodiless: Vec<u16> =
            (100..=599).filter(|&code| Status(code).ends_with_head()).collect();
        let expected: Vec<u16> = (100..=199).chain([204, 304]).collect();
        assert_eq!(bodiless, expected);
    }

    #[test]
    fn only_1xx_204_205_and_304_have_no_content() {
        for code in 100..=599 {
            let status = Status(code);
            let expected = !status.ends_with_head() && status != Status::RESET_CONTENT;
            assert_eq!(status.allows_content(), expected, "{status}");
        }
    }
}
