//! The limits on the memory and the time of one client.

use std::time::Duration;

/// The number of bytes in a kibibyte.
pub const KIB: usize = 1024;
/// The number of bytes in a mebibyte.
pub const MIB: usize = 1024 * KIB;

/// The longest supported timeout, a year. A deadline is the current time plus a timeout, and the
/// addition of a larger [`Duration`] to an `Instant` could overflow and panic.
pub const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The limits on the requests and responses of one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The maximum length of the request target in bytes. A longer one is rejected with 414.
    pub target: usize,
    /// The maximum size of the request line and all field lines in bytes. A larger one is rejected
    /// with 431.
    pub head: usize,
    /// The maximum number of field lines. A request with more of them is rejected with 431.
    pub fields: usize,
    /// The maximum size of a body in bytes after decoding. A larger one is rejected with 413.
    pub body: u64,
    /// The maximum number of bytes of a body that is collected before its handler is called. A
    /// handler reads a larger body while it arrives.
    pub whole_body: u64,
    /// The maximum size of the trailer section of a chunked body in bytes. A larger one is rejected
    /// with 431.
    pub trailers: usize,
    /// The maximum number of requests on one connection. The last response has `Connection: close`.
    pub requests: usize,
    /// The maximum time that a connection may be idle before the first byte of a request. Then it
    /// is closed without a response.
    ///
    /// A proxy that keeps idle connections to this server must close them first. Otherwise it may
    /// send a request on a connection that is being closed at that moment. Many proxies close them
    /// after 60 s, so the default is longer: 75 s.
    pub idle_time: Duration,
    /// The maximum time from the first byte of the header section to its last. When it expires, the
    /// response is 408.
    pub head_time: Duration,
    /// The maximum time for the body, from the end of the header section; after it, the response is
    /// 408. A body that the handler reads as it arrives may take this time for each mebibyte.
    pub body_time: Duration,
    /// The maximum time for which a client may stop reading a response before the connection is
    /// closed.
    pub write_time: Duration,
    /// The maximum time that the server waits for the client's FIN after it has sent its own.
    pub linger: Duration,
}

impl Limits {
    /// Returns the same limits, with every time capped at [`LONGEST`].
    pub(crate) fn countable(self) -> Limits {
        Limits {
            idle_time: self.idle_time.min(LONGEST),
            head_time: self.head_time.min(LONGEST),
            body_time: self.body_time.min(LONGEST),
            write_time: self.write_time.min(LONGEST),
            linger: self.linger.min(LONGEST),
            ..self
        }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            target: 8 * KIB,
            head: 16 * KIB,
            fields: 100,
            body: 8 * MIB as u64,
            whole_body: 64 * KIB as u64,
            trailers: 8 * KIB,
            requests: 1000,
            idle_time: Duration::from_secs(75),
            head_time: Duration::from_secs(10),
            body_time: Duration::from_secs(30),
            write_time: Duration::from_secs(30),
            linger: Duration::from_secs(2),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endless_time_becomes_a_year_and_the_others_stay() {
        let short = Limits { target: 1, requests: 2, ..Limits::default() };
        assert_eq!(short.countable(), short);
        let (idle_time, head_time, body_time) = (Duration::MAX, Duration::MAX, Duration::MAX);
        let (write_time, linger) = (Duration::MAX, Duration::MAX);
        let endless = Limits { idle_time, head_time, body_time, write_time, linger, ..short };
        let (idle_time, head_time, body_time) = (LONGEST, LONGEST, LONGEST);
        let (write_time, linger) = (LONGEST, LONGEST);
        let counted = Limits { idle_time, head_time, body_time, write_time, linger, ..short };
        assert_eq!(endless.countable(), counted);
    }
}
