//! FRAMING: determines where the body of a request ends (RFC 9112 section 6).

use std::fmt;

use super::{Headers, Status, Version, header};

/// The length of a request's body, as its header section announces it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyLength {
    /// A known number of bytes. It is zero for a request without framing fields, which has no body.
    Fixed(u64),
    /// An unknown length: a chunk of size zero ends the body.
    Chunked,
}

/// Determines how a request's body is framed (RFC 9112 section 6.3).
///
/// Request smuggling exploits this decision: if a server and a proxy in front of it disagree about
/// where a body ends, then a part of the body for one of them is the next request for the other. So
/// everything ambiguous is rejected, even where the RFC allows a server to accept it.
///
/// # Errors
/// Returns [`FramingError`] for ambiguous or unsupported framing. The connection must be closed
/// after it, since the start of the next request is unknown.
pub fn body_length(version: Version, headers: &Headers) -> Result<BodyLength, FramingError> {
    let has_length = headers.contains(header::CONTENT_LENGTH);
    if !headers.contains(header::TRANSFER_ENCODING) {
        return if has_length { content_length(headers) } else { Ok(BodyLength::Fixed(0)) };
    }
    if has_length {
        return Err(FramingError::BothLengths);
    }
    if version == Version::Http10 {
        return Err(FramingError::CodingOnHttp10);
    }
    let codings: Vec<&str> = headers.list(header::TRANSFER_ENCODING).collect();
    let is_chunked = |coding: &&str| coding.eq_ignore_ascii_case("chunked");
    match codings.split_last() {
        // If chunked is not the last coding, the length is unknown. A sender must not apply it
        // twice (RFC 9112 section 6.1).
        Some((last, before)) if is_chunked(last) && !before.iter().any(is_chunked) => {
            if before.is_empty() {
                Ok(BodyLength::Chunked)
            } else {
                Err(FramingError::UnknownCoding)
            }
        }
        _ => Err(FramingError::ChunkedNotLast),
    }
}

/// Parses all Content-Length lines (RFC 9110 section 8.6): one number, which may be repeated.
fn content_length(headers: &Headers) -> Result<BodyLength, FramingError> {
    let mut agreed = None;
    for line in headers.get_all(header::CONTENT_LENGTH) {
        for element in line.as_bytes().split(|byte| *byte == b',') {
            let length = decimal(element.trim_ascii())?;
            if *agreed.get_or_insert(length) != length {
                return Err(FramingError::DifferentLengths);
            }
        }
    }
    Ok(BodyLength::Fixed(agreed.unwrap_or(0)))
}

/// Parses 1*DIGIT. The standard library's parser would also accept a plus sign.
fn decimal(digits: &[u8]) -> Result<u64, FramingError> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(FramingError::BadLength);
    }
    digits
        .iter()
        .try_fold(0u64, |value, digit| value.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
        .ok_or(FramingError::LengthOverflow)
}

/// The reason why the end of a body cannot be determined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FramingError {
    /// The request has both Content-Length and Transfer-Encoding.
    BothLengths,
    /// A Content-Length is not a decimal number.
    BadLength,
    /// Two Content-Lengths differ.
    DifferentLengths,
    /// A Content-Length does not fit into 64 bits.
    LengthOverflow,
    /// An HTTP/1.0 request has Transfer-Encoding, which that version does not define.
    CodingOnHttp10,
    /// `chunked` is not the last transfer coding, or occurs more than once.
    ChunkedNotLast,
    /// `chunked` follows a transfer coding that this server does not implement.
    UnknownCoding,
}

impl FramingError {
    /// Returns the status of the response that reports the error.
    pub fn status(self) -> Status {
        match self {
            Self::LengthOverflow => Status::CONTENT_TOO_LARGE,
            Self::UnknownCoding => Status::NOT_IMPLEMENTED,
            _ => Status::BAD_REQUEST,
        }
    }
}

impl fmt::Display for FramingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BothLengths => {
                "a request must not have both Content-Length and Transfer-Encoding"
            }
            Self::BadLength => "Content-Length must be a decimal number",
            Self::DifferentLengths => "several Content-Lengths must all be the same",
            Self::LengthOverflow => "Content-Length is larger than any body can be",
            Self::CodingOnHttp10 => "HTTP/1.0 has no Transfer-Encoding",
            Self::ChunkedNotLast => {
                "the last transfer coding must be chunked, once, without parameters"
            }
            Self::UnknownCoding => "chunked is the only transfer coding of this server",
        })
    }
}

impl std::error::Error for FramingError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::fields::parse_fields;

    fn judge(lines: &str) -> Result<BodyLength, FramingError> {
        let block = format!("{}\r\n\r\n", lines.replace('\n', "\r\n"));
        body_length(Version::Http11, &parse_fields(block.as_bytes(), 10).unwrap())
    }

    #[test]
    fn a_body_ends_where_the_fields_say_or_the_request_is_refused() {
        use FramingError::{
            BadLength, BothLengths, ChunkedNotLast, DifferentLengths, LengthOverflow, UnknownCoding,
        };
        let table = [
            ("Host: a", Ok(BodyLength::Fixed(0))),
            ("Content-Length: 0", Ok(BodyLength::Fixed(0))),
            ("Content-Length: 0042", Ok(BodyLength::Fixed(42))),
            ("Content-Length: 5, 5", Ok(BodyLength::Fixed(5))),
            ("Content-Length: 5\nContent-Length: 5", Ok(BodyLength::Fixed(5))),
            ("Content-Length: 18446744073709551615", Ok(BodyLength::Fixed(u64::MAX))),
            ("Content-Length: 18446744073709551616", Err(LengthOverflow)),
            ("Content-Length: 5, 6", Err(DifferentLengths)),
            ("Content-Length: 5\nContent-Length: 6", Err(DifferentLengths)),
            ("Content-Length:", Err(BadLength)),
            ("Content-Length: 5,", Err(BadLength)),
            ("Content-Length: +5", Err(BadLength)),
            ("Content-Length: -5", Err(BadLength)),
            ("Content-Length: 0x5", Err(BadLength)),
            ("Content-Length: 1_0", Err(BadLength)),
            ("Content-Length: 5 5", Err(BadLength)),
            ("Transfer-Encoding: chunked", Ok(BodyLength::Chunked)),
            ("Transfer-Encoding: \tcHuNkEd ", Ok(BodyLength::Chunked)),
            ("Transfer-Encoding: , chunked", Ok(BodyLength::Chunked)),
            ("Transfer-Encoding:", Err(ChunkedNotLast)),
            ("Transfer-Encoding: identity", Err(ChunkedNotLast)),
            ("Transfer-Encoding: xchunked", Err(ChunkedNotLast)),
            ("Transfer-Encoding: chunked;a=b", Err(ChunkedNotLast)),
            ("Transfer-Encoding: chunked, identity", Err(ChunkedNotLast)),
            ("Transfer-Encoding: chunked\nTransfer-Encoding: identity", Err(ChunkedNotLast)),
            ("Transfer-Encoding: chunked, chunked", Err(ChunkedNotLast)),
            ("Transfer-Encoding: gzip, chunked", Err(UnknownCoding)),
            ("Transfer-Encoding: chunked\nContent-Length: 5", Err(BothLengths)),
            ("Content-Length: 5\nTransfer-Encoding: identity", Err(BothLengths)),
        ];
        for (lines, expected) in table {
            assert_eq!(judge(lines), expected, "{lines}");
        }
    }

    #[test]
    fn a_length_that_is_too_large_is_413_and_a_coding_that_is_missing_is_501() {
        for (lines, status) in [
            ("Content-Length: 99999999999999999999", 413),
            ("Transfer-Encoding: gzip, chunked", 501),
            ("Transfer-Encoding: gzip", 400),
            ("Content-Length: 5, 6", 400),
        ] {
            assert_eq!(judge(lines).unwrap_err().status().code(), status, "{lines}");
        }
    }

    #[test]
    fn http_1_0_has_no_transfer_encoding() {
        let headers = parse_fields(b"Transfer-Encoding: chunked\r\n\r\n", 1).unwrap();
        assert_eq!(body_length(Version::Http10, &headers), Err(FramingError::CodingOnHttp10));
    }
}
