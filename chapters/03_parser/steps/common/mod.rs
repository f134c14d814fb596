//! Code that all steps share: reading from a connection, the fields of a request, and the application.

#![allow(dead_code, reason = "each step uses a part of it")]

pub(crate) mod status;

use std::io;
use std::time::Duration;

use ch02_thread_pool::core::{Connection, Deadline, Fill};
use memchr::memmem;

use status::Status;

/// How long we wait for a client.
pub(crate) const PATIENCE: Duration = Duration::from_secs(3);

/// Why no request could be read.
pub(crate) enum Failure {
    /// The client gets this status, and the connection is closed.
    Rejected(Status),
    /// The client has disconnected, or was idle for too long between two requests.
    Gone(io::Error),
}

impl From<Status> for Failure {
    fn from(status: Status) -> Failure {
        Failure::Rejected(status)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Gone(error)
    }
}

/// A request line and its field lines.
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    /// HTTP/1.0: no Host, no chunks, and the connection is closed after the response.
    pub(crate) is_old: bool,
    /// Names in lower case, because they are case-insensitive.
    pub(crate) fields: Vec<(String, String)>,
}

impl Request {
    /// The value of each field line with this name.
    pub(crate) fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        let lines = self.fields.iter().filter(move |(named, _)| named == name);
        lines.map(|(_, value)| value.as_str())
    }

    /// A target is visible ASCII. A bare LF in it could be the end of the line for another server.
    pub(crate) fn has_valid_target(&self) -> bool {
        !self.target.is_empty() && self.target.bytes().all(|byte| byte.is_ascii_graphic())
    }

    /// One valid Host, as HTTP/1.1 requires (RFC 9112 section 3.2).
    pub(crate) fn has_valid_host(&self) -> bool {
        let hosts: Vec<&str> = self.values("host").collect();
        let is_valid = |host: &&str| !host.contains(['/', '@', ' ', ',']);
        hosts.iter().all(is_valid) && (hosts.len() == 1 || self.is_old && hosts.is_empty())
    }

    /// The elements of all these values. Lines with the same name are one list (RFC 9110 section 5.3).
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        let elements = self.values(name).flat_map(|value| value.split(','));
        elements.map(|element| element.trim_matches([' ', '\t']).to_ascii_lowercase()).collect()
    }
}

/// Whether the text is a token, like a method or a field name: letters, digits and some punctuation (RFC 9110 section
/// 5.6.2).
pub(crate) fn is_token(text: &str) -> bool {
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_fine)
}

/// Waits for more bytes in the buffer of the connection.
pub(crate) fn fill(connection: &mut Connection, deadline: Deadline) -> Result<(), Failure> {
    match connection.fill(deadline)? {
        Fill::Bytes(_) => Ok(()),
        Fill::Full => Err(status::BAD_REQUEST)?,
        // A client that has begun a request gets 408. An idle connection is just closed.
        Fill::TimedOut if !connection.buffered().is_empty() => Err(status::REQUEST_TIMEOUT)?,
        Fill::TimedOut => Err(io::Error::from(io::ErrorKind::TimedOut))?,
        Fill::Eof => Err(io::Error::from(io::ErrorKind::UnexpectedEof))?,
    }
}

/// Moves this many bytes out of the connection. The first of them may be in the buffer already.
pub(crate) fn read_bytes(
    connection: &mut Connection,
    count: usize,
    to: &mut Vec<u8>,
) -> Result<(), Failure> {
    let end = to.len() + count;
    while to.len() < end {
        if connection.buffered().is_empty() {
            fill(connection, Deadline::after(PATIENCE))?;
        }
        let count = connection.buffered().len().min(end - to.len());
        to.extend_from_slice(&connection.buffered()[..count]);
        connection.consume(count);
    }
    Ok(())
}

/// Moves a line out of the connection, without the CRLF that ends it.
pub(crate) fn read_line(connection: &mut Connection) -> Result<String, Failure> {
    loop {
        if let Some(end) = memmem::find(connection.buffered(), b"\r\n") {
            let line = String::from_utf8_lossy(&connection.buffered()[..end]).into_owned();
            connection.consume(end + 2);
            return Ok(line);
        }
        fill(connection, Deadline::after(PATIENCE))?;
    }
}

/// The application: a page, and an echo.
pub(crate) fn handle(request: &Request, body: Vec<u8>) -> (Status, Vec<u8>) {
    let path = request.target.split('?').next().unwrap_or_default();
    match (request.method.as_str(), path) {
        ("GET" | "HEAD", "/") => (status::OK, b"Hello!\n".to_vec()),
        ("POST", "/echo") => (status::OK, body),
        _ => (status::NOT_FOUND, b"There is nothing here.\n".to_vec()),
    }
}
