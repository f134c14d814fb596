//! Labels the bytes of a message with their parts (RFC 9112 sections 3, 5 and 7.1).
//!
//! The parser has already accepted or rejected the message, so this does not validate. Every byte gets a part, even in
//! a rejected message, and the parts cover the message without a gap.

use httpserver::http::framing::BodyLength;

use crate::message::Message;
use crate::part::{Part, Span};

/// The parts of one message of the input, in order.
pub(crate) fn spans(input: &[u8], message: &Message) -> Vec<Span> {
    let mut labeler = Labeler { input, at: message.from, spans: Vec::new() };
    labeler.header_section(message.header_section.map_or(message.to, |(end, _)| end));
    match message.header_section {
        Some((_, BodyLength::Fixed(_))) => labeler.label(message.to, Part::BODY),
        Some((_, BodyLength::Chunked)) => labeler.chunks(message.to),
        None => {}
    }
    labeler.spans
}

/// Splits a message into parts.
struct Labeler<'a> {
    input: &'a [u8],
    /// The first byte without a part.
    at: usize,
    spans: Vec<Span>,
}

impl<'a> Labeler<'a> {
    /// Labels all bytes up to `to` as this part.
    fn label(&mut self, to: usize, part: Part) {
        if to > self.at {
            self.spans.push(Span { from: self.at, to, part, is_blamed: false });
            self.at = to;
        }
    }

    /// The bytes up to `to` that have no part yet.
    fn unlabeled(&self, to: usize) -> &'a [u8] {
        &self.input[self.at..to]
    }

    /// Where the text of the current line ends, and where the next line begins. The two are equal if the line has no end.
    fn line(&self, to: usize) -> (usize, usize) {
        let text = self.unlabeled(to);
        match text.iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
            None => (to, to),
            Some(length) if text[length] == b'\n' => (self.at + length, self.at + length + 1),
            Some(length) => (self.at + length, to.min(self.at + length + 2)),
        }
    }

    /// Labels the request line and the fields up to `to`.
    fn header_section(&mut self, to: usize) {
        if let b"\r" | [b'\r', b'\n', ..] = self.unlabeled(to) {
            self.label(to.min(self.at + 2), Part::EMPTY_LINE);
        }
        let (end, next) = self.line(to);
        self.request_line(end, next > end);
        self.label(next, Part::CRLF);
        self.fields(to, [Part::FIELD_NAME, Part::FIELD_VALUE, Part::HEADER_SECTION_END]);
    }

    /// Labels `method SP request-target SP HTTP-version`, or the beginning of it.
    fn request_line(&mut self, end: usize, is_complete: bool) {
        let spaces: Vec<usize> =
            (self.at..end).filter(|at| self.input[*at] == b' ').take(3).collect();
        match spaces[..] {
            [first, second] => {
                self.label(first, Part::METHOD);
                self.label(first + 1, Part::SPACE);
                self.label(second, Part::TARGET);
                self.label(second + 1, Part::SPACE);
                self.label(end, Part::VERSION);
            }
            [first] if !is_complete => {
                self.label(first, Part::METHOD);
                self.label(first + 1, Part::SPACE);
                self.label(end, Part::TARGET);
            }
            [] if !is_complete => self.label(end, Part::METHOD),
            _ => self.label(end, Part::REQUEST_LINE),
        }
    }

    /// Labels lines of `name ":" OWS value OWS`, up to the empty line.
    fn fields(&mut self, to: usize, [name, value, last]: [Part; 3]) {
        while self.at < to {
            let (end, next) = self.line(to);
            if end == self.at {
                self.label(next, last);
                break;
            }
            let text = self.unlabeled(end);
            let colon = text.iter().position(|byte| *byte == b':');
            match colon.filter(|_| !text[0].is_ascii_whitespace()) {
                Some(length) => {
                    let (colon, value_and_ows) = (self.at + length, &text[length + 1..]);
                    let value_end =
                        end - (value_and_ows.len() - value_and_ows.trim_ascii_end().len());
                    let value_start = end - value_and_ows.trim_ascii_start().len();
                    self.label(colon, name);
                    self.label(colon + 1, Part::COLON);
                    self.label(value_start, Part::OWS);
                    self.label(value_end, value);
                    self.label(end, Part::OWS);
                }
                None if next == end && !text[0].is_ascii_whitespace() => self.label(end, name),
                None => self.label(end, Part::FIELD_LINE),
            }
            self.label(next, Part::CRLF);
        }
    }

    /// Labels chunks, each `chunk-size [ chunk-ext ] CRLF chunk-data CRLF`, and then the trailer section.
    fn chunks(&mut self, to: usize) {
        while self.at < to {
            let (end, next) = self.line(to);
            let line = self.unlabeled(end);
            let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
            // The parser has rejected a line without a size and a size that overflows, so nothing follows it.
            let size = str::from_utf8(&line[..digits]).unwrap_or_default();
            let size = usize::from_str_radix(size, 16).unwrap_or(usize::MAX);
            self.label(self.at + digits, Part::CHUNK_SIZE);
            self.label(end, Part::CHUNK_EXTENSION);
            self.label(next, Part::CRLF);
            if size == 0 {
                let parts = [Part::TRAILER_NAME, Part::TRAILER_VALUE, Part::TRAILER_END];
                self.fields(to, parts);
                break;
            }
            self.label(to.min(self.at.saturating_add(size)), Part::CHUNK_DATA);
            let (end, next) = self.line(to);
            self.label(end, Part::GARBAGE);
            self.label(next, Part::CRLF);
        }
        self.label(to, Part::GARBAGE);
    }
}

#[cfg(test)]
mod tests {
    use httpserver::http::limits::Limits;
    use proptest::prelude::*;

    use super::*;
    use crate::blame;
    use crate::message::{self, End};

    /// `part:text` of each part of the first message, with a mark if it is blamed, and `…` at the end of an incomplete
    /// message.
    fn parts(input: &str) -> Vec<String> {
        let message = message::at(input.as_bytes(), 0, &Limits::default());
        let mut spans = spans(input.as_bytes(), &message);
        if let Some((_, _, location)) = blame::of(&message.end) {
            blame::mark(&mut spans, input.as_bytes(), &message, &location);
        }
        let part = |span: &Span| {
            let mark = if span.is_blamed { "!" } else { "" };
            format!("{mark}{}:{}", span.part.0, input[span.from..span.to].escape_debug())
        };
        let is_incomplete = message.end == End::Incomplete;
        spans.iter().map(part).chain(is_incomplete.then(|| "…".to_string())).collect()
    }

    fn post(rest: &str) -> Vec<String> {
        parts(&format!("POST / HTTP/1.1\r\nHost: a\r\n{rest}"))
    }

    #[test]
    fn each_part_of_a_message_has_its_name() {
        let head =
            ["method:GET", "space: ", "target:/a", "space: ", "version:HTTP/1.1", r"crlf:\r\n"];
        let host = ["field-name:Host", "colon::", "ows: ", "field-value:a", r"crlf:\r\n"];
        let all = [&head[..], &host[..], &[r"header-section-end:\r\n"]].concat();
        assert_eq!(parts("GET /a HTTP/1.1\r\nHost: a\r\n\r\n"), all);
        let all = [&[r"empty-line:\r\n"], &all[..]].concat();
        assert_eq!(parts("\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\nrest"), all);
        let chunked = "Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nA: b\r\n\r\nrest";
        let line_end = r"crlf:\r\n";
        let chunks =
            ["chunk-size:5", "chunk-extension:;a=b", line_end, "chunk-data:hello", line_end];
        let trailer = ["trailer-name:A", "colon::", "ows: ", "trailer-value:b", line_end];
        let end = [r"trailer-end:\r\n"];
        let body = [&chunks[..], &["chunk-size:0", line_end], &trailer, &end].concat();
        assert_eq!(post(chunked).split_off(17), body);
        assert_eq!(post("Content-Length: 3\r\n\r\nabcd").split_off(17), ["body:abc"]);
        assert_eq!(post("Content-Length: 3\r\n\r\nab").split_off(17), ["body:ab", "…"]);
        assert_eq!(parts("GET /a"), ["method:GET", "space: ", "target:/a", "…"]);
        assert_eq!(parts("GE"), ["method:GE", "…"]);
    }

    /// Compares the parts that are marked in each message. Nothing after a rejected message is a part.
    fn marked(table: &[(Vec<String>, &[&str])]) {
        for (parts, expected) in table {
            let blamed: Vec<_> = parts.iter().filter(|part| part.starts_with('!')).collect();
            assert_eq!(blamed, *expected, "{parts:?}");
            let is_read_further = parts.iter().any(|part| part == "body:ab" || part.ends_with('G'));
            assert!(!is_read_further, "{parts:?}");
        }
    }

    #[test]
    fn a_rejected_header_section_marks_the_parts_that_are_wrong() {
        marked(&[
            (parts("GET / HTTP/1.1\nHost: a\r\n\r\n"), &["!crlf:\\n"]),
            (parts("GET / HTTP/1.1\rHost: a\r\n\r\n"), &["!crlf:\\rH"]),
            (parts("GET  /  HTTP/1.1\r\n\r\n"), &["!request-line:GET  /  HTTP/1.1"]),
            (parts("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), &["!version:HTTP/2.0"]),
            (parts("GET a HTTP/1.1\r\nHost: a\r\n\r\n"), &["!target:a"]),
            (parts("BREW / HTTP/1.1\r\nHost: a\r\n\r\n"), &["!method:BREW"]),
            (parts("GET / HTTP/1.1\r\nA: a\r\n\r\n"), &["!header-section-end:\\r\\n"]),
            (
                post("Host: b\r\n\r\n"),
                &["!field-name:Host", "!field-value:a", "!field-name:Host", "!field-value:b"],
            ),
            (
                post("A : b\r\n\r\n"),
                &["!field-name:A ", "!colon::", "!ows: ", "!field-value:b", "!crlf:\\r\\n"],
            ),
            (post(" folded\r\n\r\n"), &["!field-line: "]),
            (
                post("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
                &[
                    "!field-name:Content-Length",
                    "!field-value:1",
                    "!field-name:Transfer-Encoding",
                    "!field-value:chunked",
                ],
            ),
            (
                post("Content-Length: +1\r\n\r\n"),
                &["!field-name:Content-Length", "!field-value:+1"],
            ),
        ]);
    }

    #[test]
    fn a_rejected_body_marks_the_parts_that_are_wrong() {
        marked(&[
            (
                post("Transfer-Encoding: chunked\r\n\r\n5x\r\n"),
                &["!chunk-size:5", "!chunk-extension:x", "!crlf:\\r\\n"],
            ),
            (post("Transfer-Encoding: chunked\r\n\r\n1\r\nab"), &["!garbage:b"]),
            (
                post("Transfer-Encoding: chunked\r\n\r\nx\r\nG"),
                &["!chunk-extension:x", "!crlf:\\r\\n"],
            ),
            (
                post("Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nab"),
                &["!chunk-size:fffffffffffffffff", "!crlf:\\r\\n"],
            ),
            (
                post("Content-Length: 99999999\r\n\r\nab"),
                &["!field-name:Content-Length", "!field-value:99999999"],
            ),
        ]);
    }

    proptest! {
        #[test]
        fn the_parts_cover_every_message_without_a_gap(
            input in prop_oneof![
                any::<Vec<u8>>(),
                "(GET|POST) /a HTTP/1.1\r\nHost: a\r\n(Transfer-Encoding: chunked\r\n)?[ :\r\na;0-9]{0,60}"
                    .prop_map(String::into_bytes),
            ],
        ) {
            let message = message::at(&input, 0, &Limits::default());
            let mut at = message.from;
            for span in spans(&input, &message) {
                prop_assert_eq!(span.from, at);
                prop_assert!(span.to > span.from);
                at = span.to;
            }
            prop_assert_eq!(at, message.to);
        }
    }
}
