//! PARSE: turns bytes into a request line and a header section, returns an error with its status,
//! or waits for more bytes.

use std::fmt;

use super::authority::valid_authority;
use super::fields::{FieldsError, parse_fields};
use super::framing::{BodyLength, FramingError, body_length};
use super::invalid_target::InvalidTarget;
use super::limits::Limits;
use super::line::{LineError, LineScanner, Scanned};
use super::{Headers, Method, Status, Target, Version, header, header_name};

/// The validated request line and header section of a request (RFC 9112 sections 3 and 5).
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    /// The request method.
    pub method: Method,
    /// The target, which identifies the resource.
    pub target: Target,
    /// The version of HTTP in the request line.
    pub version: Version,
    /// The fields, in their original order.
    pub headers: Headers,
    /// The framing of the body, which determines where it ends.
    pub body_length: BodyLength,
}

/// A parser for the request line and the header section of one request, whose bytes may arrive in
/// pieces.
///
/// Each call gets all bytes that are buffered, and the parser stores how many of them it has
/// scanned. It has no socket, so a test can split the input anywhere.
#[derive(Debug)]
pub struct HeadParser {
    limits: Limits,
    lines: LineScanner,
    /// The number of bytes that have been scanned without an error.
    scanned: usize,
    /// The position of the request line, which may follow an empty line.
    start: usize,
    /// The position of the field lines, once the request line is complete.
    fields: Option<usize>,
    /// The number of complete field lines.
    field_lines: usize,
    is_head: bool,
}

impl HeadParser {
    /// Creates a parser for one header section.
    pub fn new(limits: &Limits) -> HeadParser {
        HeadParser {
            limits: *limits,
            lines: LineScanner::default(),
            scanned: 0,
            start: 0,
            fields: None,
            field_lines: 0,
            is_head: false,
        }
    }

    /// Scans the bytes that have arrived since the last call, and parses the header section once it
    /// is complete. `buffered` must begin at the first byte of the request in every call.
    ///
    /// Returns the header section and its length in bytes, or `None` as long as it is not complete.
    ///
    /// # Errors
    /// Returns [`ParseError`] at the first byte at which the error is certain. The connection must
    /// be closed after it.
    pub fn push(&mut self, buffered: &[u8]) -> Result<Option<(Head, usize)>, ParseError> {
        let Some(fields) = self.scan(buffered)? else { return Ok(None) };
        let request_line = &buffered[self.start..fields - 2];
        let head = parse_head(request_line, &buffered[fields..self.scanned], &self.limits)?;
        Ok(Some((head, self.scanned)))
    }

    /// Returns whether the request line begins with the method HEAD. This is known before the
    /// request is complete or rejected, and the response to a rejected HEAD must not have content
    /// either (RFC 9110 section 9.3.2).
    pub fn is_head(&self) -> bool {
        self.is_head
    }

    /// Scans the new bytes. Once the empty line after the field lines has arrived, returns the
    /// position of the first field line.
    fn scan(&mut self, buffered: &[u8]) -> Result<Option<usize>, ParseError> {
        loop {
            // No byte beyond the limit is scanned, wherever the input was split.
            let limit = self.start.saturating_add(self.limits.head);
            let allowed = &buffered[..buffered.len().min(limit)];
            let new = &allowed[self.scanned..];
            if new.is_empty() {
                let is_over = buffered.len() > limit;
                return if is_over { Err(ParseError::HeadTooLarge) } else { Ok(None) };
            }
            match self.fields {
                None => self.check_request_line(&allowed[self.start..])?,
                // In older versions, a leading space meant that the line continues the previous
                // one: obs-fold (RFC 9112 section 5.2).
                Some(_) if self.lines.at_start() && matches!(new[0], b' ' | b'\t') => {
                    return Err(ParseError::FoldedLine);
                }
                Some(_) => {}
            }
            let (count, scanned) = self.lines.scan(new)?;
            self.scanned += count;
            if let Scanned::EndOfLine(length) = scanned
                && self.end_line(length)?
            {
                return Ok(self.fields);
            }
        }
    }

    /// Checks the length and the new bytes of the request line, which must be visible ASCII or
    /// spaces. `line` is the part of it that has arrived.
    fn check_request_line(&mut self, line: &[u8]) -> Result<(), ParseError> {
        self.is_head = line.starts_with(b"HEAD ");
        if self.lines.after_cr() {
            return Ok(());
        }
        let length = self.lines.length();
        let is_text = |byte: &u8| matches!(byte, b' '..=b'~');
        let text = line[length..].iter().position(|byte| !is_text(byte));
        let end = text.map_or(line.len(), |at| length + at);
        let limit = self.limits.target.saturating_add(REQUEST_LINE_EXTRA);
        if end > limit {
            let has_target = line[..limit].contains(&b' ');
            let error =
                if has_target { ParseError::TargetTooLong } else { ParseError::RequestLine };
            return Err(error);
        }
        match line.get(end) {
            None | Some(b'\r' | b'\n') => Ok(()),
            Some(_) => Err(ParseError::RequestLine),
        }
    }

    /// Processes the end of a line of this many bytes, and returns whether the header section is
    /// complete.
    fn end_line(&mut self, length: usize) -> Result<bool, ParseError> {
        match (length, self.fields) {
            // A client may send an empty line before the request line (RFC 9112 section 2.2). Only
            // one is accepted.
            (0, None) if self.start == 0 => self.start = self.scanned,
            (0, None) => return Err(ParseError::RequestLine),
            (_, None) => self.fields = Some(self.scanned),
            (0, Some(_)) => return Ok(true),
            (_, Some(_)) if self.field_lines == self.limits.fields => {
                return Err(ParseError::TooManyFields);
            }
            (_, Some(_)) => self.field_lines += 1,
        }
        Ok(false)
    }
}

/// The bytes of a request line besides its target: a method, two spaces, a version, and some spare
/// room.
const REQUEST_LINE_EXTRA: usize = 64;

fn parse_head(line: &[u8], fields: &[u8], limits: &Limits) -> Result<Head, ParseError> {
    let (method, target, version) = split_request_line(line)?;
    let version = parse_version(version)?;
    if target.len() > limits.target {
        return Err(ParseError::TargetTooLong);
    }
    let headers = parse_fields(fields, limits.fields)?;
    // The method determines which forms of target are allowed. An unknown method is treated like
    // GET.
    let known = Method::from_token(method);
    let target = Target::parse(known.unwrap_or(Method::Get), target)?;
    check_host(version, &headers)?;
    let body_length = body_length(version, &headers)?;
    // This check is the last one, because 501 is for requests that are correct. CONNECT is for
    // proxies only.
    let known = known.filter(|method| *method != Method::Connect);
    let method = known.ok_or_else(|| ParseError::UnknownMethod(method.to_string()))?;
    Ok(Head { method, target, version, headers, body_length })
}

/// Splits `method SP request-target SP HTTP-version`, with exactly one space each (RFC 9112
/// section 3).
fn split_request_line(line: &[u8]) -> Result<(&str, &str, &[u8]), ParseError> {
    let mut parts = line.split(|byte| *byte == b' ');
    let (method, target) = (parts.next().map(str::from_utf8), parts.next().map(str::from_utf8));
    match (method, target, parts.next(), parts.next()) {
        (Some(Ok(method)), Some(Ok(target)), Some(version), None)
            if header_name::is_token(method.as_bytes()) && !target.is_empty() =>
        {
            Ok((method, target, version))
        }
        _ => Err(ParseError::RequestLine),
    }
}

/// Parses `HTTP/` DIGIT `.` DIGIT, which is case-sensitive (RFC 9112 section 2.3).
fn parse_version(text: &[u8]) -> Result<Version, ParseError> {
    match text {
        b"HTTP/1.0" => Ok(Version::Http10),
        // A later 1.x is processed as 1.1 (RFC 9110 section 6.2).
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'1'..=b'9'] => Ok(Version::Http11),
        [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => {
            Err(ParseError::UnsupportedVersion)
        }
        _ => Err(ParseError::RequestLine),
    }
}

/// Checks that there is exactly one valid Host in HTTP/1.1, and at most one in HTTP/1.0 (RFC 9112
/// section 3.2).
fn check_host(version: Version, headers: &Headers) -> Result<(), ParseError> {
    let mut lines = headers.get_all(header::HOST);
    match (lines.next(), lines.next()) {
        (None, _) if version == Version::Http10 => Ok(()),
        (Some(host), None) if host.to_str().is_some_and(valid_authority) => Ok(()),
        _ => Err(ParseError::Host),
    }
}

/// The reason why a request was rejected before its body. [`ParseError::status`] returns its
/// status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParseError {
    /// A byte is not allowed at its position.
    Line(LineError),
    /// The first line is not of the form `method target version`.
    RequestLine,
    /// The major version is not 1.
    UnsupportedVersion,
    /// The server does not implement this method.
    UnknownMethod(String),
    /// The request target is invalid.
    Target(InvalidTarget),
    /// The request target is longer than [`Limits::target`].
    TargetTooLong,
    /// A field line begins with whitespace (obsolete line folding, RFC 9112 section 5.2).
    FoldedLine,
    /// A field line is not of the form `name: value`.
    Field,
    /// There are more field lines than [`Limits::fields`].
    TooManyFields,
    /// The request line and the fields have more bytes than [`Limits::head`].
    HeadTooLarge,
    /// `Host` is missing, repeated or invalid.
    Host,
    /// The framing is ambiguous or unsupported, so the end of the body is unknown.
    Framing(FramingError),
}

impl ParseError {
    /// Returns the status of the response that reports the error.
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
            Self::UnknownMethod(method) => {
                write!(f, "this server does not implement the method {method}")
            }
            Self::Target(error) => error.fmt(f),
            Self::TargetTooLong => f.write_str("the request target is too long"),
            Self::FoldedLine => f.write_str("a field line must not begin with white space"),
            Self::Field => f.write_str("a field line must be `name: value`"),
            Self::TooManyFields => f.write_str("too many field lines"),
            Self::HeadTooLarge => f.write_str("the request line and the fields are too large"),
            Self::Host => {
                f.write_str("there must be one Host field, with a host and an optional port")
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

    type Parsed = Result<Option<(Head, usize)>, ParseError>;

    /// Passes a parser all bytes up to each of these positions, one after the other.
    fn in_pieces(bytes: &[u8], ends: impl IntoIterator<Item = usize>, limits: &Limits) -> Parsed {
        let mut parser = HeadParser::new(limits);
        ends.into_iter().find_map(|end| parser.push(&bytes[..end]).transpose()).transpose()
    }

    fn at_once(bytes: &[u8], limits: &Limits) -> Parsed {
        in_pieces(bytes, [bytes.len()], limits)
    }

    fn byte_by_byte(bytes: &[u8], limits: &Limits) -> Parsed {
        in_pieces(bytes, 0..=bytes.len(), limits)
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
        let table: [(&str, u16); 28] = [
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
            // A folded line is rejected at its first byte, like every error that is certain.
            ("GET / HTTP/1.1\r\nHost: a\r\n ", 400),
            ("GET / HTTP/1.1\r\n\t", 400),
            ("GET / HTTP/1.1\r\nHost: \0", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\n1:\r\n2:\r\n3:\r\n\r\n", 431),
            ("GET / HTTP/1.1\r\nHost: a\r\n1:\r\n2:\r\n3:\r\n", 431),
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
        // The 64 bytes besides the target are two spaces, the version, and a method of up to 54
        // bytes.
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
        // A leading empty line is not part of the header section.
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
            let (bytes, whole) = (bytes.as_bytes(), at_once(bytes.as_bytes(), &limits));
            prop_assert_eq!(&byte_by_byte(bytes, &limits), &whole);
            for cut in 0..=bytes.len() {
                prop_assert_eq!(&in_pieces(bytes, [cut, bytes.len()], &limits), &whole, "cut at {}", cut);
            }
        }

        #[test]
        fn the_error_of_the_first_bytes_is_the_error_of_them_all(
            bytes in "(\r\n)?GET /[a-c\r\n\t]{0,9} HTTP/1.1\r\n([a-c\0\r\n\t é]{0,5}:[a\r\n\0]{0,3}\r\n){0,5}\r\n"
        ) {
            let limits = Limits { target: 6, head: 60, fields: 3, ..Limits::default() };
            let (bytes, whole) = (bytes.as_bytes(), at_once(bytes.as_bytes(), &limits));
            prop_assert_eq!(&byte_by_byte(bytes, &limits), &whole);
            for cut in 0..=bytes.len() {
                prop_assert_eq!(&in_pieces(bytes, [cut, bytes.len()], &limits), &whole, "cut at {}", cut);
                if let Err(error) = at_once(&bytes[..cut], &limits) {
                    prop_assert_eq!(Err(error), whole.clone());
                }
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = at_once(&bytes, &Limits::default());
        }
    }
}
