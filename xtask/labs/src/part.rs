//! The parts of a message, by name, and the section of the standard that describes each.

/// A part of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    /// Its first byte.
    pub(crate) from: usize,
    /// The first byte behind it.
    pub(crate) to: usize,
    /// What it is.
    pub(crate) part: Part,
    /// Whether it is what a refusal is about.
    pub(crate) is_blamed: bool,
}

/// What a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// A CRLF in front of the request line.
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
    /// The colon behind it.
    Colon,
    /// White space around a value.
    Ows,
    /// The value of a field.
    FieldValue,
    /// A line that is no field.
    FieldLine,
    /// The empty line behind the fields.
    HeadEnd,
    /// A body whose length is known.
    Body,
    /// The digits in front of a chunk.
    ChunkSize,
    /// What may stand behind them.
    ChunkExtension,
    /// The bytes of a chunk.
    ChunkData,
    /// The name of a field behind the last chunk.
    TrailerName,
    /// The value of one.
    TrailerValue,
    /// The empty line behind a chunked body.
    TrailerEnd,
    /// None of these.
    Garbage,
    /// Bytes that nobody has looked at, since the connection has ended before.
    Unread,
}

impl Part {
    /// Its name, and where to read about it.
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
            Self::HeadEnd => ("head-end", "RFC 9112 section 2.1"),
            Self::Body => ("body", "RFC 9112 section 6.2"),
            Self::ChunkSize => ("chunk-size", "RFC 9112 section 7.1"),
            Self::ChunkExtension => ("chunk-extension", "RFC 9112 section 7.1.1"),
            Self::ChunkData => ("chunk-data", "RFC 9112 section 7.1"),
            Self::TrailerName => ("trailer-name", "RFC 9112 section 7.1.2"),
            Self::TrailerValue => ("trailer-value", "RFC 9112 section 7.1.2"),
            Self::TrailerEnd => ("trailer-end", "RFC 9112 section 7.1"),
            Self::Garbage => return ("garbage", None),
            Self::Unread => return ("unread", None),
        };
        (name, Some(section))
    }
}
