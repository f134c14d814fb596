//! The errors of a request body.

use std::fmt;

use super::Status;

/// The reason why a body could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyError {
    /// The body has more bytes than the limit allows.
    TooLarge,
    /// A chunk is malformed: its size is not a hexadecimal number, its framing is too long, or a
    /// CRLF is missing.
    BadChunk,
    /// A trailer is not a valid field, or is not allowed in a trailer section.
    BadTrailer,
    /// The trailers are larger or more numerous than [`Limits`](super::limits::Limits) allow.
    TrailersTooLarge,
    /// The client was too slow or has disconnected.
    Incomplete,
    /// The memory budget has no room for the body.
    NoMemory,
}

impl BodyError {
    /// Returns the status of the response that reports the error.
    pub fn status(self) -> Status {
        match self {
            Self::TooLarge => Status::CONTENT_TOO_LARGE,
            Self::BadChunk | Self::BadTrailer | Self::Incomplete => Status::BAD_REQUEST,
            Self::TrailersTooLarge => Status::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::NoMemory => Status::SERVICE_UNAVAILABLE,
        }
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLarge => "the body is larger than this server accepts",
            Self::BadChunk => "the chunks of the body are malformed",
            Self::BadTrailer => "a trailer is not a field, or is not allowed after the body",
            Self::TrailersTooLarge => "the trailers are too large",
            Self::Incomplete => "the connection ended before the end of the body",
            Self::NoMemory => "the server has no memory left for the body",
        })
    }
}

impl std::error::Error for BodyError {}
