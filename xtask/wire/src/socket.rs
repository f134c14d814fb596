//! A connected socket, and waits for bytes from the server.

use std::io::{self, Read};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::transcript::{MOST_SHOWN, Transcript};
use crate::{Kind, WireError};

/// The maximum length in bytes of a header section, a chunk's size line or a trailer line. A client
/// does not wait for the end of a longer one.
const MOST_LINE: usize = 1024 * 1024;

/// A connected socket, and the bytes that have arrived. In each function, `what` describes the awaited bytes.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) stream: TcpStream,
    /// How long a call waits at most.
    pub(crate) patience: Duration,
    /// When the current call has waited for so long.
    pub(crate) deadline: Instant,
    /// The maximum number of received bytes that are collected.
    pub(crate) most: usize,
    /// The bytes that no call has returned.
    pub(crate) received: Vec<u8>,
    /// Whether the server has sent its FIN. An RST after it changes nothing.
    pub(crate) has_ended: bool,
    pub(crate) transcript: Transcript,
}

impl Socket {
    /// Begins a call: its waits have the same deadline.
    pub(crate) fn begin(&mut self) {
        self.deadline = Instant::now() + self.patience;
    }

    /// The time until the deadline, if there is any.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        let rest = self.deadline.saturating_duration_since(Instant::now());
        Some(rest).filter(|rest| !rest.is_zero())
    }

    /// Receives some bytes. Returns `Ok(false)` after the server has closed.
    fn receive(&mut self, what: &str) -> Result<bool, WireError> {
        if self.has_ended {
            return Ok(false);
        }
        if self.received.len() >= self.most {
            return Err(too_much(&self.received, what));
        }
        let mut buffer = [0; 16 * 1024];
        loop {
            let Some(remaining) = self.remaining() else {
                let message = format!("waited {:?} for {what}", self.patience);
                return Err(WireError::new(Kind::TimedOut, message).with_arrived(&self.received));
            };
            let read = self.stream.set_read_timeout(Some(remaining));
            match read.and_then(|()| self.stream.read(&mut buffer)) {
                Ok(count) => {
                    self.received.extend_from_slice(&buffer[..count]);
                    self.transcript.record(false, &buffer[..count]);
                    self.has_ended = count == 0;
                    return Ok(!self.has_ended);
                }
                Err(error) if is_timeout(&error) => {}
                Err(error) => {
                    let doing = format!("waiting for {what}");
                    return Err(WireError::io(&doing, &error).with_arrived(&self.received));
                }
            }
        }
    }

    /// Receives some bytes. It is an error if the server has closed.
    fn more(&mut self, what: &str) -> Result<(), WireError> {
        if self.receive(what)? {
            return Ok(());
        }
        let message = format!("the server closed before this arrived: {what}");
        Err(WireError::new(Kind::Closed, message).with_arrived(&self.received))
    }

    /// Waits until at least `count` bytes are buffered, and returns all buffered bytes.
    pub(crate) fn at_least(&mut self, count: usize, what: &str) -> Result<&[u8], WireError> {
        while self.received.len() < count {
            self.more(what)?;
        }
        Ok(&self.received)
    }

    /// Waits for `end`, searched from position `from` on, and returns the position after it.
    pub(crate) fn until(
        &mut self,
        from: usize,
        end: &[u8],
        what: &str,
    ) -> Result<usize, WireError> {
        let mut at = from;
        loop {
            let rest = self.received.get(at..).unwrap_or_default();
            if let Some(place) = rest.windows(end.len()).position(|window| window == end) {
                return Ok(at + place + end.len());
            }
            // A part of `end` may already have arrived, so the search repeats the last `end.len() - 1` bytes.
            at = from.max((at + rest.len()).saturating_sub(end.len() - 1));
            if at - from > MOST_LINE {
                return Err(too_much(&self.received, what));
            }
            self.more(what)?;
        }
    }

    /// Waits until the server closes, and returns the number of buffered bytes.
    pub(crate) fn until_closed(&mut self, what: &str) -> Result<usize, WireError> {
        while self.receive(what)? {}
        Ok(self.received.len())
    }

    /// Removes and returns the first `count` buffered bytes.
    pub(crate) fn take(&mut self, count: usize) -> Vec<u8> {
        self.received.drain(..count).collect()
    }
}

/// The error for a server that sends more than the client buffers.
fn too_much(received: &[u8], what: &str) -> WireError {
    let count = received.len();
    let message = format!("the server sent {count} bytes without {what}, and goes on sending");
    WireError::new(Kind::Unexpected, message).with_arrived(&received[..count.min(MOST_SHOWN)])
}

/// Whether a read has timed out (`WouldBlock` on Unix, `TimedOut` on Windows) or was interrupted by a signal, so that
/// it is retried until the deadline.
pub(crate) fn is_timeout(error: &io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}
