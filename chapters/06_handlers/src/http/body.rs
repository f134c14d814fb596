//! The body of a request, as a handler reads it.

use std::io::{self, Read};

pub use super::body_decoder::BodyDecoder;
pub use super::body_error::BodyError;

/// The body of a request, as a stream of unread bytes.
///
/// The type is opaque, so a handler does not depend on where the bytes are stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestBody {
    bytes: Vec<u8>,
    read: usize,
}

impl RequestBody {
    /// Returns the unread bytes without consuming them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[self.read..]
    }

    /// Returns the number of unread bytes.
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Returns whether all bytes have been read.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the unread bytes without consuming them, for a caller that states how many it
    /// accepts.
    ///
    /// # Errors
    /// Returns [`BodyError::TooLarge`] when more than `limit` bytes remain.
    pub fn collect(&mut self, limit: usize) -> Result<&[u8], BodyError> {
        if self.len() > limit { Err(BodyError::TooLarge) } else { Ok(self.as_bytes()) }
    }

    /// Reads the rest of the body.
    ///
    /// # Errors
    /// Returns the error of [`RequestBody::collect`].
    pub fn read_all(&mut self, limit: usize) -> Result<Vec<u8>, BodyError> {
        self.collect(limit)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handler_may_read_a_part_and_then_the_remainder() {
        let mut body = RequestBody::from(b"hello world".to_vec());
        let mut start = [0; 6];
        body.read_exact(&mut start).unwrap();
        assert!(!body.is_empty());
        assert_eq!(body.collect(4), Err(BodyError::TooLarge));
        assert_eq!(body.collect(5).unwrap(), b"world");
        assert_eq!(body.read_all(4), Err(BodyError::TooLarge));
        assert_eq!(body.read_all(5).unwrap(), b"world");
        assert!(body.is_empty());
    }
}
