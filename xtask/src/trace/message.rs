//! Names the parts of HTTP messages in the bytes of one direction, as they arrive.
//!
//! Bytes that are not HTTP get no names, for example at the echo server of the first two chapters.

use std::collections::VecDeque;

use httparse::Status;
use wire::Framing;

use super::head::{Head, Side};

/// The maximum length in bytes of a header section or of one line. Longer ones are not named.
const MAX_HEAD: usize = 64 * 1024;

/// Some bytes, and the name of the message part that they are. The name of bytes that are not HTTP is empty.
pub(super) type Piece<'a> = (&'a [u8], String);

/// The part that the next byte belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Head,
    Fixed { left: u64, total: u64 },
    UntilClose { seen: u64 },
    ChunkSize,
    ChunkData { left: u64 },
    ChunkEnd,
    Trailers,
    NotHttp,
}

/// The messages of one direction of a connection.
#[derive(Debug)]
pub(super) struct Messages {
    side: Side,
    state: State,
    /// The complete lines of the current header section.
    head: Vec<u8>,
    /// The bytes of the current line that have arrived.
    line: Vec<u8>,
}

impl Messages {
    pub(super) fn of(side: Side) -> Messages {
        Messages { side, state: State::Head, head: Vec::new(), line: Vec::new() }
    }

    /// Cuts bytes that have arrived into named pieces. `methods` are those of the requests without a response so far:
    /// a request adds its method, and the final response removes it.
    pub(super) fn push<'a>(
        &mut self,
        mut bytes: &'a [u8],
        methods: &mut VecDeque<String>,
    ) -> Vec<Piece<'a>> {
        let mut pieces = Vec::new();
        while !bytes.is_empty() {
            let (count, name) = match self.state {
                State::NotHttp => (bytes.len(), String::new()),
                State::Fixed { left, total } => {
                    let (count, left) = split(bytes, left);
                    self.state = if left == 0 { State::Head } else { State::Fixed { left, total } };
                    (count, format!("body, {} of {total} bytes", total - left))
                }
                State::UntilClose { seen } => {
                    let seen = seen + bytes.len() as u64;
                    self.state = State::UntilClose { seen };
                    (bytes.len(), format!("body, {seen} bytes so far"))
                }
                State::ChunkData { left } => {
                    let (count, left) = split(bytes, left);
                    self.state =
                        if left == 0 { State::ChunkEnd } else { State::ChunkData { left } };
                    (count, "chunk data".to_string())
                }
                _ => self.push_line(bytes, methods),
            };
            let (piece, rest) = bytes.split_at(count);
            bytes = rest;
            pieces.push((piece, name));
        }
        pieces
    }

    /// Takes the bytes up to the end of a line, or all of them.
    fn push_line(&mut self, bytes: &[u8], methods: &mut VecDeque<String>) -> (usize, String) {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let count = end.map_or(bytes.len(), |end| end + 1);
        self.line.extend_from_slice(&bytes[..count]);
        if self.head.len() + self.line.len() > MAX_HEAD {
            self.state = State::NotHttp;
            return (count, String::new());
        }
        if end.is_none() {
            return (count, "incomplete line".to_string());
        }
        let line = std::mem::take(&mut self.line);
        (count, self.whole_line(&line, methods))
    }

    fn whole_line(&mut self, line: &[u8], methods: &mut VecDeque<String>) -> String {
        let is_empty = line.trim_ascii_end().is_empty();
        let (name, next) = match self.state {
            State::Head => return self.head_line(line, is_empty, methods).to_string(),
            State::ChunkSize => return self.chunk_size(line),
            State::ChunkEnd => ("end of the chunk", State::ChunkSize),
            State::Trailers if is_empty => ("end of the body", State::Head),
            State::Trailers => ("trailer", State::Trailers),
            other => ("", other),
        };
        self.state = next;
        name.to_string()
    }

    fn head_line(
        &mut self,
        line: &[u8],
        is_empty: bool,
        methods: &mut VecDeque<String>,
    ) -> &'static str {
        let is_first = self.head.is_empty();
        if is_first && is_empty {
            return "empty line";
        }
        self.head.extend_from_slice(line);
        if !is_first && !is_empty {
            return "field";
        }
        let Some(head) = Head::parse(self.side, &self.head) else {
            self.state = State::NotHttp;
            return "";
        };
        if is_first {
            return if self.side == Side::Client { "request line" } else { "status line" };
        }
        self.state = self.after(head, methods);
        self.head.clear();
        "end of the header section"
    }

    /// The state after a header section (RFC 9112 section 6.3).
    fn after(&self, head: Head, methods: &mut VecDeque<String>) -> State {
        let framing = if self.side == Side::Client {
            methods.push_back(head.method);
            // Without a length a request has no body, where a response ends with the connection.
            match Framing::of("", 200, head.is_chunked, head.length.is_some()) {
                Framing::Close => Framing::None,
                framing => framing,
            }
        } else if head.status == 101 {
            return State::NotHttp;
        } else {
            let is_final = head.status >= 200;
            let method = if is_final { methods.pop_front() } else { None }.unwrap_or_default();
            Framing::of(&method, head.status, head.is_chunked, head.length.is_some())
        };
        match (framing, head.length) {
            (Framing::Chunked, _) => State::ChunkSize,
            (Framing::Length, Some(total @ 1..)) => State::Fixed { left: total, total },
            (Framing::Close, _) => State::UntilClose { seen: 0 },
            (Framing::Length | Framing::None, _) => State::Head,
        }
    }

    fn chunk_size(&mut self, line: &[u8]) -> String {
        match httparse::parse_chunk_size(line) {
            Ok(Status::Complete((_, 0))) => {
                self.state = State::Trailers;
                "last chunk".to_string()
            }
            Ok(Status::Complete((_, left))) => {
                self.state = State::ChunkData { left };
                format!("chunk size: {left}")
            }
            _ => {
                self.state = State::NotHttp;
                String::new()
            }
        }
    }
}

/// How many of the bytes belong to a part of which `left` bytes are still to arrive, and how many are left after them.
fn split(bytes: &[u8], left: u64) -> (usize, u64) {
    let count = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
    (count, left - count as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(side: Side, bytes: &str, methods: &[&str]) -> Vec<String> {
        let mut methods = methods.iter().map(ToString::to_string).collect();
        let parts = Messages::of(side).push(bytes.as_bytes(), &mut methods);
        assert_eq!(parts.iter().map(|(part, _)| part.len()).sum::<usize>(), bytes.len());
        parts.into_iter().map(|(_, name)| name).collect()
    }

    #[test]
    fn each_part_of_a_message_has_its_name() {
        for (side, bytes, expected) in [
            (
                Side::Client,
                "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\n\r\n",
                "request line, field, end of the header section, body, 3 of 3 bytes, request line, end of the header section",
            ),
            (
                Side::Client,
                "POST / HTTP/1.1\r\nBad field\r\nContent-Length: 1\r\n\r\na",
                "request line, field, field, end of the header section, body, 1 of 1 bytes",
            ),
            (
                Side::Server,
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nA: b\r\n\r\n",
                "status line, field, end of the header section, chunk size: 5, chunk data, end of the chunk, last chunk, \
                 trailer, end of the body",
            ),
        ] {
            assert_eq!(names(side, bytes, &["GET"]).join(", "), expected, "{bytes:?}");
        }
    }

    #[test]
    fn the_end_of_a_response_depends_on_the_request() {
        let ok = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
        let last =
            |bytes: &str, methods: &[&str]| names(Side::Server, bytes, methods).pop().unwrap();
        assert_eq!(last(&format!("{ok}hello"), &["GET"]), "body, 5 of 5 bytes");
        assert_eq!(last(&format!("{ok}{ok}"), &["HEAD", "GET"]), "end of the header section");
        assert_eq!(last("HTTP/1.1 200 OK\r\n\r\nabc", &["GET"]), "body, 3 bytes so far");
        assert_eq!(last("HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 2", &["GET"]), "incomplete line");
        let interim = format!("HTTP/1.1 100 Continue\r\n\r\n{ok}hel");
        assert_eq!(last(&interim, &["POST"]), "body, 3 of 5 bytes");
    }

    #[test]
    fn bytes_that_are_not_http_have_no_names() {
        assert_eq!(names(Side::Client, "hello\nworld\n", &[]), ["", ""]);
        assert_eq!(names(Side::Server, "hello\n", &[]), [""]);
        let long = "a".repeat(MAX_HEAD + 1);
        assert_eq!(names(Side::Client, &long, &[]), [""]);
    }
}
