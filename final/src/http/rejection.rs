//! REJECT: a description of each request that the server itself rejects, for the log and the
//! metrics. Usually its handler has not run. It has run if the rest of a large body could not be
//! read, or if the response exceeded the memory budget.

use std::net::IpAddr;

use super::{Request, Status};

/// The maximum number of bytes of a request line in a log line. A request target may be several
/// kilobytes long.
const MAX_NOTED: usize = 200;

/// The reason for a rejection when the memory budget has no room.
pub(super) const NO_MEMORY: &str = "no_memory";

/// The reason for a rejection when the process has no file descriptor left.
pub const NO_DESCRIPTOR: &str = "no_descriptor";

/// The reason for a rejection when every worker is in a handler that blocks.
pub(super) const NO_THREAD: &str = "no_thread";

/// The reason for a rejection when a large body has waited in the queue until its deadline.
pub(super) const NO_UPLOAD_SLOT: &str = "no_upload_slot";

/// A request that was rejected, or whose connection was aborted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The reason, one of a few fixed words, because it becomes a label of a metric.
    pub reason: &'static str,
    /// The status of the response, or `None` if the connection ended because the client had not
    /// read an earlier response.
    pub status: Option<Status>,
    /// The address of the client, which may be behind a proxy, or `None` if the rejection was
    /// before the end of the header section.
    pub client: Option<IpAddr>,
    /// The method and the target, or the part of the request line that has arrived. It is escaped,
    /// so it contains no control characters.
    pub request: String,
}

/// Returns the first line in `bytes`, as far as it has arrived.
pub(super) fn first_line(bytes: &[u8]) -> String {
    let bytes = without_empty_line(bytes);
    let is_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let end = bytes.iter().position(is_end).unwrap_or(bytes.len());
    escaped(&bytes[..end])
}

/// Returns whether the request that begins with `bytes` has the method HEAD.
pub(super) fn begins_with_head(bytes: &[u8]) -> bool {
    without_empty_line(bytes).starts_with(b"HEAD ")
}

/// Removes the empty line that a client may send before a request (RFC 9112 section 2.2).
fn without_empty_line(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\r\n").unwrap_or(bytes)
}

/// Returns the method and the target of a request whose header section has been parsed.
pub(super) fn request_line(request: &Request) -> String {
    escaped(format!("{} {}", request.method(), request.target().raw()).as_bytes())
}

fn escaped(line: &[u8]) -> String {
    let cut = &line[..line.len().min(MAX_NOTED)];
    let dots = if cut.len() < line.len() { "..." } else { "" };
    format!("{}{dots}", cut.escape_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Method;

    #[test]
    fn the_part_of_the_first_line_that_has_arrived_is_escaped() {
        let long = format!("GET /{}", "x".repeat(500));
        let cut = format!("GET /{}...", "x".repeat(MAX_NOTED - 5));
        let table: [(&[u8], &str); 7] = [
            (b"", ""),
            (b"GET /a HT", "GET /a HT"),
            (b"GET /a HTTP/1.1\r\nHost: x\r\n", "GET /a HTTP/1.1"),
            (b"\r\nGET /a HTTP/1.1\r\n", "GET /a HTTP/1.1"),
            (b"\x16\x03\x01\x1b[31m", r"\x16\x03\x01\x1b[31m"),
            (b"\xe2\x80\xae\"", r#"\xe2\x80\xae\""#),
            (long.as_bytes(), &cut),
        ];
        for (bytes, expected) in table {
            assert_eq!(first_line(bytes), expected);
        }
    }

    #[test]
    fn a_parsed_request_is_described_by_method_and_target() {
        let request = Request::builder(Method::Post, "/a?b=c").build();
        assert_eq!(request_line(&request), "POST /a?b=c");
    }
}
