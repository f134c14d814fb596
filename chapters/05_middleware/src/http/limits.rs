//! How much memory and time one client may use.

use std::time::Duration;

/// 1,024 bytes.
pub const KIB: usize = 1024;
/// 1,048,576 bytes.
pub const MIB: usize = 1024 * KIB;

/// The limits on one client. Most of them have their own status code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the request target; over it, 414.
    pub target: usize,
    /// Bytes of the request line and all field lines; over it, 431.
    pub head: usize,
    /// Number of field lines; over it, 431.
    pub fields: usize,
    /// Bytes of a body after decoding; over it, 413.
    pub body: u64,
    /// Bytes of the trailer section of a chunked body; over it, 431.
    pub trailers: usize,
    /// Requests on one connection. The last response has `Connection: close`.
    pub requests: usize,
    /// How long a connection may be idle before the first byte of a request. Then it is closed without a response.
    pub idle_time: Duration,
    /// How long the header section may take, from its first byte to its last; over it, 408.
    pub head_time: Duration,
    /// How long the body may take, from the end of the header section; over it, 408.
    pub body_time: Duration,
    /// How long a client may take to accept one write of a response (64 KiB at most).
    pub write_time: Duration,
    /// How long the server waits for the client's FIN after its own.
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
