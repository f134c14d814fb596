//! Finds where each message of the input ends, or the byte at which it is rejected. The parser of `final` decides both.
//! It gets the bytes one at a time, so the first byte that makes a message invalid is known.

use httpserver::http::body::{BodyDecoder, BodyError};
use httpserver::http::framing::BodyLength;
use httpserver::http::limits::Limits;
use httpserver::http::parser::{HeadParser, ParseError};

/// One message of the input, complete or not.
#[derive(Debug, PartialEq)]
pub(crate) struct Message {
    /// Its first byte.
    pub(crate) from: usize,
    /// The byte after its last byte.
    pub(crate) to: usize,
    /// The byte after its header section, and how its body is framed. `None` if the header section has no end.
    pub(crate) header_section: Option<(usize, BodyLength)>,
    /// Why it ends there.
    pub(crate) end: End,
}

/// Why a message ends.
#[derive(Debug, PartialEq)]
pub(crate) enum End {
    /// The message is complete.
    Complete,
    /// The input has no more bytes.
    Incomplete,
    /// The last byte made the header section invalid.
    InvalidHeader(ParseError),
    /// The last byte made the body invalid.
    InvalidBody(BodyError),
}

/// The message that begins at `from`.
pub(crate) fn at(input: &[u8], from: usize, limits: &Limits) -> Message {
    let mut message = Message { from, to: input.len(), header_section: None, end: End::Incomplete };
    let mut parser = HeadParser::new(limits);
    for to in from + 1..=input.len() {
        match parser.push(&input[from..to]) {
            Ok(None) => continue,
            Ok(Some((head, _))) => {
                message.header_section = Some((to, head.body_length));
                (message.to, message.end) = body(input, to, head.body_length, limits);
            }
            Err(error) => (message.to, message.end) = (to, End::InvalidHeader(error)),
        }
        break;
    }
    message
}

/// Where the body that begins at `from` ends, and why.
fn body(input: &[u8], from: usize, length: BodyLength, limits: &Limits) -> (usize, End) {
    let mut decoder = match BodyDecoder::new(length, limits) {
        Ok(decoder) => decoder,
        Err(error) => return (from, End::InvalidBody(error)),
    };
    let mut at = from;
    let mut decoded = Vec::new();
    while !decoder.is_done() {
        let Some(byte) = input.get(at) else { return (at, End::Incomplete) };
        at += 1;
        if let Err(error) = decoder.decode(&[*byte], &mut decoded) {
            return (at, End::InvalidBody(error));
        }
    }
    (at, End::Complete)
}
