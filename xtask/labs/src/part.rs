//! The parts of a message, and the section of the RFC that defines each.

/// A part of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    /// Its first byte.
    pub(crate) from: usize,
    /// The byte after its last byte.
    pub(crate) to: usize,
    /// The kind of part.
    pub(crate) part: Part,
    /// Whether it caused a rejection.
    pub(crate) is_blamed: bool,
}

/// A part of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// A CRLF before the request line.
    EmptyLine,
    /// The method.
    Method,
    /// A space in the request line.
    Space,
    /// The request target.
    Target,
    /// The version.
    Version,
    /// A request line that does not have these three parts.
    RequestLine,
    /// The end of a line.
    Crlf,
    /// The name of a field.
    FieldName,
    /// The colon after the name.
    Colon,
    /// White space around a value.
    Ows,
    /// The value of a field.
    FieldValue,
    /// A line that is not a valid field.
    FieldLine,
    /// The empty line after the fields.
    HeaderSectionEnd,
    /// A body whose length is known.
    Body,
    /// The digits before a chunk.
    ChunkSize,
    /// The optional extensions after the digits.
    ChunkExtension,
    /// The bytes of a chunk.
    ChunkData,
    /// The name of a field after the last chunk.
    TrailerName,
    /// The value of a trailer field.
    TrailerValue,
    /// The empty line after a chunked body.
    TrailerEnd,
    /// Bytes that belong to no part.
    Garbage,
}

impl Part {
    /// Its name in a report, and the section of the RFC that defines it.
    pub(crate) fn description(self) -> (&'static str, Option<&'static str>) {
        let (name, section) = match self {
            Self::EmptyLine => ("empty-line", "RFC 9112 section 2.2"),
            Self::Method => ("method", "RFC 9110 section 9.1"),
            Self::Space => ("space", "RFC 9112 section 3"),
            Self::Target => ("target", "RFC 9112 section 3.2"),
            Self::Version => ("version", "RFC 9112 section 2.3"),
            Self::RequestLine => ("request-line", "RFC 9112 section 3"),
            Self::Crlf => ("crlf", "RFC 9112 section 2.2"),
            Self::FieldName => ("field-name", "RFC 9110 section 5.1"),
            Self::Colon => ("colon", "RFC 9112 section 5"),
            Self::Ows => ("ows", "RFC 9110 section 5.6.3"),
            Self::FieldValue => ("field-value", "RFC 9110 section 5.5"),
            Self::FieldLine => ("field-line", "RFC 9112 section 5"),
            Self::HeaderSectionEnd => ("header-section-end", "RFC 9112 section 2.1"),
            Self::Body => ("body", "RFC 9112 section 6.2"),
            Self::ChunkSize => ("chunk-size", "RFC 9112 section 7.1"),
            Self::ChunkExtension => ("chunk-extension", "RFC 9112 section 7.1.1"),
            Self::ChunkData => ("chunk-data", "RFC 9112 section 7.1"),
            Self::TrailerName => ("trailer-name", "RFC 9112 section 7.1.2"),
            Self::TrailerValue => ("trailer-value", "RFC 9112 section 7.1.2"),
            Self::TrailerEnd => ("trailer-end", "RFC 9112 section 7.1"),
            Self::Garbage => return ("garbage", None),
        };
        (name, Some(section))
    }
}
