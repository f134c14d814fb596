//! Where each message ends, or at which byte it is refused. The parser says so; it is given one byte after the other.

use httpserver::http::body::{BodyDecoder, BodyError};
use httpserver::http::framing::BodyLength;
use httpserver::http::limits::Limits;
use httpserver::http::parser::{HeadParser, ParseError};

/// One message of the input, as far as it goes.
#[derive(Debug, PartialEq)]
pub(crate) struct Message {
    /// Its first byte.
    pub(crate) from: usize,
    /// The first byte behind it.
    pub(crate) to: usize,
    /// Where its head ends, if it does, and how its body is framed.
    pub(crate) head: Option<(usize, BodyLength)>,
    /// Why it ends there.
    pub(crate) end: End,
}

/// Why a message ends.
#[derive(Debug, PartialEq)]
pub(crate) enum End {
    /// It is complete.
    Complete,
    /// There are no more bytes.
    NeedMore,
    /// The last byte made the head wrong.
    Head(ParseError),
    /// The last byte made the body wrong.
    Body(BodyError),
}

/// Takes one message off `input` at `from`.
pub(crate) fn next(input: &[u8], from: usize, limits: &Limits) -> Message {
    let mut message = Message { from, to: input.len(), head: None, end: End::NeedMore };
    let mut parser = HeadParser::new(limits);
    let mut length = None;
    for to in from + 1..=input.len() {
        match parser.push(&input[from..to]) {
            Ok(None) => continue,
            Ok(Some((head, _))) => {
                message.head = Some((to, head.body_length));
                length = Some(head.body_length);
            }
            Err(error) => message.end = End::Head(error),
        }
        message.to = to;
        break;
    }
    if let Some(length) = length {
        (message.to, message.end) = body(input, message.to, length, limits);
    }
    message
}

/// Goes on behind the head.
fn body(input: &[u8], from: usize, length: BodyLength, limits: &Limits) -> (usize, End) {
    let mut decoder = match BodyDecoder::new(length, limits) {
        Ok(decoder) => decoder,
        Err(error) => return (from, End::Body(error)),
    };
    let mut at = from;
    let mut decoded = Vec::new();
    while !decoder.is_done() {
        let Some(byte) = input.get(at) else { return (at, End::NeedMore) };
        at += 1;
        if let Err(error) = decoder.decode(&[*byte], &mut decoded) {
            return (at, End::Body(error));
        }
    }
    (at, End::Complete)
}

#[cfg(test)]
mod tests {
    use super::*;
    use httpserver::http::line::LineError;

    fn walk(input: &str) -> (usize, Option<usize>, End) {
        let message = next(input.as_bytes(), 0, &Limits::default());
        (message.to, message.head.map(|(to, _)| to), message.end)
    }

    #[test]
    fn a_message_ends_where_the_parser_says() {
        let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        let post = |rest: &str| format!("POST / HTTP/1.1\r\nHost: a\r\n{rest}");
        let table = [
            (format!("{get}GET"), (27, Some(27), End::Complete)),
            ("GET /".to_string(), (5, None, End::NeedMore)),
            (
                "GET /\n HTTP".to_string(),
                (6, None, End::Head(ParseError::Line(LineError::BareLineFeed))),
            ),
            (post("Content-Length: 3\r\n\r\nabcd"), (50, Some(47), End::Complete)),
            (post("Content-Length: 3\r\n\r\nab"), (49, Some(47), End::NeedMore)),
            (
                post("Content-Length: 99999999\r\n\r\nab"),
                (54, Some(54), End::Body(BodyError::TooLarge)),
            ),
            (post("Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nG"), (61, Some(56), End::Complete)),
            (
                post("Transfer-Encoding: chunked\r\n\r\nx\r\nG"),
                (59, Some(56), End::Body(BodyError::BadChunk)),
            ),
        ];
        for (input, expected) in table {
            assert_eq!(walk(&input), expected, "{input:?}");
        }
    }
}
