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

/// A kind of part: its name in a report, and the section of the RFC that defines it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part(pub(crate) &'static str, pub(crate) Option<&'static str>);

impl Part {
    /// A CRLF before the request line.
    pub(crate) const EMPTY_LINE: Part = Part("empty-line", Some("RFC 9112 section 2.2"));
    pub(crate) const METHOD: Part = Part("method", Some("RFC 9110 section 9.1"));
    /// A space in the request line.
    pub(crate) const SPACE: Part = Part("space", Some("RFC 9112 section 3"));
    pub(crate) const TARGET: Part = Part("target", Some("RFC 9112 section 3.2"));
    pub(crate) const VERSION: Part = Part("version", Some("RFC 9112 section 2.3"));
    /// A request line that does not have a method, a target and a version.
    pub(crate) const REQUEST_LINE: Part = Part("request-line", Some("RFC 9112 section 3"));
    /// The end of a line.
    pub(crate) const CRLF: Part = Part("crlf", Some("RFC 9112 section 2.2"));
    pub(crate) const FIELD_NAME: Part = Part("field-name", Some("RFC 9110 section 5.1"));
    pub(crate) const COLON: Part = Part("colon", Some("RFC 9112 section 5"));
    /// White space around a value.
    pub(crate) const OWS: Part = Part("ows", Some("RFC 9110 section 5.6.3"));
    pub(crate) const FIELD_VALUE: Part = Part("field-value", Some("RFC 9110 section 5.5"));
    /// A line that is not a valid field.
    pub(crate) const FIELD_LINE: Part = Part("field-line", Some("RFC 9112 section 5"));
    /// The empty line after the fields.
    pub(crate) const HEADER_SECTION_END: Part =
        Part("header-section-end", Some("RFC 9112 section 2.1"));
    /// A body whose length is known.
    pub(crate) const BODY: Part = Part("body", Some("RFC 9112 section 6.2"));
    pub(crate) const CHUNK_SIZE: Part = Part("chunk-size", Some("RFC 9112 section 7.1"));
    pub(crate) const CHUNK_EXTENSION: Part =
        Part("chunk-extension", Some("RFC 9112 section 7.1.1"));
    pub(crate) const CHUNK_DATA: Part = Part("chunk-data", Some("RFC 9112 section 7.1"));
    pub(crate) const TRAILER_NAME: Part = Part("trailer-name", Some("RFC 9112 section 7.1.2"));
    pub(crate) const TRAILER_VALUE: Part = Part("trailer-value", Some("RFC 9112 section 7.1.2"));
    /// The empty line after a chunked body.
    pub(crate) const TRAILER_END: Part = Part("trailer-end", Some("RFC 9112 section 7.1"));
    /// Bytes that belong to no part.
    pub(crate) const GARBAGE: Part = Part("garbage", None);
}
