//! The body of a request, as a handler reads it.

use std::io::{self, Read};

use super::Headers;
pub use super::body_decoder::BodyDecoder;
pub use super::body_error::BodyError;
use super::incoming::Incoming;
use crate::core::memory_budget::Reservation;

/// The body of a request.
///
/// A body of at most [`Limits::whole_body`](super::limits::Limits::whole_body) bytes has arrived
/// when the handler is called. A larger one arrives while the handler reads it. The methods are the
/// same for both: [`Read`] for a handler that keeps nothing, [`RequestBody::collect`] and
/// [`RequestBody::read_all`] for a handler that needs the whole body.
#[derive(Debug, Default)]
pub struct RequestBody {
    bytes: Vec<u8>,
    read: usize,
    incoming: Option<Box<Incoming>>,
    /// The reservation in the memory budget for `bytes`.
    memory: Reservation,
}

impl RequestBody {
    pub(super) fn from_incoming(incoming: Incoming) -> RequestBody {
        RequestBody { incoming: Some(Box::new(incoming)), ..RequestBody::default() }
    }

    /// Creates a body that has been collected, with the reservation for its bytes.
    pub(super) fn collected(bytes: Vec<u8>, memory: Reservation) -> RequestBody {
        RequestBody { bytes, memory, ..RequestBody::default() }
    }

    /// Takes the reservation, for a response that may reuse these bytes.
    pub(super) fn take_memory(&mut self) -> Reservation {
        std::mem::take(&mut self.memory)
    }

    pub(super) fn take_incoming(&mut self) -> Option<Incoming> {
        self.incoming.take().map(|incoming| *incoming)
    }

    /// Returns whether the whole body has arrived, so that reading it does not wait.
    pub fn has_arrived(&self) -> bool {
        self.incoming.as_ref().is_none_or(|incoming| incoming.has_arrived())
    }

    /// Returns the unread bytes of the body without consuming them. If some of them have not
    /// arrived, this waits for the client and collects them. The bytes are counted in the memory
    /// budget.
    ///
    /// # Errors
    /// Returns [`BodyError::TooLarge`] when there are more than `limit` bytes, at once if the
    /// length is declared. Returns one of the other variants when the body does not arrive or there
    /// is no memory for it. The server then sends the response itself, whatever the handler
    /// returns.
    pub fn collect(&mut self, limit: usize) -> Result<&[u8], BodyError> {
        if let Some(incoming) = &mut self.incoming {
            incoming.collect(&mut self.bytes, &mut self.memory, self.read.saturating_add(limit))?;
        }
        if self.len() > limit { Err(BodyError::TooLarge) } else { Ok(self.as_bytes()) }
    }

    /// Returns the trailers of a body that arrives while it is read.
    pub(super) fn trailers(&self) -> Option<&Headers> {
        self.incoming.as_ref().map(|incoming| incoming.trailers())
    }

    /// Returns the bytes that have arrived and have not been read, without consuming them. For a
    /// body that arrives while it is read, the result is empty before [`RequestBody::collect`].
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[self.read..]
    }

    /// Returns the number of bytes that have arrived and have not been read.
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Returns whether the whole body has been read. The end of a chunked body is known only when
    /// its last chunk has arrived.
    pub fn is_empty(&self) -> bool {
        self.len() == 0 && self.incoming.as_ref().is_none_or(|incoming| incoming.is_read())
    }

    /// Reads the remaining body, and waits for the client if not all of it has arrived.
    ///
    /// # Errors
    /// Returns the same errors as [`RequestBody::collect`], for example [`BodyError::TooLarge`] for
    /// more than `limit` bytes.
    pub fn read_all(&mut self, limit: usize) -> Result<Vec<u8>, BodyError> {
        self.collect(limit)?;
        let rest = self.bytes.split_off(self.read);
        self.read = self.bytes.len();
        Ok(rest)
    }
}

impl From<Vec<u8>> for RequestBody {
    fn from(bytes: Vec<u8>) -> RequestBody {
        RequestBody { bytes, ..RequestBody::default() }
    }
}

impl Read for RequestBody {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if let Some(incoming) = &mut self.incoming
            && self.read == self.bytes.len()
        {
            return incoming.read(out);
        }
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
        assert_eq!(body.read_all(4), Err(BodyError::TooLarge));
        assert_eq!(body.read_all(5).unwrap(), b"world");
        assert!(body.is_empty());
    }
}
