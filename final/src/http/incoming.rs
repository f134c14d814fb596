//! The remainder of a large body, which arrives while its handler runs.
//!
//! A small body is collected before its handler is called, so a slow client holds no thread. A
//! large body would need too much memory for that. So its handler is called when the first part has
//! arrived, and reads the remainder from the connection. For this one request, a thread waits for
//! the client. Slots bound the number of such requests to fewer than the threads, so slow clients
//! with large bodies cannot hold all threads.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::Headers;
use super::body_decoder::BodyDecoder;
use super::body_error::BodyError;
use super::expect::CONTINUE;
use super::limits::{KIB, MIB};
use crate::core::allocator::LARGE_BLOCK;
pub use crate::core::blocking_socket::BodySource;
use crate::core::memory_budget::{MemoryBudget, Reservation, largest_reservation};
use crate::core::upload_slots::UploadSlot;

/// The maximum number of bytes received by one call. It bounds the memory for each body that is
/// being read.
const BODY_READ_SIZE: usize = 64 * KIB;

/// The number of bytes to which each deadline applies. A client that sends only an occasional byte
/// reaches the deadline.
const PORTION: usize = MIB;

/// A body of which a part has not arrived.
#[derive(Debug)]
pub(super) struct Incoming {
    source: Box<dyn BodySource>,
    decoder: BodyDecoder,
    /// The trailer fields of a chunked body. They are complete when the whole body has arrived.
    trailers: Headers,
    /// The decoded bytes. The handler has read the bytes before `at`.
    decoded: Vec<u8>,
    at: usize,
    /// The bytes that have been received but not decoded. After the end of the body, these are the
    /// bytes that follow it.
    raw: Vec<u8>,
    /// Whether the client waits for `100 Continue` before it sends the body.
    expects: Arc<AtomicBool>,
    time: Duration,
    deadline: Instant,
    /// The number of bytes that must still arrive before the deadline.
    portion: usize,
    failure: Option<IncomingError>,
    /// The budget for the bytes that a handler collects.
    budget: MemoryBudget,
    /// The upload slot. It is held until the last byte has arrived, or until no handler and no
    /// response can read this body any more.
    slot: Option<UploadSlot>,
}

/// The reason why the remainder of a body cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IncomingError {
    /// The body is malformed or too large.
    Wrong(BodyError),
    /// The client is too slow.
    Slow,
    /// The client has closed the connection.
    Gone,
    /// The memory budget has no room for the bytes that a handler collects.
    NoMemory,
}

impl From<IncomingError> for BodyError {
    fn from(error: IncomingError) -> BodyError {
        match error {
            IncomingError::Wrong(error) => error,
            IncomingError::Slow | IncomingError::Gone => BodyError::Incomplete,
            IncomingError::NoMemory => BodyError::NoMemory,
        }
    }
}

impl From<io::Error> for IncomingError {
    fn from(error: io::Error) -> IncomingError {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => IncomingError::Slow,
            _ => IncomingError::Gone,
        }
    }
}

impl Incoming {
    /// Creates a body of which `decoded` has arrived. It may take `time` for each mebibyte from now
    /// on, and holds `slot`.
    pub(super) fn new(
        source: Box<dyn BodySource>,
        decoder: BodyDecoder,
        decoded: Vec<u8>,
        expects: bool,
        time: Duration,
        slot: UploadSlot,
        budget: MemoryBudget,
    ) -> Incoming {
        Incoming {
            source,
            decoder,
            trailers: Headers::new(),
            decoded,
            at: 0,
            raw: Vec::new(),
            expects: Arc::new(AtomicBool::new(expects)),
            time,
            deadline: Instant::now() + time,
            portion: PORTION,
            failure: None,
            budget,
            slot: Some(slot),
        }
    }

    /// Returns the flag that is true while the interim response `100 Continue` is still to be sent.
    /// The caller sets it to `false` when it begins to send the final response, because an interim
    /// response after that would become a part of it. (A client that gets no `100 Continue` sends
    /// its body after a while.)
    pub(super) fn expects(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.expects)
    }

    /// Returns the bytes that were received after the body, when its handler has returned. Returns
    /// `None` if the body was not read to its end, so the beginning of the next request is unknown.
    ///
    /// # Errors
    /// Returns the reason why the body could not be read.
    pub(super) fn end(self) -> Result<Option<Vec<u8>>, IncomingError> {
        match self.failure {
            Some(failure) => Err(failure),
            None => Ok(self.is_read().then_some(self.raw)),
        }
    }

    pub(super) fn has_arrived(&self) -> bool {
        self.decoder.is_done()
    }

    /// Returns the trailer fields, which are complete when the whole body has arrived.
    pub(super) fn trailers(&self) -> &Headers {
        &self.trailers
    }

    /// Returns whether the handler has read the whole body.
    pub(super) fn is_read(&self) -> bool {
        self.decoder.is_done() && self.at == self.decoded.len()
    }

    /// Reads the unread rest of the body and appends it to `bytes`, whose capacity is reserved in
    /// `memory`.
    ///
    /// # Errors
    /// Returns [`BodyError::TooLarge`] if `bytes` would have more than `limit` bytes, or more than
    /// the memory budget can ever hold. If the body announces its length, this error is returned
    /// without waiting for a byte. Returns [`BodyError::NoMemory`] if there is no memory for the
    /// body now, and one of the other variants if it does not arrive.
    pub(super) fn collect(
        &mut self,
        bytes: &mut Vec<u8>,
        memory: &mut Reservation,
        limit: usize,
    ) -> Result<(), BodyError> {
        let limit = limit.min(largest_reservation(self.budget.limit()));
        while !self.is_read() {
            let arrived = bytes.len() + self.decoded.len() - self.at;
            // The size of the body, or the size that a chunked body may reach.
            let size = match self.decoder {
                BodyDecoder::Fixed { left } => {
                    arrived.saturating_add(usize::try_from(left).unwrap_or(usize::MAX))
                }
                BodyDecoder::Chunked(_) => limit.max(arrived),
            };
            if size > limit {
                return Err(BodyError::TooLarge);
            }
            if arrived > bytes.capacity() {
                let capacity = LARGE_BLOCK.max(2 * bytes.capacity()).min(size).max(arrived);
                if memory.resize(&self.budget, capacity).is_err() {
                    self.failure = Some(IncomingError::NoMemory);
                    return Err(BodyError::NoMemory);
                }
                bytes.reserve_exact(capacity - bytes.len());
            }
            bytes.extend_from_slice(&self.decoded[self.at..]);
            self.at = self.decoded.len();
            self.fetch()?;
        }
        Ok(())
    }

    /// Waits until there are bytes to read, or until the body has ended.
    fn fetch(&mut self) -> Result<(), IncomingError> {
        while self.at == self.decoded.len() && !self.decoder.is_done() {
            if self.failure.is_none() {
                self.failure = self.advance().err();
            }
            if let Some(failure) = self.failure {
                return Err(failure);
            }
        }
        Ok(())
    }

    /// Receives bytes once and decodes them.
    fn advance(&mut self) -> Result<(), IncomingError> {
        let count = self.receive()?;
        self.raw.truncate(count);
        self.portion = self.portion.saturating_sub(count);
        if self.portion == 0 {
            self.portion = PORTION;
            self.deadline = Instant::now() + self.time;
        }
        self.decoded.clear();
        self.at = 0;
        let used =
            self.decoder.decode(&self.raw, &mut self.decoded).map_err(IncomingError::Wrong)?;
        self.raw.drain(..used);
        if self.decoder.is_done() {
            // The handler no longer waits for its client, so another upload may begin.
            self.slot = None;
            let ended = std::mem::replace(&mut self.decoder, BodyDecoder::Fixed { left: 0 });
            self.trailers = ended.into_trailers();
        }
        Ok(())
    }

    /// Receives bytes into `raw`, and returns their number.
    fn receive(&mut self) -> Result<usize, IncomingError> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(IncomingError::Slow);
        }
        if self.expects.swap(false, Ordering::AcqRel) {
            // The handler has started to read the body, so the client may send it (RFC 9110 section
            // 10.1.1). If the client has not read earlier responses, the send buffer may have no
            // room for this one, so the deadline covers the send as well.
            self.source.send(CONTINUE, left)?;
        }
        self.raw.resize(BODY_READ_SIZE, 0);
        match self.source.receive(&mut self.raw, left) {
            Ok(0) => Err(IncomingError::Gone),
            Ok(count) => Ok(count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(0),
            Err(error) => Err(error.into()),
        }
    }
}

impl Read for Incoming {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.fetch().map_err(|failure| match failure {
            IncomingError::Wrong(error) => io::Error::new(io::ErrorKind::InvalidData, error),
            IncomingError::Slow => io::ErrorKind::TimedOut.into(),
            IncomingError::Gone => io::ErrorKind::UnexpectedEof.into(),
            IncomingError::NoMemory => io::ErrorKind::OutOfMemory.into(),
        })?;
        let count = (&self.decoded[self.at..]).read(out)?;
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::core::UploadSlots;
    use crate::http::framing::BodyLength;
    use crate::http::limits::Limits;

    const LONG: Duration = Duration::from_secs(20);

    /// A client that sends these chunks and then FIN, and a record of whether it received `100
    /// Continue`.
    #[derive(Debug, Default)]
    struct Script {
        pieces: VecDeque<Vec<u8>>,
        continued: Arc<AtomicBool>,
    }

    impl BodySource for Script {
        fn receive(&mut self, buffer: &mut [u8], _: Duration) -> io::Result<usize> {
            let Some(mut piece) = self.pieces.pop_front() else { return Ok(0) };
            let count = (&piece[..]).read(buffer)?;
            if count < piece.len() {
                self.pieces.push_front(piece.split_off(count));
            }
            Ok(count)
        }

        fn send(&mut self, bytes: &[u8], _: Duration) -> io::Result<()> {
            assert_eq!(bytes, CONTINUE);
            assert!(!self.continued.swap(true, Ordering::SeqCst), "it is sent once");
            Ok(())
        }
    }

    fn script(pieces: &[&[u8]]) -> Script {
        let pieces = pieces.iter().map(|piece| piece.to_vec()).collect();
        Script { pieces, ..Script::default() }
    }

    fn incoming(source: Script, length: BodyLength, expects: bool, time: Duration) -> Incoming {
        let decoder = BodyDecoder::new(length, &Limits::default()).unwrap();
        let slot = UploadSlots::new(1).take([192, 0, 2, 1].into()).expect("it is free");
        let (source, budget) = (Box::new(source), MemoryBudget::default());
        Incoming::new(source, decoder, Vec::new(), expects, time, slot, budget)
    }

    /// A client that sends a byte now and then must not hold the thread forever.
    #[test]
    fn the_deadline_applies_to_each_mebibyte_and_not_to_each_byte() {
        let lengths = [1, 1, PORTION - 2, 1, PORTION - 2, 1];
        let pieces = lengths.iter().map(|length| vec![b'x'; *length]).collect();
        let source = Script { pieces, ..Script::default() };
        let length = BodyLength::Fixed(4 * PORTION as u64);
        let mut incoming = incoming(source, length, false, LONG);
        let mut read = |count: usize| {
            incoming.read_exact(&mut vec![0; count]).unwrap();
            incoming.deadline
        };
        let first = read(1);
        assert_eq!(read(1), first);
        let second = read(PORTION - 2);
        assert!(second > first, "a mebibyte has arrived");
        assert_eq!(read(1), second);
        assert_eq!(read(PORTION - 2), second);
        assert!(read(1) > second);
    }

    #[test]
    fn a_too_slow_or_malformed_body_fails_again() {
        let (fixed, chunked) = (BodyLength::Fixed(9), BodyLength::Chunked);
        let nonsense = script(&[b"nonsense\r\n", b"1\r\nx\r\n0\r\n\r\n"]);
        let (slow, malformed) = (IncomingError::Slow, IncomingError::Wrong(BodyError::BadChunk));
        for (source, length, time, kind, failure) in [
            (script(&[b"123456789"]), fixed, Duration::ZERO, io::ErrorKind::TimedOut, slow),
            (nonsense, chunked, LONG, io::ErrorKind::InvalidData, malformed),
        ] {
            let mut incoming = incoming(source, length, false, time);
            for _ in 0..2 {
                assert_eq!(incoming.read(&mut [0; 9]).unwrap_err().kind(), kind);
            }
            assert_eq!(incoming.end(), Err(failure));
        }
    }

    #[test]
    fn a_partly_read_body_is_not_complete() {
        for (read, expected) in [(3, None), (9, Some(b"GET".to_vec()))] {
            let mut incoming =
                incoming(script(&[b"123456789GET"]), BodyLength::Fixed(9), false, LONG);
            incoming.read_exact(&mut vec![0; read]).unwrap();
            assert_eq!(incoming.end(), Ok(expected));
        }
    }

    #[test]
    fn a_client_that_leaves_before_the_end_gets_no_response() {
        let mut incoming = incoming(script(&[b"1234"]), BodyLength::Fixed(9), false, LONG);
        let error = incoming.read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(incoming.end(), Err(IncomingError::Gone));
    }

    #[test]
    fn a_client_that_waits_for_100_continue_gets_it_once() {
        for expects in [true, false] {
            let source = script(&[b"1234", b"56789"]);
            let continued = Arc::clone(&source.continued);
            let mut incoming = incoming(source, BodyLength::Fixed(9), expects, LONG);
            assert!(!continued.load(Ordering::SeqCst), "not before the handler reads");
            incoming.read_exact(&mut [0; 9]).unwrap();
            assert_eq!(continued.load(Ordering::SeqCst), expects);
        }
    }
}
