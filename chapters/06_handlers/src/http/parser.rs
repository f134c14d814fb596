//! PARSE: the bytes of a request's head become a [`Head`], or "need more", or an error with its status.

use std::fmt;

use super::authority::valid_authority;
use super::fields::{FieldsError, parse_fields};
use super::framing::{BodyLength, FramingError, body_length};
use super::limits::Limits;
use super::line::{LineError, LineScanner, Scanned};
use super::target::InvalidTarget;
use super::{Headers, Method, Status, Target, Version, header, header_name};

/// The request line and the fields of a request, checked (RFC 9112 sections 3 and 5).
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    /// What is asked for.
    pub method: Method,
    /// What it is asked of.
    pub target: Target,
    /// The version that the client speaks.
    pub version: Version,
    /// The fields, in the order they came.
    pub headers: Headers,
    /// Where the body ends.
    pub body_length: BodyLength,
}

/// Reads one request head from bytes that may come in pieces.
///
/// It is given all that is buffered, again and again, and remembers how far it has looked. It knows no
/// socket, so a test can cut the input anywhere.
#[derive(Debug)]
pub struct HeadParser<'a> {
    limits: &'a Limits,
    lines: LineScanner,
    /// Bytes that have been looked at.
    scanned: usize,
    /// Where the request line starts: behind an empty line, perhaps.
    start: usize,
    /// Where the request line ends and the fields begin, once that is known.
    fields: Option<usize>,
    is_head: bool,
}

impl<'a> HeadParser<'a> {
    /// A parser for one head.
    pub fn new(limits: &'a Limits) -> HeadParser<'a> {
        HeadParser {
            limits,
            lines: LineScanner::default(),
            scanned: 0,
            start: 0,
            fields: None,
            is_head: false,
        }
    }

    /// Looks at what is buffered by now, of which earlier calls have seen the beginning.
    ///
    /// Returns the head and the number of bytes that it takes up, or `None` as long as it is not complete.
    ///
    /// # Errors
    /// [`ParseError`], as early as it is certain. The connection must close after it.
    pub fn push(&mut self, buffered: &[u8]) -> Result<Option<(Head, usize)>, ParseError> {
        while let Some(byte) = buffered.get(self.scanned) {
            if self.scan(*byte, buffered)? {
                let fields = self.fields.unwrap_or(self.scanned);
                let request_line = &buffered[self.start..fields - 2];
                let head = parse_head(request_line, &buffered[fields..self.scanned], self.limits)?;
                return Ok(Some((head, self.scanned)));
            }
        }
        Ok(None)
    }

    /// Whether what has been looked at asks with HEAD. It is known before the request is right or wrong, and
    /// that matters: also a refusal must not send content then (RFC 9110 section 9.3.2).
    pub fn is_head(&self) -> bool {
        self.is_head
    }

    /// Looks at the next byte. Returns whether it was the last one of the head.
    fn scan(&mut self, byte: u8, buffered: &[u8]) -> Result<bool, ParseError> {
        match self.fields {
            None if !matches!(byte, b'\r' | b'\n' | b' '..=b'~') => {
                return Err(ParseError::RequestLine);
            }
            // A line that begins with white space continued the one before it, once upon a time.
            Some(_) if self.lines.at_start() && matches!(byte, b' ' | b'\t') => {
                return Err(ParseError::FoldedLine);
            }
            _ => {}
        }
        let scanned = self.lines.push(byte)?;
        self.scanned += 1;
        self.is_head |= self.fields.is_none() && &buffered[self.start..self.scanned] == b"HEAD ";
        if self.fields.is_none() && self.lines.length() > self.limits.target + REQUEST_LINE_EXTRA {
            let has_target = buffered[self.start..self.scanned].contains(&b' ');
            return Err(if has_target {
                ParseError::TargetTooLong
            } else {
                ParseError::RequestLine
            });
        }
        if self.scanned - self.start > self.limits.head {
            return Err(ParseError::HeadTooLarge);
        }
        match (scanned, self.fields) {
            (Scanned::Inside, _) => Ok(false),
            // A client may send an empty line behind a body (RFC 9112 section 2.2). One is enough.
            (Scanned::EndOfLine(0), None) if self.start == 0 => {
                self.start = self.scanned;
                Ok(false)
            }
            (Scanned::EndOfLine(0), None) => Err(ParseError::RequestLine),
            (Scanned::EndOfLine(_), None) => {
                self.fields = Some(self.scanned);
                Ok(false)
            }
            (Scanned::EndOfLine(length), Some(_)) => Ok(length == 0),
        }
    }
}

/// What a request line has beside its target: a method, two spaces, a version, and room to spare.
const REQUEST_LINE_EXTRA: usize = 64;

fn parse_head(line: &[u8], fields: &[u8], limits: &Limits) -> Result<Head, ParseError> {
    let (method, target, version) = split_request_line(line)?;
    let version = parse_version(version)?;
    if target.len() > limits.target {
        return Err(ParseError::TargetTooLong);
    }
    let headers = parse_fields(fields, limits.fields)?;
    // The target's form depends on the method; one that we do not know asks like GET.
    let known = Method::from_token(method).filter(|method| *method != Method::Connect);
    let target = match Method::from_token(method) {
        Some(method) => Target::parse(method, target),
        None => Target::parse(Method::Get, target),
    }?;
    check_host(version, &headers)?;
    let body_length = body_length(version, &headers)?;
    // Last, because a request that is wrong in itself is wrong whatever it asks for. CONNECT asks for
    // a tunnel, and we are no proxy.
    let method = known.ok_or_else(|| ParseError::UnknownMethod(method.to_string()))?;
    Ok(Head { method, target, version, headers, body_length })
}

/// `method SP request-target SP HTTP-version`, with exactly one space each (RFC 9112 section 3).
fn split_request_line(line: &[u8]) -> Result<(&str, &str, &str), ParseError> {
    let line = str::from_utf8(line).map_err(|_| ParseError::RequestLine)?;
    let mut parts = line.split(' ');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(method), Some(target), Some(version), None)
            if header_name::is_token(method.as_bytes()) && !target.is_empty() =>
        {
            Ok((method, target, version))
        }
        _ => Err(ParseError::RequestLine),
    }
}

/// `HTTP/` DIGIT `.` DIGIT, case-sensitive (RFC 9112 section 2.3).
fn parse_version(text: &str) -> Result<Version, ParseError> {
    match text.as_bytes() {
        b"HTTP/1.0" => Ok(Version::Http10),
        // A server of 1.1 answers a later 1.x as 1.1 (RFC 9110 section 6.2).
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'1'..=b'9'] => Ok(Version::Http11),
        [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => {
            Err(ParseError::UnsupportedVersion)
        }
        _ => Err(ParseError::RequestLine),
    }
}

/// Exactly one valid Host in HTTP/1.1, at most one in HTTP/1.0 (RFC 9112 section 3.2).
fn check_host(version: Version, headers: &Headers) -> Result<(), ParseError> {
    let mut lines = headers.get_all(header::HOST);
    match (lines.next(), lines.next()) {
        (None, _) if version == Version::Http10 => Ok(()),
        (Some(host), None) if host.to_str().is_some_and(valid_authority) => Ok(()),
        _ => Err(ParseError::Host),
    }
}

/// Why a head could not be read. Each has its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParseError {
    /// A byte that may not stand where it stands.
    Line(LineError),
    /// The first line is not `method target version`.
    RequestLine,
    /// A major version other than 1.
    UnsupportedVersion,
    /// A method that this server does not have.
    UnknownMethod(String),
    /// A request target that is none.
    Target(InvalidTarget),
    /// A request target beyond [`Limits::target`].
    TargetTooLong,
    /// A field line that continues the one before it.
    FoldedLine,
    /// A field line that is not `name: value`.
    Field,
    /// More field lines than [`Limits::fields`].
    TooManyFields,
    /// More bytes than [`Limits::head`].
    HeadTooLarge,
    /// Host is missing, there twice, or not a host.
    Host,
    /// Nobody can know where the body ends.
    Framing(FramingError),
}

impl ParseError {
    /// The status that answers it.
    pub fn status(&self) -> Status {
        match self {
            Self::UnsupportedVersion => Status::HTTP_VERSION_NOT_SUPPORTED,
            Self::UnknownMethod(_) => Status::NOT_IMPLEMENTED,
            Self::TargetTooLong => Status::URI_TOO_LONG,
            Self::TooManyFields | Self::HeadTooLarge => Status::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Framing(error) => error.status(),
            _ => Status::BAD_REQUEST,
        }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(error) => error.fmt(f),
            Self::RequestLine => f.write_str("the first line must be `METHOD target HTTP/1.1`"),
            Self::UnsupportedVersion => f.write_str("this server speaks HTTP/1.1 and HTTP/1.0"),
            Self::UnknownMethod(method) => write!(f, "this server has no method {method}"),
            Self::Target(error) => error.fmt(f),
            Self::TargetTooLong => f.write_str("the request target is too long"),
            Self::FoldedLine => f.write_str("a field line must not begin with white space"),
            Self::Field => f.write_str("a field line must be `name: value`"),
            Self::TooManyFields => f.write_str("too many field lines"),
            Self::HeadTooLarge => f.write_str("the request line and the fields are too large"),
            Self::Host => {
                f.write_str("there must be one Host field with a host and perhaps a port")
            }
            Self::Framing(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ParseError {}

impl From<LineError> for ParseError {
    fn from(error: LineError) -> ParseError {
        ParseError::Line(error)
    }
}

impl From<InvalidTarget> for ParseError {
    fn from(error: InvalidTarget) -> ParseError {
        ParseError::Target(error)
    }
}

impl From<FramingError> for ParseError {
    fn from(error: FramingError) -> ParseError {
        ParseError::Framing(error)
    }
}

impl From<FieldsError> for ParseError {
    fn from(error: FieldsError) -> ParseError {
        match error {
            FieldsError::TooMany => ParseError::TooManyFields,
            FieldsError::Malformed => ParseError::Field,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at_once(bytes: &[u8], limits: &Limits) -> Result<Option<(Head, usize)>, ParseError> {
        HeadParser::new(limits).push(bytes)
    }

    /// Feeds a parser one byte more each time.
    fn byte_by_byte(bytes: &[u8], limits: &Limits) -> Result<Option<(Head, usize)>, ParseError> {
        let mut parser = HeadParser::new(limits);
        for end in 0..=bytes.len() {
            if let Some(done) = parser.push(&bytes[..end])? {
                return Ok(Some(done));
            }
        }
        Ok(None)
    }

    #[test]
    fn a_head_is_read_up_to_its_empty_line_and_no_further() {
        let bytes = b"POST /a?b=c HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET";
        let (head, used) = at_once(bytes, &Limits::default()).unwrap().unwrap();
        assert_eq!(&bytes[used..], b"abcGET");
        assert_eq!((head.method, head.version), (Method::Post, Version::Http11));
        assert_eq!((head.target.path(), head.target.query()), ("/a", Some("b=c")));
        assert_eq!(head.body_length, BodyLength::Fixed(3));
    }

    #[test]
    fn every_error_has_its_status() {
        let limits = Limits { target: 10, head: 200, fields: 3, ..Limits::default() };
        let long = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(10));
        let very_long = format!("GET /{}", "x".repeat(100));
        let big = format!("GET / HTTP/1.1\r\nHost: a\r\nx: {}", "y".repeat(200));
        let long_word = "x".repeat(100);
        let table: [(&str, u16); 26] = [
            (&long_word, 400),
            ("GET / HTTP/1.1\nHost: a\r\n\r\n", 400),
            ("GET /\rx HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            ("GET /\0", 400),
            ("GET\t/", 400),
            (" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            ("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400),
            ("GET /\r\n\r\n", 400),
            ("\r\n\r\nGET / HTTP/1.1\r\n", 400),
            ("G@T / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            ("GET / http/1.1\r\nHost: a\r\n\r\n", 400),
            ("GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400),
            ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
            ("BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
            ("BREW / HTTP/1.1\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", 400),
            // At its first byte, as all that is certain.
            ("GET / HTTP/1.1\r\nHost: a\r\n ", 400),
            ("GET / HTTP/1.1\r\n\t", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\n1:\r\n2:\r\n3:\r\n\r\n", 431),
            (&long, 414),
            (&very_long, 414),
            (&big, 431),
        ];
        for (bytes, status) in table {
            let error = at_once(bytes.as_bytes(), &limits).unwrap_err();
            assert_eq!(error.status().code(), status, "{bytes:?}: {error}");
            assert_eq!(byte_by_byte(bytes.as_bytes(), &limits), Err(error), "{bytes:?}");
        }
    }

    #[test]
    fn each_limit_is_the_largest_that_is_allowed() {
        let limits = Limits { target: 10, head: 200, fields: 3, ..Limits::default() };
        let answer = |bytes: &str| {
            let (whole, pieces) =
                (at_once(bytes.as_bytes(), &limits), byte_by_byte(bytes.as_bytes(), &limits));
            assert_eq!(whole, pieces, "{bytes:?}");
            whole.map(|done| done.map(|(_, used)| used)).map_err(|error| error.status().code())
        };
        let target = |bytes: usize| {
            let line = format!("GET /{} HTTP/1.1", "x".repeat(bytes - 1));
            answer(&format!("{line}\r\nHost: a\r\n\r\n"))
        };
        assert_eq!((target(10), target(11)), (Ok(Some(36)), Err(414)));
        // 64 bytes beside the target: two spaces, the version, and a method of 54 bytes, which is not ours.
        let method = |bytes: usize| {
            answer(&format!("{} /23456789 HTTP/1.1\r\nHost: a\r\n\r\n", "M".repeat(bytes)))
        };
        assert_eq!((method(55), method(56)), (Err(501), Err(414)));
        let head = |start: &str, bytes: usize| {
            let fields =
                format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "y".repeat(bytes - 32));
            answer(&format!("{start}{fields}"))
        };
        assert_eq!((head("", 200), head("", 201)), (Ok(Some(200)), Err(431)));
        // An empty line in front is no part of the head.
        assert_eq!((head("\r\n", 200), head("\r\n", 201)), (Ok(Some(202)), Err(431)));
    }

    #[test]
    fn a_head_request_is_known_by_its_first_word_whatever_follows() {
        let limits = Limits { target: 10, head: 200, ..Limits::default() };
        for (bytes, is_head) in [
            ("HEAD", false),
            ("HEAD ", true),
            ("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", true),
            ("HEAD / HTTP/1.1\r\n\r\n", true),
            ("HEAD / HTTP/1.1\r\nHost: a\r\n b", true),
            ("HEAD / HTTP/2.0\r\nHost: a\r\n\r\n", true),
            ("HEAD /\0", true),
            (&format!("HEAD /{}", "x".repeat(100)), true),
            ("\r\nHEAD /\0", true),
            ("HEADS / HTTP/1.1\r\n\r\n", false),
            ("head / HTTP/1.1\r\n\r\n", false),
            ("GET HEAD HTTP/1.1\r\n\r\n", false),
            ("GET / HTTP/1.1\r\nHEAD : a\r\n\r\n", false),
        ] {
            let mut parser = HeadParser::new(&limits);
            let _ = parser.push(bytes.as_bytes());
            assert_eq!(parser.is_head(), is_head, "{bytes:?}");
        }
    }

    #[test]
    fn a_later_minor_version_is_answered_as_1_1() {
        let bytes = b"GET / HTTP/1.7\r\nHost: a\r\n\r\n";
        let (head, _) = at_once(bytes, &Limits::default()).unwrap().unwrap();
        assert_eq!(head.version, Version::Http11);
    }

    #[test]
    fn one_empty_line_in_front_is_passed_over() {
        let bytes = b"\r\nGET / HTTP/1.0\r\n\r\n";
        let (head, used) = at_once(bytes, &Limits::default()).unwrap().unwrap();
        assert_eq!((head.version, used), (Version::Http10, bytes.len()));
    }

    proptest! {
        #[test]
        fn it_makes_no_difference_how_the_bytes_arrive(
            bytes in "(\r\n)?(GET|PUT|BREW|G T) [/a-z?%*]{0,12} HTTP/[12].[01]\r\n(Host: [a-z:]{0,4}\r\n){0,2}([a-zA-Z -]{0,5}: ?[ -~\r\n]{0,6}\r\n){0,3}\r\n?\n?"
        ) {
            let limits = Limits { target: 8, head: 90, fields: 3, ..Limits::default() };
            prop_assert_eq!(at_once(bytes.as_bytes(), &limits), byte_by_byte(bytes.as_bytes(), &limits));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = at_once(&bytes, &Limits::default());
        }
    }
}
