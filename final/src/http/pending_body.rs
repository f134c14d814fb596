//! The body of a response, from the time its header section is encoded until its last byte is sent.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;

use super::SharedBytes;

/// The maximum number of bytes that are read from a stream at a time. The buffer is on the stack,
/// so this also bounds the memory.
const STREAM_CHUNK: usize = 16 * 1024;

/// The framing of a response's body, by which the client recognizes its end (RFC 9112 section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// The status implies that there is no body: 1xx, 204 and 304.
    Absent,
    /// Content-Length.
    Length(u64),
    /// Transfer-Encoding: chunked.
    Chunked,
    /// The body ends with the connection. HTTP/1.0 has no other framing for a body of unknown
    /// length.
    Close,
}

/// The part of a response's body that has not been sent.
#[derive(Default)]
pub enum PendingBody {
    /// No bytes are left.
    #[default]
    Nothing,
    /// A body in memory.
    Bytes {
        /// The whole body.
        bytes: Cow<'static, [u8]>,
        /// The number of bytes that have been sent.
        sent: usize,
    },
    /// A range of bytes that several responses share.
    Shared {
        /// All of the shared bytes.
        bytes: SharedBytes,
        /// The range that has not been sent.
        left: Range<usize>,
    },
    /// A part of a file. On Linux the kernel copies it to the socket, so its bytes are never in the
    /// memory of this process.
    File {
        /// The open file.
        file: Arc<File>,
        /// The offset of the next byte to be sent.
        at: u64,
        /// The offset after the last byte to be sent.
        end: u64,
    },
    /// The output of a reader, which is read while the response is sent.
    Stream {
        /// The reader of the body.
        reader: Box<dyn Read + Send>,
        /// The framing by which the client recognizes the end of the body.
        framing: Framing,
        /// The maximum number of bytes that are still to be read.
        left: u64,
    },
}

impl PendingBody {
    /// Returns whether the whole body has been sent or, for a stream, read.
    pub(super) fn is_done(&self) -> bool {
        match self {
            PendingBody::Nothing => true,
            PendingBody::Bytes { bytes, sent } => *sent >= bytes.len(),
            PendingBody::Shared { left, .. } => left.start >= left.end,
            PendingBody::File { at, end, .. } => at >= end,
            PendingBody::Stream { left, .. } => *left == 0,
        }
    }

    /// Marks the next `count` bytes as sent. This has no effect on a stream, which advances when it
    /// is read.
    pub(super) fn advance(&mut self, count: usize) {
        match self {
            PendingBody::Bytes { sent, .. } => *sent += count,
            PendingBody::Shared { left, .. } => left.start += count,
            PendingBody::File { at, .. } => *at += count as u64,
            PendingBody::Nothing | PendingBody::Stream { .. } => {}
        }
    }

    /// Reads a stream once, and appends the result to `out` with its framing. At the end of the
    /// stream, [`PendingBody::is_done`] becomes true. Any other body stays unchanged.
    ///
    /// # Errors
    /// Returns the error from the reader, or [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) if it
    /// ends before the announced length. The response cannot be completed then, so the connection
    /// must be closed without the end of the framing.
    pub(super) fn read_stream(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        let PendingBody::Stream { reader, framing, left } = self else { return Ok(()) };
        if *left == 0 {
            return Ok(());
        }
        let most = usize::try_from(*left).map_or(STREAM_CHUNK, |left| left.min(STREAM_CHUNK));
        let mut buffer = [0; STREAM_CHUNK];
        let count = loop {
            match reader.read(&mut buffer[..most]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        let data = &buffer[..count];
        match (count, *framing) {
            (0, Framing::Length(_)) => return Err(io::ErrorKind::UnexpectedEof.into()),
            (0, Framing::Chunked) => out.extend_from_slice(b"0\r\n\r\n"),
            (_, Framing::Chunked) => {
                out.extend_from_slice(format!("{count:x}\r\n").as_bytes());
                out.extend_from_slice(data);
                out.extend_from_slice(b"\r\n");
            }
            _ => out.extend_from_slice(data),
        }
        *left = if count == 0 { 0 } else { *left - count as u64 };
        Ok(())
    }
}
