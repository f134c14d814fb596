//! Labels the bytes of a message with their parts.
//!
//! The parser has already accepted or rejected the message, so this does not validate. Every byte gets a part, even in
//! a rejected message, and the parts cover the message without a gap.

use httpserver::http::framing::BodyLength;

use crate::message::{End, Message};
use crate::part::{Part, Span};

/// Splits an input into parts, from its first byte on.
#[derive(Debug)]
pub(crate) struct Labeler<'a> {
    input: &'a [u8],
    /// The first byte without a part.
    at: usize,
    spans: Vec<Span>,
}

impl<'a> Labeler<'a> {
    /// Creates a labeler at the beginning of the input.
    pub(crate) fn new(input: &'a [u8]) -> Labeler<'a> {
        Labeler { input, at: 0, spans: Vec::new() }
    }

    /// The parts of one message, in order.
    pub(crate) fn message(&mut self, message: &Message) -> Vec<Span> {
        self.at = message.from;
        self.header_section(message.header_section.map_or(message.to, |(end, _)| end));
        match message.header_section {
            Some((_, BodyLength::Fixed(_))) => self.label(message.to, Part::Body),
            Some((_, BodyLength::Chunked)) => self.chunks(message.to),
            None => {}
        }
        let mut spans = std::mem::take(&mut self.spans);
        if let End::InvalidHeader(_) | End::InvalidBody(_) = message.end {
            crate::blame::mark(&mut spans, self.input, message);
        }
        spans
    }

    /// Labels all bytes up to `to` as this part.
    pub(crate) fn label(&mut self, to: usize, part: Part) {
        if to > self.at {
            self.spans.push(Span { from: self.at, to, part, is_blamed: false });
            self.at = to;
        }
    }

    /// Where the next part begins.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// The bytes up to `to` that have no part yet.
    pub(crate) fn unlabeled(&self, to: usize) -> &'a [u8] {
        &self.input[self.at..to]
    }

    /// Where the text of the current line ends, and where the next line begins. The two are equal if the line has no end.
    pub(crate) fn line(&self, to: usize) -> (usize, usize) {
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
            self.label(to.min(self.at + 2), Part::EmptyLine);
        }
        let (end, next) = self.line(to);
        self.request_line(end, next > end);
        self.label(next, Part::Crlf);
        self.fields(to, [Part::FieldName, Part::FieldValue, Part::HeaderSectionEnd]);
    }

    /// Labels `method SP request-target SP HTTP-version`, or the beginning of it.
    fn request_line(&mut self, end: usize, is_complete: bool) {
        let spaces: Vec<usize> =
            (self.at..end).filter(|at| self.input[*at] == b' ').take(3).collect();
        match spaces[..] {
            [first, second] => {
                self.label(first, Part::Method);
                self.label(first + 1, Part::Space);
                self.label(second, Part::Target);
                self.label(second + 1, Part::Space);
                self.label(end, Part::Version);
            }
            [first] if !is_complete => {
                self.label(first, Part::Method);
                self.label(first + 1, Part::Space);
                self.label(end, Part::Target);
            }
            [] if !is_complete => self.label(end, Part::Method),
            _ => self.label(end, Part::RequestLine),
        }
    }

    /// Labels lines of `name ":" OWS value OWS`, up to the empty line.
    pub(crate) fn fields(&mut self, to: usize, [name, value, last]: [Part; 3]) {
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
                    self.label(colon + 1, Part::Colon);
                    self.label(value_start, Part::Ows);
                    self.label(value_end, value);
                    self.label(end, Part::Ows);
                }
                None if next == end && !text[0].is_ascii_whitespace() => self.label(end, name),
                None => self.label(end, Part::FieldLine),
            }
            self.label(next, Part::Crlf);
        }
    }
}

#[cfg(test)]
mod tests {
    use httpserver::http::limits::Limits;
    use proptest::prelude::*;

    use super::*;
    use crate::message;

    /// `part:text` of each part of the first message.
    fn parts(input: &str) -> Vec<String> {
        let message = message::at(input.as_bytes(), 0, &Limits::default());
        let spans = Labeler::new(input.as_bytes()).message(&message);
        spans
            .iter()
            .map(|span| {
                let mark = if span.is_blamed { "!" } else { "" };
                let (name, _) = span.part.description();
                format!("{mark}{name}:{}", input[span.from..span.to].escape_debug())
            })
            .collect()
    }

    #[test]
    fn each_part_of_a_message_has_its_name() {
        let head =
            ["method:GET", "space: ", "target:/a", "space: ", "version:HTTP/1.1", r"crlf:\r\n"];
        let host = ["field-name:Host", "colon::", "ows: ", "field-value:a", r"crlf:\r\n"];
        let all = [&head[..], &host[..], &[r"header-section-end:\r\n"]].concat();
        assert_eq!(parts("GET /a HTTP/1.1\r\nHost: a\r\n\r\n"), all);
        let all =
            [&["empty-line:\\r\\n"], &head[..], &host[..], &[r"header-section-end:\r\n"]].concat();
        assert_eq!(parts("\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\nrest"), all);
        let chunked = "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        let body = parts(&format!("{chunked}5;a=b\r\nhello\r\n0\r\nA: b\r\n\r\n")).split_off(17);
        let line_end = r"crlf:\r\n";
        let chunks =
            ["chunk-size:5", "chunk-extension:;a=b", line_end, "chunk-data:hello", line_end];
        let trailer = ["trailer-name:A", "colon::", "ows: ", "trailer-value:b", line_end];
        let end = [r"trailer-end:\r\n"];
        assert_eq!(body, [&chunks[..], &["chunk-size:0", line_end], &trailer, &end].concat());
        assert_eq!(parts("GET /a"), ["method:GET", "space: ", "target:/a"]);
        assert_eq!(parts("GE"), ["method:GE"]);
    }

    #[test]
    fn a_rejection_marks_the_parts_it_is_about() {
        let post = |rest: &str| parts(&format!("POST / HTTP/1.1\r\nHost: a\r\n{rest}"));
        let blamed = |parts: Vec<String>| -> Vec<String> {
            parts.into_iter().filter(|part| part.starts_with('!')).collect()
        };
        let table: [(Vec<String>, &[&str]); 14] = [
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
            (
                post("Transfer-Encoding: chunked\r\n\r\n5x\r\n"),
                &["!chunk-size:5", "!chunk-extension:x", "!crlf:\\r\\n"],
            ),
            (post("Transfer-Encoding: chunked\r\n\r\n1\r\nab"), &["!garbage:b"]),
        ];
        for (parts, expected) in table {
            assert_eq!(blamed(parts.clone()), expected, "{parts:?}");
        }
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
            for span in Labeler::new(&input).message(&message) {
                prop_assert_eq!(span.from, at);
                prop_assert!(span.to > span.from);
                at = span.to;
            }
            prop_assert_eq!(at, message.to);
        }
    }
}
