//! The socket of a client, and the bytes that have arrived.

use std::io::{self, Read};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::transcript::{MOST_SHOWN, Transcript};
use crate::reader::Source;
use crate::{Kind, WireError};

/// The maximum length in bytes of a header section, a chunk's size line or a trailer line. A client
/// does not wait for the end of a longer one.
const MOST_LINE: usize = 1024 * 1024;

/// A socket with its buffer and its limits.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) stream: TcpStream,
    pub(super) patience: Duration,
    /// The maximum number of received bytes that are collected.
    pub(super) most: usize,
    pub(super) received: Vec<u8>,
    /// `false` while the server may still send.
    pub(super) ended: bool,
    pub(super) transcript: Transcript,
}

impl Link {
    /// Receives some bytes. Returns `Ok(false)` at the server's FIN.
    fn receive(&mut self, deadline: Instant, what: &str) -> Result<bool, WireError> {
        let mut buffer = [0; 16 * 1024];
        if self.received.len() >= self.most {
            return Err(self.too_much(what));
        }
        loop {
            let Some(remaining) = remaining(deadline) else {
                let message = format!("waited {:?} in vain for {what}", self.patience);
                return Err(WireError::new(Kind::TimedOut, message).with_arrived(&self.received));
            };
            let received = self
                .stream
                .set_read_timeout(Some(remaining))
                .and_then(|()| self.stream.read(&mut buffer));
            match received {
                Ok(0) => {
                    self.ended = true;
                    return Ok(false);
                }
                Ok(count) => {
                    self.received.extend_from_slice(&buffer[..count]);
                    self.transcript.record(false, &buffer[..count]);
                    return Ok(true);
                }
                Err(error) if is_timeout(&error) => {}
                Err(error) => {
                    let doing = format!("waiting for {what}");
                    return Err(WireError::io(&doing, &error).with_arrived(&self.received));
                }
            }
        }
    }

    /// The error for a server that sends more than the client buffers.
    fn too_much(&self, what: &str) -> WireError {
        let shown = &self.received[..self.received.len().min(MOST_SHOWN)];
        let count = self.received.len();
        let message = format!("the server sent {count} bytes without {what}, and goes on sending");
        WireError::new(Kind::Unexpected, message).with_arrived(shown)
    }
}

/// The link during one call of the client: all its waits have the same deadline.
pub(super) struct Waiting<'a> {
    pub(super) link: &'a mut Link,
    pub(super) deadline: Instant,
}

impl Waiting<'_> {
    fn more(&mut self, what: &str) -> Result<(), WireError> {
        if self.link.ended || !self.link.receive(self.deadline, what)? {
            let message = format!("the server closed, and there was still to come: {what}");
            return Err(WireError::new(Kind::Closed, message).with_arrived(&self.link.received));
        }
        Ok(())
    }
}

impl Source for Waiting<'_> {
    fn at_least(&mut self, count: usize, what: &str) -> Result<&[u8], WireError> {
        while self.link.received.len() < count {
            self.more(what)?;
        }
        Ok(&self.link.received)
    }

    fn until(&mut self, from: usize, end: &[u8], what: &str) -> Result<usize, WireError> {
        let mut at = from;
        loop {
            let rest = self.link.received.get(at..).unwrap_or_default();
            if let Some(place) = rest.windows(end.len()).position(|window| window == end) {
                return Ok(at + place + end.len());
            }
            // A part of `end` may already have arrived, so the search repeats the last `end.len() - 1` bytes.
            at = from.max((at + rest.len()).saturating_sub(end.len() - 1));
            if at - from > MOST_LINE {
                return Err(self.link.too_much(what));
            }
            self.more(what)?;
        }
    }

    fn until_closed(&mut self, what: &str) -> Result<usize, WireError> {
        while !self.link.ended {
            self.link.receive(self.deadline, what)?;
        }
        Ok(self.link.received.len())
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        self.link.received.drain(..count).collect()
    }
}

pub(super) fn remaining(deadline: Instant) -> Option<Duration> {
    Some(deadline.saturating_duration_since(Instant::now())).filter(|rest| !rest.is_zero())
}

/// Whether a read has timed out (`WouldBlock` on Unix, `TimedOut` on Windows) or was interrupted by a signal, so that
/// it is retried until the deadline.
pub(crate) fn is_timeout(error: &io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}
