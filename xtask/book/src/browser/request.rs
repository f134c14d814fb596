//! A request of the browser, as far as the site needs it.

use std::io::{self, BufRead, BufReader, Read};
use std::net::TcpStream;

/// The maximum length of a body in bytes. The longest is a report, which is a list of sentences. More is not read.
pub(super) const MAX_BODY: u64 = 1024 * 1024;

pub(super) struct Request {
    /// The request line, with its CRLF.
    pub(super) line: String,
    pub(super) body: Vec<u8>,
}

impl Request {
    /// `None` if the connection ends before a request.
    pub(super) fn read(stream: &TcpStream) -> io::Result<Option<Request>> {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let mut length = 0;
        loop {
            let mut field = String::new();
            if reader.read_line(&mut field)? == 0 || field.trim().is_empty() {
                break;
            }
            let (name, value) = field.split_once(':').unwrap_or_default();
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        let mut body = Vec::new();
        reader.take(MAX_BODY.min(length)).read_to_end(&mut body)?;
        Ok(Some(Request { line, body }))
    }

    /// The path of the target, without the query.
    pub(super) fn path(&self) -> &str {
        let target = self.line.split(' ').nth(1).unwrap_or_default();
        target.split('?').next().unwrap_or_default()
    }

    pub(super) fn body_text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
