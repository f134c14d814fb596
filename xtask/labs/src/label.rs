//! Which part of a message each byte is. It judges nothing: whether a part is right, the parser has said by then.
//!
//! So it has a name for every byte, also in what was refused, and the parts cover the input without a gap.

use httpserver::http::framing::BodyLength;

use crate::message::{End, Message};
use crate::part::{Part, Span};

/// Cuts an input into parts.
#[derive(Debug)]
pub(crate) struct Labels<'a> {
    input: &'a [u8],
    /// What has no part yet.
    at: usize,
    spans: Vec<Span>,
}

impl<'a> Labels<'a> {
    /// Nothing has a part yet.
    pub(crate) fn new(input: &'a [u8]) -> Labels<'a> {
        Labels { input, at: 0, spans: Vec::new() }
    }

    /// The parts of one message, in order.
    pub(crate) fn message(&mut self, message: &Message) -> Vec<Span> {
        self.at = message.from;
        self.head(message.head.map_or(message.to, |(end, _)| end));
        match message.head {
            Some((_, BodyLength::Fixed(_))) => self.take(message.to, Part::Body),
            Some((_, BodyLength::Chunked)) => self.chunks(message.to),
            None => {}
        }
        let mut spans = std::mem::take(&mut self.spans);
        if let End::Head(_) | End::Body(_) = message.end {
            crate::blame::mark(&mut spans, self.input, message);
        }
        spans
    }

    /// Everything up to `to` is this part.
    pub(crate) fn take(&mut self, to: usize, part: Part) {
        if to > self.at {
            self.spans.push(Span { from: self.at, to, part, is_blamed: false });
            self.at = to;
        }
    }

    /// What has a part by now.
    #[cfg(test)]
    pub(crate) fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// Where the next part begins.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// The bytes up to `to` that have no part yet.
    pub(crate) fn rest(&self, to: usize) -> &'a [u8] {
        &self.input[self.at..to]
    }

    /// Where the text of the current line ends, and where the line does. They are the same if it does not end.
    pub(crate) fn line(&self, to: usize) -> (usize, usize) {
        let rest = self.rest(to);
        match rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
            None => (to, to),
            Some(length) if rest[length] == b'\n' => (self.at + length, self.at + length + 1),
            Some(length) => (self.at + length, to.min(self.at + length + 2)),
        }
    }

    fn head(&mut self, to: usize) {
        if let b"\r" | [b'\r', b'\n', ..] = self.rest(to) {
            self.take(to.min(self.at + 2), Part::EmptyLine);
        }
        let (end, next) = self.line(to);
        self.request_line(end, next > end);
        self.take(next, Part::Crlf);
        self.fields(to, [Part::FieldName, Part::FieldValue, Part::HeadEnd]);
    }

    /// `method SP request-target SP HTTP-version`, as far as it goes.
    fn request_line(&mut self, end: usize, is_whole: bool) {
        let spaces: Vec<usize> =
            (self.at..end).filter(|at| self.input[*at] == b' ').take(3).collect();
        match spaces[..] {
            [first, second] => {
                self.take(first, Part::Method);
                self.take(first + 1, Part::Space);
                self.take(second, Part::Target);
                self.take(second + 1, Part::Space);
                self.take(end, Part::Version);
            }
            [first] if !is_whole => {
                self.take(first, Part::Method);
                self.take(first + 1, Part::Space);
                self.take(end, Part::Target);
            }
            [] if !is_whole => self.take(end, Part::Method),
            _ => self.take(end, Part::RequestLine),
        }
    }

    /// Lines of `name ":" OWS value OWS`, up to the empty one.
    pub(crate) fn fields(&mut self, to: usize, [name, value, last]: [Part; 3]) {
        while self.at < to {
            let (end, next) = self.line(to);
            if end == self.at {
                self.take(next, last);
                break;
            }
            let text = self.rest(end);
            let colon = text.iter().position(|byte| *byte == b':');
            match colon.filter(|_| !text[0].is_ascii_whitespace()) {
                Some(length) => {
                    let (before, behind) = (self.at + length, &text[length + 1..]);
                    let value_end = end - (behind.len() - behind.trim_ascii_end().len());
                    let value_start = end - behind.trim_ascii_start().len();
                    self.take(before, name);
                    self.take(before + 1, Part::Colon);
                    self.take(value_start, Part::Ows);
                    self.take(value_end, value);
                    self.take(end, Part::Ows);
                }
                None if next == end && !text[0].is_ascii_whitespace() => self.take(end, name),
                None => self.take(end, Part::FieldLine),
            }
            self.take(next, Part::Crlf);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::message;
    use httpserver::http::limits::Limits;

    /// `part:text` of each part of the first message.
    fn parts(input: &str) -> Vec<String> {
        let message = message::next(input.as_bytes(), 0, &Limits::default());
        let spans = Labels::new(input.as_bytes()).message(&message);
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
        let all = [&head[..], &host[..], &[r"head-end:\r\n"]].concat();
        assert_eq!(parts("GET /a HTTP/1.1\r\nHost: a\r\n\r\n"), all);
        let all = [&["empty-line:\\r\\n"], &head[..], &host[..], &[r"head-end:\r\n"]].concat();
        assert_eq!(parts("\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\nrest"), all);
        assert_eq!(parts("GET /a"), ["method:GET", "space: ", "target:/a"]);
        assert_eq!(parts("GE"), ["method:GE"]);
    }

    #[test]
    fn a_refusal_marks_what_it_is_about() {
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
            (parts("GET / HTTP/1.1\r\nA: a\r\n\r\n"), &["!head-end:\\r\\n"]),
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
            let message = message::next(&input, 0, &Limits::default());
            let mut at = message.from;
            for span in Labels::new(&input).message(&message) {
                prop_assert_eq!(span.from, at);
                prop_assert!(span.to > span.from);
                at = span.to;
            }
            prop_assert_eq!(at, message.to);
        }
    }
}
