//! Finds the parts of a message that caused its rejection, and the section of the RFC that the message breaks.
//!
//! The parser rejects at the last byte it has read, which is often not where the mistake is: two `Host` fields are
//! noticed at the end of the header section.

use httpserver::http::HttpError;
use httpserver::http::body::BodyError;
use httpserver::http::fields::parse_fields;
use httpserver::http::framing::{BodyLength, FramingError};
use httpserver::http::header_name::is_token;
use httpserver::http::parser::ParseError;

use crate::message::{End, Message};
use crate::part::{Part, Span};

/// The parts to mark.
pub(crate) enum Location {
    /// The parts of these kinds, or the last part if there are none.
    Parts(&'static [Part]),
    /// The invalid part of the request line.
    RequestLine,
    /// The fields with these names. If there are none, a field is missing, and the empty line after the fields is
    /// marked.
    Fields(&'static [&'static str]),
    /// The malformed field lines.
    FieldLines,
    /// The line with a chunk's size, or the `Content-Length` of a body that is not chunked.
    BodySize,
}

const LAST: Location = Location::Parts(&[]);
const TRAILERS: &[Part] = &[Part::TRAILER_NAME, Part::TRAILER_VALUE];

/// Why a message was rejected: the error, the section of the RFC that it breaks, and the parts to mark. `None` for a
/// message that was not rejected.
pub(crate) fn of(end: &End) -> Option<(HttpError, &'static str, Location)> {
    let (error, (rule, location)) = match end {
        End::Complete | End::Incomplete => return None,
        End::InvalidHeader(error) => (error.clone().into(), of_header_section(error)),
        End::InvalidBody(error) => ((*error).into(), of_body(*error)),
    };
    Some((error, rule, location))
}

/// Marks the parts of a rejected message that caused the rejection, at least one.
pub(crate) fn mark(spans: &mut [Span], input: &[u8], message: &Message, location: &Location) {
    match location {
        Location::Parts(parts) => mark_if(spans, |span| parts.contains(&span.part)),
        Location::RequestLine => mark_request_line(spans, input),
        Location::Fields(names) => {
            mark_fields(spans, input, names);
            if !spans.iter().any(|span| span.is_blamed) {
                mark_if(spans, |span| span.part == Part::HEADER_SECTION_END);
            }
        }
        Location::FieldLines => mark_malformed_lines(spans, input),
        Location::BodySize => match message.header_section {
            Some((_, BodyLength::Fixed(_))) => mark_fields(spans, input, &["content-length"]),
            _ => mark_chunk_line(spans),
        },
    }
    if !spans.iter().any(|span| span.is_blamed)
        && let Some(last) = spans.last_mut()
    {
        last.is_blamed = true;
    }
}

fn of_header_section(error: &ParseError) -> (&'static str, Location) {
    match error {
        ParseError::Line(_) => ("RFC 9112 section 2.2", LAST),
        ParseError::RequestLine => ("RFC 9112 section 3", Location::RequestLine),
        ParseError::UnsupportedVersion => {
            ("RFC 9110 section 2.5", Location::Parts(&[Part::VERSION]))
        }
        ParseError::UnknownMethod(_) => ("RFC 9110 section 9.1", Location::Parts(&[Part::METHOD])),
        ParseError::Target(_) => ("RFC 9112 section 3.2", Location::Parts(&[Part::TARGET])),
        ParseError::TargetTooLong => ("RFC 9110 section 15.5.15", Location::Parts(&[Part::TARGET])),
        ParseError::FoldedLine => ("RFC 9112 section 5.2", LAST),
        ParseError::Field => ("RFC 9112 section 5", Location::FieldLines),
        ParseError::TooManyFields | ParseError::HeadTooLarge => ("RFC 6585 section 5", LAST),
        ParseError::Host => ("RFC 9112 section 3.2", Location::Fields(&["host"])),
        ParseError::Framing(error) => of_framing(*error),
    }
}

fn of_framing(error: FramingError) -> (&'static str, Location) {
    const LENGTH: &[&str] = &["content-length"];
    const CODING: &[&str] = &["transfer-encoding"];
    match error {
        FramingError::BothLengths => {
            ("RFC 9112 section 6.1", Location::Fields(&["content-length", "transfer-encoding"]))
        }
        FramingError::BadLength | FramingError::LengthOverflow => {
            ("RFC 9110 section 8.6", Location::Fields(LENGTH))
        }
        FramingError::DifferentLengths => ("RFC 9112 section 6.3", Location::Fields(LENGTH)),
        FramingError::CodingOnHttp10 => ("RFC 9112 section 6.1", Location::Fields(CODING)),
        FramingError::ChunkedNotLast => ("RFC 9112 section 6.3", Location::Fields(CODING)),
        FramingError::UnknownCoding => ("RFC 9112 section 6.1", Location::Fields(CODING)),
    }
}

fn of_body(error: BodyError) -> (&'static str, Location) {
    match error {
        BodyError::TooLarge => ("RFC 9110 section 15.5.14", Location::BodySize),
        BodyError::BadChunk => ("RFC 9112 section 7.1", Location::BodySize),
        BodyError::BadTrailer => ("RFC 9112 section 7.1.2", Location::Parts(TRAILERS)),
        BodyError::TrailersTooLarge => ("RFC 6585 section 5", LAST),
        // `Incomplete` and `NoMemory`.
        #[allow(unreachable_patterns, reason = "chapters 3 to 6, for the pages, have neither")]
        _ => ("RFC 9112 section 8", LAST),
    }
}

fn mark_if(spans: &mut [Span], condition: impl Fn(&Span) -> bool) {
    for span in spans {
        span.is_blamed |= condition(span);
    }
}

/// Marks the whole line if it does not have three parts, otherwise the method or the version. These two are only marked
/// if the line is complete.
fn mark_request_line(spans: &mut [Span], input: &[u8]) {
    let is_complete = spans.iter().any(|span| span.part == Part::CRLF);
    let is_invalid =
        |span: &Span| span.part == Part::METHOD && !is_token(&input[span.from..span.to]);
    let part = match spans.iter().find(|span| is_invalid(span)) {
        _ if spans.iter().any(|span| span.part == Part::REQUEST_LINE) => Part::REQUEST_LINE,
        _ if !is_complete => return,
        Some(_) => Part::METHOD,
        None => Part::VERSION,
    };
    mark_if(spans, |span| span.part == part);
}

/// Marks the names and values of the fields with these names.
fn mark_fields(spans: &mut [Span], input: &[u8], names: &[&str]) {
    let mut is_wanted = false;
    for span in spans {
        if span.part == Part::FIELD_NAME {
            let text = &input[span.from..span.to];
            is_wanted = names.iter().any(|name| text.eq_ignore_ascii_case(name.as_bytes()));
        }
        let is_field = matches!(span.part, Part::FIELD_NAME | Part::FIELD_VALUE);
        span.is_blamed |= is_field && is_wanted;
    }
}

/// Marks each field line that the parser rejects when it parses only that line.
fn mark_malformed_lines(spans: &mut [Span], input: &[u8]) {
    let first = spans.iter().position(|span| span.part == Part::CRLF).map_or(0, |crlf| crlf + 1);
    for line in spans[first..].split_inclusive_mut(|span| span.part == Part::CRLF) {
        let (Some(start), Some(end)) = (line.first(), line.last()) else { continue };
        let block = [&input[start.from..end.to], b"\r\n"].concat();
        if end.part == Part::CRLF && parse_fields(&block, 1).is_err() {
            mark_if(line, |_| true);
        }
    }
}

/// Marks the line with a chunk's size at the end of the message, if there is one.
fn mark_chunk_line(spans: &mut [Span]) {
    let is_in_line =
        |span: &Span| matches!(span.part, Part::CRLF | Part::CHUNK_SIZE | Part::CHUNK_EXTENSION);
    let count = spans.iter().rev().take_while(|span| is_in_line(span)).count();
    let line = spans.len() - count;
    // A CRLF at the start ends the data of the chunk before.
    let start = spans[line..].iter().position(|span| span.part != Part::CRLF);
    if let Some(start) = start {
        mark_if(&mut spans[line + start..], |_| true);
    }
}
