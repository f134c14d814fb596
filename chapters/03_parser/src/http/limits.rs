//! The limits on the memory and the time of one client.

use std::time::Duration;

/// The number of bytes in a kibibyte.
pub const KIB: usize = 1024;
/// The number of bytes in a mebibyte.
pub const MIB: usize = 1024 * KIB;

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
    /// The maximum size of the trailer section of a chunked body in bytes. A larger one is rejected
    /// with 431.
    pub trailers: usize,
    /// The maximum number of requests on one connection. The last response has `Connection: close`.
    pub requests: usize,
    /// The maximum time before the first byte of a request. When it expires, the connection is
    /// closed without a response.
    pub idle_time: Duration,
    /// The maximum time from the first byte of the header section to its last. When it expires, the
    /// response is 408.
    pub head_time: Duration,
    /// The maximum time for the body, from the end of the header section. When it expires, the
    /// response is 408.
    pub body_time: Duration,
    /// The maximum time that a client may take to accept one write of a response (up to 64 KiB).
    pub write_time: Duration,
    /// The maximum time that the server waits for the client's FIN after it has sent its own.
    pub linger: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            target: 8 * KIB,
            head: 16 * KIB,
            fields: 100,
            body: 8 * MIB as u64,
            trailers: 8 * KIB,
            requests: 1000,
            idle_time: Duration::from_secs(5),
            head_time: Duration::from_secs(10),
            body_time: Duration::from_secs(30),
            write_time: Duration::from_secs(30),
            linger: Duration::from_secs(2),
        }
    }
}
