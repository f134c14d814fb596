//! Writes well-formed requests, for tests of something else.

use std::fmt::Write;
use std::net::SocketAddr;

use crate::{Client, Reply, WireError};

/// Writes an HTTP/1.1 request with a Host field, the given fields, and a Content-Length if there is a body.
///
/// ```
/// let bytes = wire::request("POST", "/echo", &[("Content-Type", "text/plain")], b"hi");
/// assert_eq!(
///     bytes,
///     b"POST /echo HTTP/1.1\r\nHost: test\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi"
/// );
/// ```
pub fn request(method: &str, target: &str, fields: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("{method} {target} HTTP/1.1\r\nHost: test\r\n");
    for (name, value) in fields {
        head.extend([*name, ": ", *value, "\r\n"]);
    }
    if !body.is_empty() {
        // Writing to a string cannot fail.
        let _ = write!(head, "Content-Length: {}\r\n", body.len());
    }
    head.push_str("\r\n");
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// Sends a GET request on a new connection, and reads the reply.
pub fn get(address: SocketAddr, target: &str) -> Result<Reply, WireError> {
    let mut client = Client::connect(address)?;
    client.send(request("GET", target, &[("Connection", "close")], b""))?;
    client.read_reply()
}
