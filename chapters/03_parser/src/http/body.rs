//! The body of a request: decoding its bytes, and reading it in a handler.

use std::fmt;
use std::io::{self, Read};

use super::chunked::ChunkedDecoder;
use super::framing::BodyLength;
use super::limits::Limits;
use super::{Headers, Status};

/// Decodes a request body from the bytes that arrive, for both framings.
#[derive(Debug)]
pub enum BodyDecoder {
    /// A body of known length.
    Fixed {
        /// Bytes that have not arrived yet.
        left: u64,
    },
    /// A body in chunks.
    Chunked(Box<ChunkedDecoder>),
}

impl BodyDecoder {
    /// A decoder for one body.
    ///
    /// # Errors
    /// [`BodyError::TooLarge`] when the header section announces a body larger than [`Limits::body`]. It is
    /// rejected before any of it arrives.
    pub fn new(length: BodyLength, limits: &Limits) -> Result<BodyDecoder, BodyError> {
        match length {
            BodyLength::Fixed(length) if length > limits.body => Err(BodyError::TooLarge),
            BodyLength::Fixed(length) => Ok(BodyDecoder::Fixed { left: length }),
            BodyLength::Chunked => Ok(BodyDecoder::Chunked(Box::new(ChunkedDecoder::new(limits)))),
        }
    }

    /// Appends the bytes of this body that are in `input` to `out`, and returns how much of `input` it consumed.
    ///
    /// # Errors
    /// [`BodyError`] with its status. The connection must close after it.
    pub fn decode(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<usize, BodyError> {
        match self {
            BodyDecoder::Fixed { left } => {
                let count =
                    usize::try_from(*left).map_or(input.len(), |left| left.min(input.len()));
                out.extend_from_slice(&input[..count]);
                *left -= count as u64;
                Ok(count)
            }
            BodyDecoder::Chunked(decoder) => decoder.decode(input, out),
        }
    }

    /// Whether the body has ended.
    pub fn is_done(&self) -> bool {
        match self {
            BodyDecoder::Fixed { left } => *left == 0,
            BodyDecoder::Chunked(decoder) => decoder.is_done(),
        }
    }

    /// The trailer fields after the body, if any.
    pub fn into_trailers(self) -> Headers {
        match self {
            BodyDecoder::Fixed { .. } => Headers::new(),
            BodyDecoder::Chunked(decoder) => decoder.into_trailers(),
        }
    }
}

/// A request's body, as a handler sees it.
///
/// The type is opaque, so a handler does not depend on where the bytes are stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestBody {
    bytes: Vec<u8>,
    read: usize,
}

impl RequestBody {
    /// The unread bytes, without consuming them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[self.read..]
    }

    /// The number of unread bytes.
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Whether nothing is left to read.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads the remaining body.
    ///
    /// # Errors
    /// [`BodyError::TooLarge`] when more than `limit` bytes remain.
    pub fn read_all(&mut self, limit: usize) -> Result<Vec<u8>, BodyError> {
        if self.len() > limit {
            return Err(BodyError::TooLarge);
        }
        let rest = self.bytes.split_off(self.read);
        self.read = self.bytes.len();
        Ok(rest)
    }
}

impl From<Vec<u8>> for RequestBody {
    fn from(bytes: Vec<u8>) -> RequestBody {
        RequestBody { bytes, read: 0 }
    }
}

impl Read for RequestBody {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.as_bytes().read(out)?;
        self.read += count;
        Ok(count)
    }
}

/// Why a body could not be read. Each error has its own status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyError {
    /// More bytes than allowed.
    TooLarge,
    /// A chunk whose size is not a hexadecimal number, or that is not framed by CRLF.
    BadChunk,
    /// A trailer that is not a valid field, or that is not allowed in a trailer section.
    BadTrailer,
    /// More trailers than [`Limits`] allow.
    TrailersTooLarge,
}

impl BodyError {
    /// The status of the response.
    pub fn status(self) -> Status {
        match self {
            Self::TooLarge => Status::CONTENT_TOO_LARGE,
            Self::BadChunk | Self::BadTrailer => Status::BAD_REQUEST,
            Self::TrailersTooLarge => Status::REQUEST_HEADER_FIELDS_TOO_LARGE,
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
        })
    }
}

impl std::error::Error for BodyError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_of_known_length_consumes_only_its_bytes() {
        let limits = Limits::default();
        let mut decoder = BodyDecoder::new(BodyLength::Fixed(5), &limits).unwrap();
        let mut out = Vec::new();
        assert_eq!(decoder.decode(b"he", &mut out), Ok(2));
        assert!(!decoder.is_done());
        assert_eq!(decoder.decode(b"lloGET", &mut out), Ok(3));
        assert!(decoder.is_done());
        assert_eq!(out, b"hello");
    }

    #[test]
    fn a_body_with_too_large_a_length_is_rejected_before_it_arrives() {
        let limits = Limits { body: 10, ..Limits::default() };
        assert!(BodyDecoder::new(BodyLength::Fixed(10), &limits).is_ok());
        assert_eq!(
            BodyDecoder::new(BodyLength::Fixed(11), &limits).unwrap_err(),
            BodyError::TooLarge
        );
    }

    #[test]
    fn a_handler_may_read_a_part_and_then_the_rest() {
        let mut body = RequestBody::from(b"hello world".to_vec());
        let mut start = [0; 6];
        body.read_exact(&mut start).unwrap();
        assert!(!body.is_empty());
        assert_eq!(body.read_all(4), Err(BodyError::TooLarge));
        assert_eq!(body.read_all(5).unwrap(), b"world");
        assert!(body.is_empty());
    }
}
