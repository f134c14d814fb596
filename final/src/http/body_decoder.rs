//! The decoding of a request body, with Content-Length or in chunks.

use super::Headers;
use super::body_error::BodyError;
use super::chunked::ChunkedDecoder;
use super::framing::BodyLength;
use super::limits::Limits;

/// Turns the bytes of the connection into the bytes of a body, for both kinds of framing.
#[derive(Debug)]
pub enum BodyDecoder {
    /// A body of known length.
    Fixed {
        /// The number of bytes that have not arrived yet.
        left: u64,
    },
    /// A body in the chunked transfer coding.
    Chunked(Box<ChunkedDecoder>),
}

impl BodyDecoder {
    /// Creates a decoder for one body.
    ///
    /// # Errors
    /// Returns [`BodyError::TooLarge`] when the header section announces a body larger than
    /// [`Limits::body`], so that the request is rejected before any of the body arrives.
    pub fn new(length: BodyLength, limits: &Limits) -> Result<BodyDecoder, BodyError> {
        match length {
            BodyLength::Fixed(length) if length > limits.body => Err(BodyError::TooLarge),
            BodyLength::Fixed(length) => Ok(BodyDecoder::Fixed { left: length }),
            BodyLength::Chunked => Ok(BodyDecoder::Chunked(Box::new(ChunkedDecoder::new(limits)))),
        }
    }

    /// Appends the bytes of this body that are in `input` to `out`, and returns the number of
    /// consumed bytes of `input`.
    ///
    /// # Errors
    /// Returns [`BodyError`] for a malformed or too large body. The caller must then close the
    /// connection.
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

    /// Returns whether the whole body has been decoded.
    pub fn is_done(&self) -> bool {
        match self {
            BodyDecoder::Fixed { left } => *left == 0,
            BodyDecoder::Chunked(decoder) => decoder.is_done(),
        }
    }

    /// Returns the trailer fields that followed the body, if any.
    pub fn into_trailers(self) -> Headers {
        match self {
            BodyDecoder::Fixed { .. } => Headers::new(),
            BodyDecoder::Chunked(decoder) => decoder.into_trailers(),
        }
    }
}

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
}
