//! The output of a connection: encoded responses, and the body that follows the last of them. It
//! has no socket: its owner takes the next bytes, sends them, and reports how many were sent.

use std::fs::File;
use std::io;

use super::pending_body::{Framing, PendingBody};
use crate::core::files::read_at;
use crate::core::memory_budget::Reservation;

/// The maximum size of an output buffer that a thread keeps for the next connection. It bounds the
/// memory, in bytes for each thread.
const MAX_KEPT_OUTPUT: usize = 256 * 1024;

/// The maximum number of bytes of a file that [`Output::take_chunk`] copies at a time.
const MAX_FILE_PART: usize = 64 * 1024;

/// The bytes that are to be sent next.
#[derive(Debug, Clone, Copy)]
pub enum Chunk<'a> {
    /// Bytes in memory.
    Bytes {
        /// The bytes that are sent first: header sections and small bodies.
        first: &'a [u8],
        /// The bytes that follow `first`: a large body, or nothing. One system call can send both
        /// slices.
        second: &'a [u8],
        /// Whether a file follows, so that the kernel may hold the last segment back until it is
        /// full.
        has_more: bool,
    },
    /// A part of a file.
    File {
        /// The open file.
        file: &'a File,
        /// The offset in the file at which the part begins.
        at: u64,
        /// The number of bytes of the part, at least one.
        length: u64,
    },
}

/// The responses that a connection has to send.
///
/// Invariants: `body` is [`PendingBody::Nothing`] as soon as its last byte has been sent or, for a
/// stream, read. `pending` is empty as soon as all of it has been sent.
#[derive(Default)]
pub struct Output {
    /// Header sections, small bodies, and the bytes that a stream has returned.
    pending: Vec<u8>,
    /// The number of bytes of `pending` that have been sent.
    sent: usize,
    /// The body that follows `pending`.
    body: PendingBody,
    /// The reservation for the bytes of `body`.
    memory: Reservation,
}

impl Output {
    /// Returns whether everything has been sent.
    pub fn is_empty(&self) -> bool {
        self.unsent().is_empty() && !self.has_body()
    }

    /// Returns whether a body follows the bytes that are pending. No other response may be appended
    /// until it has been sent.
    pub fn has_body(&self) -> bool {
        !matches!(self.body, PendingBody::Nothing)
    }

    /// Returns whether the body is close-delimited: only the end of the connection shows the client
    /// that the response is complete.
    pub fn ends_with_connection(&self) -> bool {
        matches!(self.body, PendingBody::Stream { framing: Framing::Close, .. })
    }

    /// Returns the bytes that are pending, without the body that follows them.
    pub fn unsent(&self) -> &[u8] {
        &self.pending[self.sent..]
    }

    /// Returns the buffer to which the next response is appended. The caller ensures that no body
    /// is pending.
    pub(super) fn pending(&mut self) -> &mut Vec<u8> {
        &mut self.pending
    }

    /// Sets the body that follows the pending bytes, and its reservation.
    pub(super) fn set_body(&mut self, body: PendingBody, memory: Reservation) {
        self.body = body;
        self.memory = memory;
        self.drop_sent_body();
    }

    /// Returns the next bytes to send, or `None` if everything has been sent. A stream is read
    /// here, once for each call, when the bytes before it have been sent.
    ///
    /// # Errors
    /// Returns the error from the stream. The response cannot be completed then, so the connection
    /// must be closed.
    pub fn next_chunk(&mut self) -> io::Result<Option<Chunk<'_>>> {
        if self.unsent().is_empty() {
            self.body.read_stream(&mut self.pending)?;
            self.drop_sent_body();
        }
        let first = &self.pending[self.sent..];
        let (second, has_more) = match &self.body {
            PendingBody::File { file, at, end } if first.is_empty() => {
                return Ok(Some(Chunk::File { file, at: *at, length: *end - *at }));
            }
            PendingBody::Nothing | PendingBody::Stream { .. } if first.is_empty() => {
                return Ok(None);
            }
            PendingBody::Bytes { bytes, sent } => (&bytes[*sent..], false),
            PendingBody::Shared { bytes, left } => (&bytes[left.clone()], false),
            PendingBody::File { .. } => (&[][..], true),
            PendingBody::Nothing | PendingBody::Stream { .. } => (&[][..], false),
        };
        Ok(Some(Chunk::Bytes { first, second, has_more }))
    }

    /// Marks the first `count` bytes of the chunk as sent.
    pub fn advance(&mut self, count: usize) {
        let of_pending = count.min(self.unsent().len());
        self.sent += of_pending;
        if self.sent == self.pending.len() {
            self.pending.clear();
            self.sent = 0;
        }
        if count > of_pending {
            self.body.advance(count - of_pending);
        }
        self.drop_sent_body();
    }

    /// Moves the next chunk to the end of `out`, up to 64 KiB of a file. This is for a connection
    /// without a socket. Returns false if everything has already been sent.
    ///
    /// # Errors
    /// Returns the same errors as [`Output::next_chunk`], or the error from the file.
    pub fn take_chunk(&mut self, out: &mut Vec<u8>) -> io::Result<bool> {
        let before = out.len();
        match self.next_chunk()? {
            None => return Ok(false),
            Some(Chunk::Bytes { first, second, .. }) => {
                out.extend_from_slice(first);
                out.extend_from_slice(second);
            }
            Some(Chunk::File { file, at, length }) => {
                let most =
                    usize::try_from(length).map_or(MAX_FILE_PART, |it| it.min(MAX_FILE_PART));
                out.resize(before + most, 0);
                let count = read_at(file, &mut out[before..], at)?;
                out.truncate(before + count);
                if count == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
        }
        self.advance(out.len() - before);
        Ok(true)
    }

    /// Frees a body that has been sent, and its reservation.
    fn drop_sent_body(&mut self) {
        if self.has_body() && self.body.is_done() {
            self.body = PendingBody::Nothing;
            self.memory = Reservation::default();
        }
    }

    /// Lends the buffer of a thread to this output for one step, unless bytes from an earlier step
    /// are pending.
    pub(super) fn lend(&mut self, buffer: &mut Vec<u8>) {
        if self.pending.capacity() == 0 {
            std::mem::swap(&mut self.pending, buffer);
        }
    }

    /// Returns the buffer after the step, and keeps a copy of the bytes that have not been sent. A
    /// waiting connection keeps no more than these bytes, because the buffer may be many times
    /// larger.
    pub(super) fn give_back(&mut self, buffer: &mut Vec<u8>) {
        let unsent = self.unsent().to_vec();
        let mut pending = std::mem::replace(&mut self.pending, unsent);
        self.sent = 0;
        if pending.capacity() <= MAX_KEPT_OUTPUT && pending.capacity() >= buffer.capacity() {
            pending.clear();
            *buffer = pending;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::ops::Range;
    use std::sync::Arc;

    use super::*;
    use crate::http::SharedBytes;

    /// Creates a file with these bytes.
    fn file(bytes: &[u8]) -> Arc<File> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        Arc::new(file)
    }

    /// Takes at most `most` bytes at a time, as a kernel does, until none are left.
    fn take_all(output: &mut Output, most: usize) -> Vec<u8> {
        let mut taken = Vec::new();
        loop {
            let chunk = match output.next_chunk().unwrap() {
                None => break,
                Some(Chunk::Bytes { first, second, .. }) => [first, second].concat(),
                Some(Chunk::File { file, at, length }) => {
                    let mut bytes = vec![0; usize::try_from(length).unwrap()];
                    let count = read_at(file, &mut bytes, at).unwrap();
                    assert_eq!(count, bytes.len(), "no more than there is");
                    bytes
                }
            };
            assert!(!chunk.is_empty() && !output.is_empty());
            let count = chunk.len().min(most);
            taken.extend_from_slice(&chunk[..count]);
            output.advance(count);
        }
        assert!(output.is_empty());
        taken
    }

    #[test]
    fn output_taken_in_parts_is_complete_and_in_order() {
        let bodies: [fn(SharedBytes, Range<usize>) -> PendingBody; 4] = [
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
        for length in [100_000, 9, 8] {
            let all: Vec<u8> = (0..=u8::MAX).cycle().take(length).collect();
            let all = SharedBytes::from(all);
            let range = 3..all.len() - 5;
            for body in bodies {
                for most in [usize::MAX, 1000, 7] {
                    let mut output = Output::default();
                    output.pending().extend_from_slice(b"header section");
                    output.set_body(body(all.clone(), range.clone()), Reservation::default());
                    let taken = take_all(&mut output, most);
                    assert!(taken == [b"header section", &all[range.clone()]].concat(), "{most}");
                }
            }
        }
    }

    #[test]
    fn a_large_body_is_sent_with_its_header_section_and_a_file_is_announced() {
        let bytes = PendingBody::Bytes { bytes: b"body"[..].into(), sent: 0 };
        for (body, expected) in [
            (bytes, (&b"head"[..], &b"body"[..], false)),
            (PendingBody::File { file: file(b"body"), at: 0, end: 4 }, (b"head", b"", true)),
            (PendingBody::Nothing, (b"head", b"", false)),
        ] {
            let mut output = Output::default();
            output.pending().extend_from_slice(b"head");
            output.set_body(body, Reservation::default());
            let Some(Chunk::Bytes { first, second, has_more }) = output.next_chunk().unwrap()
            else {
                panic!("the header section is first")
            };
            assert_eq!((first, second, has_more), expected);
        }
    }

    #[test]
    fn the_memory_of_a_body_is_given_back_when_its_last_byte_is_sent() {
        let budget = crate::core::MemoryBudget::new(1000);
        let mut memory = Reservation::default();
        memory.resize(&budget, 4).unwrap();
        let mut output = Output::default();
        output.set_body(PendingBody::Bytes { bytes: b"body"[..].into(), sent: 0 }, memory);
        output.advance(3);
        assert_eq!((budget.held(), output.is_empty()), (4, false));
        output.advance(1);
        assert_eq!((budget.held(), output.is_empty()), (0, true));
    }

    #[test]
    fn a_stream_that_fails_has_no_end() {
        struct Fails;
        impl Read for Fails {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::PermissionDenied.into())
            }
        }
        let mut output = Output::default();
        let (reader, framing) = (Box::new(Fails), Framing::Chunked);
        output.set_body(
            PendingBody::Stream { reader, framing, left: u64::MAX },
            Reservation::default(),
        );
        assert_eq!(output.next_chunk().unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        assert!(!output.is_empty());
    }
}
