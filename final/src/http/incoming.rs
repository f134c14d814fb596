//! The rest of a large body, which comes while its handler runs.
//!
//! Small bodies are read before the handler is called, in turns, and a client that is slow holds no thread. A large one
//! would have to be kept in memory for that. So its handler is called when a first piece has come, and reads the rest from
//! the socket: for this one request the thread waits for the client, as in the chapters. There are slots for that, fewer
//! than threads, so that slow clients with large bodies can never hold all threads.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::body::{BodyDecoder, BodyError};
use super::limits::{KIB, MIB};
use super::{Headers, HttpError, Status};
use crate::core::allocator::LARGE_BLOCK;
use crate::core::blocking;
use crate::core::memory_budget::{MemoryBudget, Reservation, largest_reservation};
use crate::core::system::{Stream, duplicate};
use crate::core::upload_slots::UploadSlot;

/// Bytes that are read at once, at most.
const BODY_READ_SIZE: usize = 64 * KIB;

/// So many bytes have the time that a small body has as a whole. A client that sends a byte now and then ends there.
const PORTION: usize = MIB;

/// What is still to come of a body.
#[derive(Debug)]
pub(super) struct Incoming {
    /// A handle of its own of the connection's socket.
    stream: TcpStream,
    decoder: BodyDecoder,
    /// What came after a body in chunks, when all of it has arrived.
    trailers: Headers,
    /// What has been decoded and not been read by the handler: from `at` on.
    decoded: Vec<u8>,
    at: usize,
    /// What has come from the socket. Behind the end of the body, what follows it.
    raw: Vec<u8>,
    /// The client waits for our word before it sends the body.
    expects: Arc<AtomicBool>,
    time: Duration,
    deadline: Instant,
    /// Bytes that must come before the deadline.
    portion: usize,
    failure: Option<IncomingError>,
    /// For the bytes that a handler has collected.
    budget: MemoryBudget,
    /// Held until the last byte has arrived, or until no handler and no response can read this body any more.
    slot: Option<UploadSlot>,
}

/// Why the body did not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum IncomingError {
    /// It is wrong.
    Wrong(BodyError),
    /// It is too slow.
    Slow,
    /// The client is gone.
    Gone,
    /// The memory budget has no room for what a handler collects.
    NoMemory,
}

impl IncomingError {
    /// What a handler that collects the body gets.
    fn for_handler(self) -> BodyError {
        match self {
            IncomingError::Wrong(error) => error,
            IncomingError::Slow | IncomingError::Gone => BodyError::Incomplete,
            IncomingError::NoMemory => BodyError::NoMemory,
        }
    }

    /// What an error of the socket means.
    fn of(error: &io::Error) -> IncomingError {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => IncomingError::Slow,
            _ => IncomingError::Gone,
        }
    }
}

/// How it has ended, when the handler has.
#[derive(Debug, PartialEq)]
pub(super) enum BodyEnd {
    /// It has been read, and these bytes have come behind it.
    Whole(Vec<u8>),
    /// Not all of it has been read. Nobody knows where the next request begins.
    Unread,
    /// It cannot be read, and this says why.
    Refused(HttpError),
    /// There was no memory to collect it.
    NoMemory,
    /// There is nobody who could be told.
    Gone,
}

impl Incoming {
    /// A body of which `decoded` has come. It may take `time` for each mebibyte from now on, and holds `slot`.
    ///
    /// # Errors
    /// When there is no file for another handle of the socket.
    pub(super) fn new(
        stream: &Stream,
        decoder: BodyDecoder,
        decoded: Vec<u8>,
        expects: bool,
        time: Duration,
        slot: UploadSlot,
        budget: MemoryBudget,
    ) -> io::Result<Incoming> {
        Ok(Incoming {
            stream: duplicate(stream)?,
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
        })
    }

    /// Whether our word is still to be given. Whoever begins with the answer sets it to `false`: the word is an answer
    /// before the answer, and would be taken for a part of it. (A client that hears nothing sends after a while.)
    pub(super) fn expects(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.expects)
    }

    /// The handler has ended.
    pub(super) fn end(mut self) -> BodyEnd {
        match self.failure {
            None if self.is_read() => BodyEnd::Whole(std::mem::take(&mut self.raw)),
            None => BodyEnd::Unread,
            Some(IncomingError::Wrong(error)) => BodyEnd::Refused(error.into()),
            Some(IncomingError::Slow) => {
                let message = "the body of the request did not arrive in time";
                BodyEnd::Refused(HttpError::new(
                    Status::REQUEST_TIMEOUT,
                    "request_timeout",
                    message,
                ))
            }
            Some(IncomingError::NoMemory) => BodyEnd::NoMemory,
            Some(IncomingError::Gone) => BodyEnd::Gone,
        }
    }

    /// Whether all of it has arrived.
    pub(super) fn has_arrived(&self) -> bool {
        self.decoder.is_done()
    }

    /// The fields that came after the body, when all of it has arrived.
    pub(super) fn trailers(&self) -> &Headers {
        &self.trailers
    }

    /// Whether all of it has been read.
    pub(super) fn is_read(&self) -> bool {
        self.decoder.is_done() && self.at == self.decoded.len()
    }

    /// Reads all that has not been read and puts it after `bytes`, whose capacity is counted by `memory`.
    ///
    /// # Errors
    /// [`BodyError::TooLarge`] if `bytes` would have more than `limit` bytes, or more than the memory budget can ever hold.
    /// If the body says its length, not a byte is waited for then. [`BodyError::NoMemory`] if there is no memory for it
    /// now, and the other variants if it does not arrive.
    pub(super) fn collect(
        &mut self,
        bytes: &mut Vec<u8>,
        memory: &mut Reservation,
        limit: usize,
    ) -> Result<(), BodyError> {
        let limit = limit.min(largest_reservation(self.budget.limit()));
        while !self.is_read() {
            let arrived = bytes.len() + self.decoded.len() - self.at;
            let left = self.decoder.left().map(|left| usize::try_from(left).unwrap_or(usize::MAX));
            let announced = arrived.saturating_add(left.unwrap_or(0));
            if announced > limit {
                return Err(BodyError::TooLarge);
            }
            if arrived > bytes.capacity() {
                let most = if left.is_some() { announced } else { limit };
                let capacity = LARGE_BLOCK.max(2 * bytes.capacity()).min(most).max(arrived);
                if memory.resize(&self.budget, capacity).is_err() {
                    self.failure = Some(IncomingError::NoMemory);
                    return Err(BodyError::NoMemory);
                }
                bytes.reserve_exact(capacity - bytes.len());
            }
            bytes.extend_from_slice(&self.decoded[self.at..]);
            self.at = self.decoded.len();
            self.fetch().map_err(IncomingError::for_handler)?;
        }
        Ok(())
    }

    /// Waits until there is something to read, or until the body has ended.
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

    /// Reads and decodes once.
    fn advance(&mut self) -> Result<(), IncomingError> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(IncomingError::Slow);
        }
        // The socket waits now, and only now. The answer may be made of this body and be sent while it comes: if that
        // waited too, a client that does not read would have the thread for ever.
        self.stream.set_nonblocking(false).map_err(|_| IncomingError::Gone)?;
        let received = self.receive(left);
        self.stream.set_nonblocking(true).map_err(|_| IncomingError::Gone)?;
        let count = received?;
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
            self.slot = None; // what the handler does from now on keeps no other upload waiting
            let ended = std::mem::replace(&mut self.decoder, BodyDecoder::Fixed { left: 0 });
            self.trailers = ended.into_trailers();
        }
        Ok(())
    }

    /// Waits for bytes, for so long, and says how many there are in `raw`.
    fn receive(&mut self, left: Duration) -> Result<usize, IncomingError> {
        if self.expects.swap(false, Ordering::AcqRel) {
            // The handler wants the body, so it may be sent (RFC 9110 section 10.1.1). A client that has not read the
            // answers before may have left no room even for this.
            self.stream.set_write_timeout(Some(left)).map_err(|_| IncomingError::Gone)?;
            let word = b"HTTP/1.1 100 Continue\r\n\r\n";
            blocking(|| (&self.stream).write_all(word))
                .map_err(|error| IncomingError::of(&error))?;
        }
        self.stream.set_read_timeout(Some(left)).map_err(|_| IncomingError::Gone)?;
        self.raw.resize(BODY_READ_SIZE, 0);
        // Another thread serves the others meanwhile.
        match blocking(|| (&self.stream).read(&mut self.raw)) {
            Ok(0) => Err(IncomingError::Gone),
            Ok(count) => Ok(count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(0),
            Err(error) => Err(IncomingError::of(&error)),
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
    use std::net::TcpListener;
    use std::sync::mpsc;
    use std::thread;

    use super::*;
    use crate::core::UploadSlots;
    use crate::http::framing::BodyLength;
    use crate::http::limits::Limits;

    /// A client, and the server's end of its connection, which does not block.
    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        server.set_nonblocking(true).unwrap();
        (client, server)
    }

    fn slot() -> UploadSlot {
        UploadSlots::new(1).take([192, 0, 2, 1].into()).expect("it is free")
    }

    /// A body of nine bytes, of which none has come.
    fn incoming(server: TcpStream, expects: bool, time: Duration) -> Incoming {
        incoming_of(BodyLength::Fixed(9), server, expects, time)
    }

    fn incoming_of(
        length: BodyLength,
        server: TcpStream,
        expects: bool,
        time: Duration,
    ) -> Incoming {
        let decoder = BodyDecoder::new(length, &Limits::default()).unwrap();
        let (stream, budget) = (Stream::from(server), MemoryBudget::default());
        Incoming::new(&stream, decoder, Vec::new(), expects, time, slot(), budget).unwrap()
    }

    /// Writes until there is no room.
    fn fill(mut socket: &TcpStream) {
        let bytes = vec![0; 64 * KIB];
        let full = |error: io::Error| error.kind() == io::ErrorKind::WouldBlock;
        while !socket.write(&bytes).is_err_and(full) {}
    }

    /// An answer that is made of the body is sent while that comes. Once it waited for room without end.
    #[test]
    fn between_two_reads_the_socket_does_not_wait() {
        for expects in [false, true] {
            let (mut client, server) = pair();
            client.write_all(b"1234").unwrap();
            let answer = server.try_clone().unwrap();
            let mut incoming = incoming(server, expects, Duration::from_secs(20));
            let (sender, receiver) = mpsc::channel();
            let turn = thread::Builder::new().name("turn".to_string());
            let spawned = turn.spawn(move || {
                assert_eq!(incoming.read(&mut [0; 9]).unwrap(), 4);
                fill(&answer);
                let _ = sender.send(());
            });
            spawned.unwrap();
            let ended = receiver.recv_timeout(Duration::from_secs(20));
            assert_eq!(ended, Ok(()), "it waits for room in the socket; expects: {expects}");
        }
    }

    #[test]
    fn a_client_that_reads_nothing_cannot_keep_the_handler_with_our_word() {
        let (client, server) = pair();
        // The peer's kernel goes on taking bytes for a moment, so it is full when it was full twice.
        for _ in 0..2 {
            fill(&server);
            thread::sleep(Duration::from_millis(50));
        }
        while (&server).write(b"x").is_ok() {}
        let mut incoming = incoming(server, true, Duration::from_millis(100));
        let (sender, receiver) = mpsc::channel();
        let reader = thread::Builder::new().name("handler".to_string());
        let spawned = reader.spawn(move || {
            let kind = incoming.read(&mut [0; 9]).unwrap_err().kind();
            let _ = sender.send((kind, matches!(incoming.end(), BodyEnd::Refused(_))));
        });
        spawned.unwrap();
        let ended = receiver.recv_timeout(Duration::from_secs(20));
        assert_eq!(ended.expect("it ends"), (io::ErrorKind::TimedOut, true));
        drop(client);
    }

    /// A client that sends a byte now and then must not have the thread for ever.
    #[test]
    fn the_time_counts_for_a_mebibyte_and_not_for_each_byte() {
        let (mut client, server) = pair();
        let length = BodyLength::Fixed(4 * PORTION as u64);
        let mut incoming = incoming_of(length, server, false, Duration::from_secs(20));
        let mut read = |count: usize| {
            thread::scope(|scope| {
                scope.spawn(|| client.write_all(&vec![b'x'; count]).unwrap());
                incoming.read_exact(&mut vec![0; count]).unwrap();
            });
            incoming.deadline
        };
        let first = read(1);
        assert_eq!(read(1), first);
        let second = read(PORTION - 2);
        assert!(second > first, "a mebibyte has come");
        assert_eq!(read(1), second);
        assert_eq!(read(PORTION - 2), second);
        assert!(read(1) > second);
    }

    #[test]
    fn a_body_that_is_too_slow_or_wrong_stays_so() {
        let (mut client, server) = pair();
        let mut slow = incoming(server, false, Duration::ZERO);
        client.write_all(b"123456789").unwrap();
        for _ in 0..2 {
            assert_eq!(slow.read(&mut [0; 9]).unwrap_err().kind(), io::ErrorKind::TimedOut);
        }
        let BodyEnd::Refused(error) = slow.end() else { panic!("it is refused") };
        assert_eq!(error.status, Status::REQUEST_TIMEOUT);

        let (mut client, server) = pair();
        let time = Duration::from_secs(20);
        let mut wrong = incoming_of(BodyLength::Chunked, server, false, time);
        for sent in ["nonsense\r\n", "1\r\nx\r\n0\r\n\r\n"] {
            client.write_all(sent.as_bytes()).unwrap();
            assert_eq!(wrong.read(&mut [0; 9]).unwrap_err().kind(), io::ErrorKind::InvalidData);
        }
        let BodyEnd::Refused(error) = wrong.end() else { panic!("it is refused") };
        assert_eq!(error.status, Status::BAD_REQUEST);
    }

    #[test]
    fn a_body_of_which_a_part_was_not_read_is_not_whole() {
        for (read, is_whole) in [(3, false), (9, true)] {
            let (mut client, server) = pair();
            client.write_all(b"123456789GET").unwrap();
            let mut incoming = incoming(server, false, Duration::from_secs(20));
            incoming.read_exact(&mut vec![0; read]).unwrap();
            let expected = if is_whole { BodyEnd::Whole(b"GET".to_vec()) } else { BodyEnd::Unread };
            assert_eq!(incoming.end(), expected);
        }
    }

    #[test]
    fn who_waits_for_our_word_gets_it_once() {
        let (mut client, server) = pair();
        let mut incoming = incoming(server, true, Duration::from_secs(20));
        for byte in b"123456789" {
            client.write_all(&[*byte]).unwrap();
            assert_eq!(incoming.read(&mut [0; 9]).unwrap(), 1);
        }
        drop(incoming);
        let mut word = String::new();
        client.read_to_string(&mut word).unwrap();
        assert_eq!(word, "HTTP/1.1 100 Continue\r\n\r\n");
    }
}
