//! What a refusal is about. That there is one, and its words, are the parser's; this finds the place.

use httpserver::http::body::BodyError;
use httpserver::http::fields::parse_fields;
use httpserver::http::framing::{BodyLength, FramingError};
use httpserver::http::header_name::is_token;
use httpserver::http::parser::ParseError;

use crate::message::{End, Message};
use crate::part::{Part, Span};

/// Where to look in a message.
enum Place {
    /// At its last byte.
    Last,
    /// At this part.
    Part(Part),
    /// At what is wrong with the request line.
    RequestLine,
    /// At these fields; if there are none, at the empty line behind the fields, where one is missing.
    Fields(&'static [&'static str]),
    /// At the lines that are no fields.
    Malformed,
    /// At the trailers.
    Trailers,
    /// At the line with a chunk's size, or at the field with that of the body.
    ChunkLine,
}

/// The section that a message breaks.
pub(crate) fn section(end: &End) -> Option<&'static str> {
    match end {
        End::Complete | End::NeedMore => None,
        End::Head(error) => Some(of_head(error).0),
        End::Body(error) => Some(of_body(*error).0),
    }
}

/// Marks the parts of a refused message that the refusal is about.
pub(crate) fn mark(spans: &mut [Span], input: &[u8], message: &Message) {
    let place = match &message.end {
        End::Complete | End::NeedMore => return,
        End::Head(error) => of_head(error).1,
        End::Body(error) => of_body(*error).1,
    };
    match place {
        Place::Last => {}
        Place::Part(part) => mark_if(spans, |span| span.part == part),
        Place::RequestLine => mark_request_line(spans, input),
        Place::Fields(names) => {
            mark_fields(spans, input, names);
            if !spans.iter().any(|span| span.is_blamed) {
                mark_if(spans, |span| span.part == Part::HeadEnd);
            }
        }
        Place::Malformed => mark_malformed(spans, input),
        Place::Trailers => {
            mark_if(spans, |span| matches!(span.part, Part::TrailerName | Part::TrailerValue));
        }
        Place::ChunkLine => match message.head {
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

/// Marks an expectation that cannot be met.
pub(crate) fn expectation(spans: &mut [Span], input: &[u8]) {
    mark_fields(spans, input, &["expect"]);
}

fn of_head(error: &ParseError) -> (&'static str, Place) {
    match error {
        ParseError::Line(_) => ("RFC 9112 section 2.2", Place::Last),
        ParseError::RequestLine => ("RFC 9112 section 3", Place::RequestLine),
        ParseError::UnsupportedVersion => ("RFC 9110 section 2.5", Place::Part(Part::Version)),
        ParseError::UnknownMethod(_) => ("RFC 9110 section 9.1", Place::Part(Part::Method)),
        ParseError::Target(_) => ("RFC 9112 section 3.2", Place::Part(Part::Target)),
        ParseError::TargetTooLong => ("RFC 9110 section 15.5.15", Place::Part(Part::Target)),
        ParseError::FoldedLine => ("RFC 9112 section 5.2", Place::Last),
        ParseError::Field => ("RFC 9112 section 5", Place::Malformed),
        ParseError::TooManyFields | ParseError::HeadTooLarge => ("RFC 6585 section 5", Place::Last),
        ParseError::Host => ("RFC 9112 section 3.2", Place::Fields(&["host"])),
        ParseError::Framing(error) => of_framing(*error),
    }
}

fn of_framing(error: FramingError) -> (&'static str, Place) {
    const LENGTH: &[&str] = &["content-length"];
    const CODING: &[&str] = &["transfer-encoding"];
    match error {
        FramingError::BothLengths => {
            ("RFC 9112 section 6.1", Place::Fields(&["content-length", "transfer-encoding"]))
        }
        FramingError::BadLength | FramingError::LengthOverflow => {
            ("RFC 9110 section 8.6", Place::Fields(LENGTH))
        }
        FramingError::DifferentLengths => ("RFC 9112 section 6.3", Place::Fields(LENGTH)),
        FramingError::CodingOnHttp10 => ("RFC 9112 section 6.1", Place::Fields(CODING)),
        FramingError::ChunkedNotLast => ("RFC 9112 section 6.3", Place::Fields(CODING)),
        FramingError::UnknownCoding => ("RFC 9112 section 6.1", Place::Fields(CODING)),
    }
}

fn of_body(error: BodyError) -> (&'static str, Place) {
    match error {
        BodyError::TooLarge => ("RFC 9110 section 15.5.14", Place::ChunkLine),
        BodyError::BadChunk => ("RFC 9112 section 7.1", Place::ChunkLine),
        BodyError::BadTrailer => ("RFC 9112 section 7.1.2", Place::Trailers),
        BodyError::TrailersTooLarge => ("RFC 6585 section 5", Place::Last),
    }
}

fn mark_if(spans: &mut [Span], is_it: impl Fn(&Span) -> bool) {
    for span in spans {
        span.is_blamed |= is_it(span);
    }
}

/// All of it, unless it is one. Then it is the method or the version, and only if the line has been read to its end.
fn mark_request_line(spans: &mut [Span], input: &[u8]) {
    let is_read = spans.iter().any(|span| span.part == Part::Crlf);
    let is_wrong = |span: &Span| span.part == Part::Method && !is_token(&input[span.from..span.to]);
    let part = match spans.iter().find(|span| is_wrong(span)) {
        _ if spans.iter().any(|span| span.part == Part::RequestLine) => Part::RequestLine,
        _ if !is_read => return,
        Some(_) => Part::Method,
        None => Part::Version,
    };
    mark_if(spans, |span| span.part == part);
}

/// Names and values.
fn mark_fields(spans: &mut [Span], input: &[u8], names: &[&str]) {
    let mut is_meant = false;
    for span in spans {
        if span.part == Part::FieldName {
            let text = &input[span.from..span.to];
            is_meant = names.iter().any(|name| text.eq_ignore_ascii_case(name.as_bytes()));
        }
        let is_field = matches!(span.part, Part::FieldName | Part::FieldValue);
        span.is_blamed |= is_field && is_meant;
    }
}

/// Each line by itself goes through the function that has refused them together.
fn mark_malformed(spans: &mut [Span], input: &[u8]) {
    let first = spans.iter().position(|span| span.part == Part::Crlf).map_or(0, |crlf| crlf + 1);
    for line in spans[first..].split_inclusive_mut(|span| span.part == Part::Crlf) {
        let (Some(start), Some(end)) = (line.first(), line.last()) else { continue };
        let block = [&input[start.from..end.to], b"\r\n"].concat();
        if end.part == Part::Crlf && parse_fields(&block, 1).is_err() {
            mark_if(line, |_| true);
        }
    }
}

/// The last line with a chunk's size, if the message ends in it.
fn mark_chunk_line(spans: &mut [Span]) {
    let is_of_it =
        |span: &Span| matches!(span.part, Part::Crlf | Part::ChunkSize | Part::ChunkExtension);
    let count = spans.iter().rev().take_while(|span| is_of_it(span)).count();
    let line = spans.len() - count;
    // Behind the data a CRLF must come, and that is no line.
    let start = spans[line..].iter().position(|span| span.part != Part::Crlf);
    if let Some(start) = start {
        mark_if(&mut spans[line + start..], |_| true);
    }
}
