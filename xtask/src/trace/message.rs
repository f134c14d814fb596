//! Which part of an HTTP message the bytes of one direction are, as they come.
//!
//! It believes what it reads, where a server must not: it only names things. What is not HTTP it leaves without
//! names, such as the bytes of the first two chapters.

use std::collections::VecDeque;

/// A longer line is no line of HTTP.
const LINE: usize = 16 * 1024;

/// Pieces of one body that are shown. The last one is shown too.
const SHOWN: usize = 16;

/// Who sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// The one who asks.
    Client,
    /// The one who answers.
    Server,
}

/// Some bytes, and what they are.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) mark: String,
}

/// What the next byte belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    FirstLine,
    Fields,
    Fixed {
        left: u64,
        total: u64,
    },
    UntilEnd {
        seen: u64,
    },
    ChunkSize,
    ChunkData {
        left: u64,
    },
    ChunkEnd,
    Trailers,
    /// This is not HTTP.
    Unknown,
}

/// One direction of a connection.
#[derive(Debug)]
pub(super) struct Messages {
    side: Side,
    step: Step,
    /// The current line, as far as it has come.
    line: Vec<u8>,
    status: u16,
    length: Option<u64>,
    is_chunked: bool,
    /// Pieces of the current body, and how many of them have been left out.
    pieces: usize,
    left_out: usize,
}

impl Messages {
    pub(super) fn of(side: Side) -> Messages {
        Messages {
            side,
            step: Step::FirstLine,
            line: Vec::new(),
            status: 0,
            length: None,
            is_chunked: false,
            pieces: 0,
            left_out: 0,
        }
    }

    /// Takes bytes, and cuts them into parts. `methods` are those of the requests that have no answer yet.
    pub(super) fn take<'a>(
        &mut self,
        mut bytes: &'a [u8],
        methods: &mut VecDeque<String>,
    ) -> Vec<Piece<'a>> {
        let mut parts = Vec::new();
        while !bytes.is_empty() {
            let is_body = !matches!(self.step, Step::FirstLine | Step::Fields | Step::Unknown);
            let (count, mark) = match self.step {
                Step::Unknown => (bytes.len(), String::new()),
                Step::Fixed { left, total } => self.fixed(bytes, left, total),
                Step::UntilEnd { seen } => {
                    let seen = seen + bytes.len() as u64;
                    self.step = Step::UntilEnd { seen };
                    (bytes.len(), format!("body, {seen} bytes so far"))
                }
                Step::ChunkData { left } => {
                    let count = most(bytes, left);
                    let left = left - count as u64;
                    self.step = if left == 0 { Step::ChunkEnd } else { Step::ChunkData { left } };
                    (count, "chunk data".to_string())
                }
                _ => self.line(bytes, methods),
            };
            let (part, rest) = bytes.split_at(count);
            bytes = rest;
            let is_last = self.step == Step::FirstLine;
            if let Some(mark) = self.shown(mark, is_body, is_last) {
                parts.push(Piece { bytes: part, mark });
            }
        }
        parts
    }

    /// A long body is not shown whole. Its end says how much was left out.
    fn shown(&mut self, mark: String, is_body: bool, is_last: bool) -> Option<String> {
        if !is_body {
            (self.pieces, self.left_out) = (0, 0);
            return Some(mark);
        }
        self.pieces += 1;
        if self.pieces > SHOWN && !is_last {
            self.left_out += 1;
            return None;
        }
        Some(match self.left_out {
            0 => mark,
            count => format!("{mark} ({count} pieces before it are not shown)"),
        })
    }

    fn fixed(&mut self, bytes: &[u8], left: u64, total: u64) -> (usize, String) {
        let count = most(bytes, left);
        let left = left - count as u64;
        self.step = if left == 0 { Step::FirstLine } else { Step::Fixed { left, total } };
        (count, format!("body, {} of {total} bytes", total - left))
    }

    /// Takes a line, or as much of it as is there.
    fn line(&mut self, bytes: &[u8], methods: &mut VecDeque<String>) -> (usize, String) {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let count = end.map_or(bytes.len(), |end| end + 1);
        self.line.extend_from_slice(&bytes[..count]);
        if self.line.len() > LINE {
            self.step = Step::Unknown;
            return (count, String::new());
        }
        if end.is_none() {
            return (count, "a line that goes on".to_string());
        }
        let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned();
        (count, self.whole_line(line.trim_end(), methods))
    }

    fn whole_line(&mut self, line: &str, methods: &mut VecDeque<String>) -> String {
        let mark = match self.step {
            Step::FirstLine if line.is_empty() => "empty line",
            Step::FirstLine => self.first_line(line, methods),
            Step::Fields if line.is_empty() => {
                self.step = self.behind_the_head(methods);
                "end of the head"
            }
            Step::Fields => {
                self.field(line);
                "field"
            }
            Step::ChunkSize => return self.chunk_size(line),
            Step::ChunkEnd => {
                self.step = Step::ChunkSize;
                "end of the chunk"
            }
            Step::Trailers if line.is_empty() => {
                self.step = Step::FirstLine;
                "end of the body"
            }
            Step::Trailers => "trailer",
            _ => "",
        };
        mark.to_string()
    }

    fn first_line(&mut self, line: &str, methods: &mut VecDeque<String>) -> &'static str {
        (self.length, self.is_chunked) = (None, false);
        let words: Vec<&str> = line.split(' ').collect();
        match (self.side, &words[..]) {
            (Side::Client, [method, _, version]) if version.starts_with("HTTP/") => {
                methods.push_back((*method).to_string());
                self.step = Step::Fields;
                "request line"
            }
            (Side::Server, [version, status, ..]) if version.starts_with("HTTP/") => {
                self.status = status.parse().unwrap_or(0);
                self.step = Step::Fields;
                "status line"
            }
            _ => {
                self.step = Step::Unknown;
                ""
            }
        }
    }

    fn field(&mut self, line: &str) {
        let Some((name, value)) = line.split_once(':') else { return };
        if name.eq_ignore_ascii_case("content-length") {
            self.length = value.trim().parse().ok();
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            self.is_chunked = value.to_ascii_lowercase().contains("chunked");
        }
    }

    /// What follows the fields (RFC 9112 section 6.3).
    fn behind_the_head(&self, methods: &mut VecDeque<String>) -> Step {
        if self.side == Side::Server {
            if self.status == 101 {
                return Step::Unknown;
            }
            if self.status < 200 {
                return Step::FirstLine;
            }
            let is_head = methods.pop_front().is_some_and(|method| method == "HEAD");
            if is_head || matches!(self.status, 204 | 304) {
                return Step::FirstLine;
            }
        }
        match self.length {
            _ if self.is_chunked => Step::ChunkSize,
            Some(0) => Step::FirstLine,
            Some(total) => Step::Fixed { left: total, total },
            None if self.side == Side::Server => Step::UntilEnd { seen: 0 },
            None => Step::FirstLine,
        }
    }

    fn chunk_size(&mut self, line: &str) -> String {
        let digits = line.split(';').next().unwrap_or_default().trim();
        match u64::from_str_radix(digits, 16) {
            Err(_) => {
                self.step = Step::Unknown;
                String::new()
            }
            Ok(0) => {
                self.step = Step::Trailers;
                "last chunk".to_string()
            }
            Ok(left) => {
                self.step = Step::ChunkData { left };
                format!("chunk size: {left}")
            }
        }
    }
}

/// How many of the bytes belong to a part of which so many are to come.
fn most(bytes: &[u8], left: u64) -> usize {
    usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(side: Side, bytes: &str, methods: &[&str]) -> Vec<String> {
        let mut methods = methods.iter().map(ToString::to_string).collect();
        let parts = Messages::of(side).take(bytes.as_bytes(), &mut methods);
        assert_eq!(parts.iter().map(|part| part.bytes.len()).sum::<usize>(), bytes.len());
        parts.into_iter().map(|part| part.mark).collect()
    }

    #[test]
    fn requests_follow_each_other() {
        let bytes = "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\n\r\n";
        let expected =
            ["request line", "field", "end of the head", "body, 3 of 3 bytes", "request line"];
        assert_eq!(marks(Side::Client, bytes, &[])[..5], expected);
    }

    #[test]
    fn the_end_of_an_answer_depends_on_the_request() {
        let ok = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
        let last =
            |bytes: &str, methods: &[&str]| marks(Side::Server, bytes, methods).pop().unwrap();
        assert_eq!(last(&format!("{ok}hello"), &["GET"]), "body, 5 of 5 bytes");
        assert_eq!(last(&format!("{ok}{ok}"), &["HEAD", "GET"]), "end of the head");
        assert_eq!(last("HTTP/1.1 200 OK\r\n\r\nabc", &["GET"]), "body, 3 bytes so far");
        assert_eq!(
            last("HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 2", &["GET"]),
            "a line that goes on"
        );
        let interim = format!("HTTP/1.1 100 Continue\r\n\r\n{ok}hel");
        assert_eq!(last(&interim, &["POST"]), "body, 3 of 5 bytes");
    }

    #[test]
    fn chunks_have_sizes() {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let bytes = format!("{head}5;a=b\r\nhello\r\n0\r\nA: b\r\n\r\n");
        assert_eq!(
            marks(Side::Server, &bytes, &["GET"])[3..],
            [
                "chunk size: 5",
                "chunk data",
                "end of the chunk",
                "last chunk",
                "trailer",
                "end of the body"
            ]
        );
    }

    #[test]
    fn what_is_not_http_has_no_names() {
        assert_eq!(marks(Side::Client, "hello\nworld\n", &[]), ["", ""]);
        assert_eq!(marks(Side::Server, "hello\n", &[]), [""]);
        let long = "a".repeat(LINE + 1);
        assert_eq!(marks(Side::Client, &long, &[]), [""]);
    }

    #[test]
    fn of_a_long_body_the_beginning_and_the_end_are_shown() {
        let mut messages = Messages::of(Side::Client);
        let mut methods = VecDeque::new();
        messages.take(b"POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\n", &mut methods);
        let shown: Vec<_> = (0..100)
            .flat_map(|_| messages.take(b"a", &mut methods))
            .map(|part| part.mark)
            .collect();
        assert_eq!(shown.len(), SHOWN + 1);
        assert_eq!(shown[SHOWN], "body, 100 of 100 bytes (83 pieces before it are not shown)");
    }
}
