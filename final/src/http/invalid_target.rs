//! The errors of a request target.

use std::error::Error;
use std::fmt;

/// The reason why a target is rejected, always with 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidTarget {
    /// There is nothing between the two spaces of the request line.
    Empty,
    /// A byte is not visible ASCII. A target has to be encoded before it is sent.
    Byte(u8),
    /// The target contains a `#`. A browser does not send the fragment.
    Fragment,
    /// The target is neither `/path` nor an absolute URI, such as `users` or `host:80`.
    NotAPath,
    /// The target is an absolute URI with a scheme other than http and https.
    Scheme,
    /// The host or port is invalid or missing, or there is a `user@` before it.
    Authority,
    /// `*` is the target of a method other than OPTIONS.
    Asterisk,
    /// A `%` is not followed by two hex digits.
    Escape,
    /// The decoded bytes are not UTF-8.
    Utf8,
}

impl fmt::Display for InvalidTarget {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InvalidTarget::Empty => out.write_str("the request target is empty"),
            InvalidTarget::Byte(byte) => {
                write!(out, "byte 0x{byte:02X} in the request target; write it as %{byte:02X}")
            }
            InvalidTarget::Fragment => {
                out.write_str("# in the request target; a fragment is not sent, a literal # is %23")
            }
            InvalidTarget::NotAPath => {
                out.write_str("the request target is neither a /path nor an absolute http URI")
            }
            InvalidTarget::Scheme => {
                out.write_str("the request target is a URI of another scheme than http and https")
            }
            InvalidTarget::Authority => {
                out.write_str("the request target has no valid host and port")
            }
            InvalidTarget::Asterisk => out.write_str("the request target * is for OPTIONS only"),
            InvalidTarget::Escape => {
                out.write_str("% without two hex digits in the path; a literal % is %25")
            }
            InvalidTarget::Utf8 => out.write_str("the path is not UTF-8 once it is decoded"),
        }
    }
}

impl Error for InvalidTarget {}
