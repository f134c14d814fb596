//! The socket of a client, and the bytes that have arrived.

use std::io::{self, Read};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::transcript::Transcript;
use crate::source::{Source, too_much};
use crate::{Kind, WireError};

/// A socket with its buffer and its limits.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) stream: TcpStream,
    pub(super) patience: Duration,
    /// The maximum number of received bytes that are collected.
    pub(super) most: usize,
    pub(super) received: Vec<u8>,
    /// Whether the server has sent its FIN. An RST after it changes nothing.
    pub(super) has_ended: bool,
    pub(super) transcript: Transcript,
}

impl Link {
    /// The link for a call of the client that may wait this long.
    pub(super) fn waiting(&mut self, patience: Duration) -> Waiting<'_> {
        Waiting { link: self, deadline: Instant::now() + patience }
    }
}

/// The link during one call of the client: all its waits have the same deadline.
pub(super) struct Waiting<'a> {
    link: &'a mut Link,
    deadline: Instant,
}

impl Source for Waiting<'_> {
    fn received(&mut self) -> &mut Vec<u8> {
        &mut self.link.received
    }

    fn receive(&mut self, what: &str) -> Result<bool, WireError> {
        let Link { stream, patience, most, received, has_ended, transcript } = &mut *self.link;
        if *has_ended {
            return Ok(false);
        }
        if received.len() >= *most {
            return Err(too_much(received, what));
        }
        let mut buffer = [0; 16 * 1024];
        loop {
            let Some(remaining) = remaining(self.deadline) else {
                let message = format!("waited {patience:?} for {what}");
                return Err(WireError::new(Kind::TimedOut, message).with_arrived(received));
            };
            let read = stream.set_read_timeout(Some(remaining));
            match read.and_then(|()| stream.read(&mut buffer)) {
                Ok(count) => {
                    received.extend_from_slice(&buffer[..count]);
                    transcript.record(false, &buffer[..count]);
                    *has_ended = count == 0;
                    return Ok(!*has_ended);
                }
                Err(error) if is_timeout(&error) => {}
                Err(error) => {
                    let doing = format!("waiting for {what}");
                    return Err(WireError::io(&doing, &error).with_arrived(received));
                }
            }
        }
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
