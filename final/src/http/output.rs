//! What is on its way to a client: bytes that the kernel has not taken yet, and what comes after them.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use super::SharedBytes;
use super::encoder::{Framing, next_piece};
use crate::core::memory_budget::Reservation;
use crate::core::system::{Stream, send, send_ahead, send_both, send_file};
use crate::core::time_slice::TimeSlice;

/// The rest of an answer whose head has been written down.
#[derive(Default)]
pub enum PendingBody {
    /// Nothing.
    #[default]
    Nothing,
    /// A body in memory.
    Bytes {
        /// All of it.
        bytes: Cow<'static, [u8]>,
        /// How many bytes the kernel has taken.
        sent: usize,
    },
    /// A part of what is in memory for others as well.
    Shared {
        /// All of it.
        bytes: SharedBytes,
        /// What the kernel has not taken.
        left: Range<usize>,
    },
    /// A part of a file, which the kernel sends by itself.
    File {
        /// The open file.
        file: Arc<File>,
        /// The next byte to be sent.
        at: u64,
        /// The first that is not sent any more.
        end: u64,
    },
    /// What a reader gives while it is sent.
    Stream {
        /// Gives the bytes.
        reader: Box<dyn Read + Send>,
        /// How their end is made known.
        framing: Framing,
        /// How many are still to come.
        left: u64,
    },
}

/// Whether the kernel has taken everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flushed {
    /// It has.
    All,
    /// Its buffer is full, until the peer reads.
    Blocked,
    /// There is more, and the kernel would take it. But this is enough for one step: others wait.
    Yield,
}

/// Bytes of one answer in one turn, at most.
const TURN: u64 = 1024 * 1024;

/// A buffer that has grown beyond this is not kept for others.
const MAX_KEPT_OUTPUT: usize = 256 * 1024;

/// Bytes of a file in one call.
const CALL: u64 = 512 * 1024;

/// The output of a connection.
#[derive(Default)]
pub struct Output {
    /// Heads and small bodies.
    pending: Vec<u8>,
    /// How many of them the kernel has taken.
    sent: usize,
    /// What comes behind them.
    rest: PendingBody,
    /// For the bytes of the rest.
    memory: Reservation,
}

impl Output {
    /// Whether everything has been taken.
    pub fn is_empty(&self) -> bool {
        self.sent == self.pending.len() && matches!(self.rest, PendingBody::Nothing)
    }

    /// Takes over a buffer, if there is none yet.
    pub fn lend(&mut self, buffer: &mut Vec<u8>) {
        if self.pending.capacity() == 0 {
            std::mem::swap(&mut self.pending, buffer);
        }
    }

    /// Gives the buffer back: a connection that waits keeps nothing but the bytes that have not been sent. The buffer
    /// may be many times larger.
    pub fn give_back(&mut self, buffer: &mut Vec<u8>) {
        let unsent = self.unsent().to_vec();
        let mut pending = std::mem::replace(&mut self.pending, unsent);
        self.sent = 0;
        if pending.capacity() <= MAX_KEPT_OUTPUT && pending.capacity() >= buffer.capacity() {
            pending.clear();
            *buffer = pending;
        }
    }

    /// Where the next answer is to be written down. There must be no rest of the one before.
    pub fn pending(&mut self) -> &mut Vec<u8> {
        &mut self.pending
    }

    /// The bytes that wait to be sent, apart from the rest.
    pub fn unsent(&self) -> &[u8] {
        &self.pending[self.sent..]
    }

    /// How many bytes wait to be sent, apart from the rest.
    pub fn waiting(&self) -> usize {
        self.pending.len() - self.sent
    }

    /// What comes behind the bytes that are pending, and the reservation for it.
    pub fn set_pending_body(&mut self, rest: PendingBody, memory: Reservation) {
        self.rest = rest;
        self.memory = memory;
        if !self.has_rest() {
            self.end_rest();
        }
    }

    /// The rest has been sent: its memory is free.
    fn end_rest(&mut self) {
        self.rest = PendingBody::Nothing;
        self.memory = Reservation::default();
    }

    /// Whether something comes behind the bytes that are pending.
    pub fn has_rest(&self) -> bool {
        !matches!(self.rest, PendingBody::Nothing)
    }

    /// Whether the client learns only from the end of the connection that the response is complete.
    pub fn ends_with_connection(&self) -> bool {
        matches!(self.rest, PendingBody::Stream { framing: Framing::Close, .. })
    }

    /// Hands over as much as the kernel takes, until the step is over.
    ///
    /// # Errors
    /// What the socket, the file or the stream report: the answer cannot arrive whole.
    pub fn flush(&mut self, stream: &Stream, clock: &dyn Fn() -> Instant) -> io::Result<Flushed> {
        let (mut turn, mut slice) = (0, TimeSlice::default());
        loop {
            // Bytes alone are no measure of a step: to compress a mebibyte takes a hundred times as long as to copy it.
            // Who has nothing more to send is done, however much it was.
            if turn > 0 && !self.is_empty() && (turn >= TURN || slice.is_over(clock)) {
                return Ok(Flushed::Yield);
            }
            let head = &self.pending[self.sent..];
            let outcome = match &mut self.rest {
                PendingBody::Nothing if head.is_empty() => {
                    self.pending.clear();
                    self.sent = 0;
                    return Ok(Flushed::All);
                }
                PendingBody::Nothing => send(stream, head),
                PendingBody::Bytes { bytes, sent } => send_both(stream, head, &bytes[*sent..]),
                PendingBody::Shared { bytes, left } => {
                    send_both(stream, head, &bytes[left.clone()])
                }
                PendingBody::File { at, end, .. } if !head.is_empty() && *at < *end => {
                    send_ahead(stream, head)
                }
                PendingBody::File { .. } | PendingBody::Stream { .. } if !head.is_empty() => {
                    send(stream, head)
                }
                PendingBody::File { at, end, .. } if *at >= *end => {
                    self.end_rest();
                    continue;
                }
                PendingBody::File { file, at, end } => {
                    let most = (*end - *at).min(CALL);
                    match send_file(stream, file, at, most) {
                        // The file has become shorter. The length has been announced, so the connection must
                        // end for the client to notice.
                        Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                        Ok(count) => {
                            turn += count as u64;
                            continue;
                        }
                        Err(error) => Err(error),
                    }
                }
                PendingBody::Stream { reader, framing, left } => {
                    self.pending.clear();
                    self.sent = 0;
                    if next_piece(reader, *framing, left, &mut self.pending)? {
                        self.end_rest();
                    }
                    continue;
                }
            };
            match outcome {
                Ok(count) => {
                    turn += count as u64;
                    self.advance(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Flushed::Blocked);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Notes that the kernel has taken so many bytes.
    fn advance(&mut self, count: usize) {
        let of_head = count.min(self.waiting());
        self.sent += of_head;
        let is_done = match &mut self.rest {
            PendingBody::Bytes { bytes, sent } => {
                *sent += count - of_head;
                *sent == bytes.len()
            }
            PendingBody::Shared { left, .. } => {
                left.start += count - of_head;
                left.start >= left.end
            }
            PendingBody::Nothing | PendingBody::File { .. } | PendingBody::Stream { .. } => false,
        };
        if is_done {
            self.end_rest();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{Ipv4Addr, TcpListener, TcpStream};
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;

    /// Both ends of a connection by TCP, of which the kernel takes more at once than of a pair of local sockets.
    fn connected() -> (TcpStream, Stream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, peer) = listener.accept().unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
        client.set_nonblocking(true).unwrap();
        server.set_nonblocking(true).unwrap();
        (client, Stream::from(server))
    }

    /// A file with these bytes.
    fn file(bytes: &[u8]) -> Arc<File> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        Arc::new(file)
    }

    /// Sends a head and the rest, and reads both at the other end.
    fn send_all(head: &[u8], rest: PendingBody) -> Vec<u8> {
        let (mut client, server) = connected();
        let mut output = Output::default();
        output.pending().extend_from_slice(head);
        output.set_pending_body(rest, Reservation::default());
        let (mut received, mut buffer) = (Vec::new(), [0; 10_007]);
        while output.flush(&server, &Instant::now).unwrap() != Flushed::All {
            assert!(!output.is_empty(), "it has been taken, and that is all");
            match client.read(&mut buffer) {
                Ok(count) => received.extend_from_slice(&buffer[..count]),
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
            }
        }
        assert!(output.is_empty());
        drop((output, server));
        client.set_nonblocking(false).unwrap();
        client.read_to_end(&mut received).unwrap();
        received
    }

    #[test]
    fn what_the_kernel_takes_in_pieces_arrives_whole() {
        let rests: [fn(SharedBytes, Range<usize>) -> PendingBody; 4] = [
            |bytes, left| PendingBody::Shared { bytes, left },
            |bytes, range| PendingBody::Bytes { bytes: bytes[range].to_vec().into(), sent: 0 },
            |bytes, range| PendingBody::File {
                file: file(&bytes),
                at: range.start as u64,
                end: range.end as u64,
            },
            |bytes, range| PendingBody::Stream {
                reader: Box::new(io::Cursor::new(bytes[range.clone()].to_vec())),
                framing: Framing::Length(range.len() as u64),
                left: range.len() as u64,
            },
        ];
        let lengths = [(2, 16_000_001), (4, 900_001), (4, 8)];
        for (rests, length) in lengths.map(|(count, length)| (&rests[..count], length)) {
            let all: Vec<u8> = (0..=u8::MAX).cycle().take(length).collect();
            let all = SharedBytes::from(all);
            let range = 3..all.len() - 5;
            // A large head, so that it does not end where the kernel begins to take less.
            let head = vec![b'h'; 700_001];
            for rest in rests {
                let received = send_all(&head, rest(all.clone(), range.clone()));
                assert_eq!(received.len(), head.len() + range.len());
                assert!(received == [&head, &all[range.clone()]].concat());
            }
        }
    }

    /// It has been announced, so only the end of the connection can say that it does not come.
    #[test]
    fn a_file_that_has_become_shorter_is_an_error() {
        let (_client, server) = connected();
        let mut output = Output::default();
        output.set_pending_body(
            PendingBody::File { file: file(b"short"), at: 0, end: 6 },
            Reservation::default(),
        );
        let error = output.flush(&server, &Instant::now).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    /// Otherwise it would wait for room that never comes, as long as a client may take nothing.
    #[test]
    fn a_client_that_is_gone_is_an_error_and_not_waited_for() {
        let (client, server) = connected();
        drop(client);
        let mut output = Output::default();
        // The first bytes still leave, and the answer to them is a reset.
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            output.pending().extend_from_slice(&[b'x'; 1000]);
            match output.flush(&server, &Instant::now) {
                Ok(flushed) => assert_eq!(flushed, Flushed::All),
                Err(_) => break,
            }
            assert!(Instant::now() < end, "it goes nowhere");
        }
    }

    /// Forty gzip streams of a large log, whose steps were bounded in bytes alone, kept all others waiting for seconds.
    #[test]
    fn a_stream_whose_pieces_take_long_is_left_after_a_few_of_them() {
        let (_client, server) = connected();
        let (start, reads) = (Instant::now(), Arc::new(AtomicU32::new(0)));
        let clock = || start + reads.load(Ordering::SeqCst) * Duration::from_millis(1);
        let mut output = Output::default();
        let reader = Box::new(Slow(Arc::clone(&reads)));
        let rest = PendingBody::Stream { reader, framing: Framing::Length(90_000), left: 90_000 };
        output.set_pending_body(rest, Reservation::default());
        assert_eq!(output.flush(&server, &clock).unwrap(), Flushed::Yield);
        assert_eq!(reads.load(Ordering::SeqCst), 2);
    }

    /// Counts its reads. The clock of the test shows a millisecond for each.
    struct Slow(Arc<AtomicU32>);

    impl Read for Slow {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.fetch_add(1, Ordering::SeqCst);
            Ok(buffer.len().min(1000))
        }
    }

    /// A client that reads as quickly as it is sent to must not keep the thread from the others.
    #[test]
    fn one_turn_sends_a_part_of_what_is_large_also_to_who_reads_at_once() {
        const LENGTH: u64 = 20_000_000;
        let stream = PendingBody::Stream {
            reader: Box::new(io::repeat(b'x')),
            framing: Framing::Length(LENGTH),
            left: LENGTH,
        };
        let file = file(&vec![b'x'; 20_000_000]);
        for rest in [PendingBody::File { file, at: 0, end: LENGTH }, stream] {
            let (mut client, server) = connected();
            client.set_nonblocking(false).unwrap();
            let mut output = Output::default();
            output.set_pending_body(rest, Reservation::default());
            let reader = thread::Builder::new().name("client".to_string());
            let reader = reader.spawn(move || client.read_to_end(&mut Vec::new()).unwrap());
            let mut before = 0;
            while output.flush(&server, &Instant::now).unwrap() != Flushed::All {
                let sent = match output.rest {
                    PendingBody::File { at, .. } => at,
                    PendingBody::Stream { left, .. } => LENGTH - left,
                    _ => LENGTH,
                };
                assert!(sent - before < TURN + CALL, "{} bytes in one turn", sent - before);
                before = sent;
            }
            drop(server);
            assert_eq!(reader.unwrap().join().unwrap() as u64, LENGTH);
        }
    }
}
