//! The response that a handler builds. The encoder decides how it is framed.

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;

use super::{HeaderName, HeaderValue, Headers, SharedBytes, Status, header};

/// A response, which consists of a status, fields and a body.
#[derive(Debug)]
pub struct Response {
    status: Status,
    headers: Headers,
    body: ResponseBody,
}

/// The source of a response's body.
pub enum ResponseBody {
    /// A response without a body.
    Empty,
    /// A body in memory.
    Bytes(Cow<'static, [u8]>),
    /// A range of bytes in memory, which other responses may be sending too.
    Shared {
        /// All of the shared bytes.
        bytes: SharedBytes,
        /// The range that is sent.
        range: Range<usize>,
    },
    /// A part of a file, which is read while it is sent.
    File {
        /// The open file, which other responses may be sending too.
        file: Arc<File>,
        /// The range of bytes that is sent.
        range: Range<u64>,
    },
    /// A source that is read while the body is sent.
    Stream {
        /// The source of the bytes.
        reader: Box<dyn Read + Send>,
        /// The number of bytes that the reader returns, if it is known.
        length: Option<u64>,
    },
}

impl ResponseBody {
    /// Returns the bytes, if they are in memory.
    pub(crate) fn in_memory(&self) -> Option<&[u8]> {
        match self {
            ResponseBody::Empty => Some(&[]),
            ResponseBody::Bytes(bytes) => Some(bytes),
            ResponseBody::Shared { bytes, range } => {
                Some(bytes.get(range.clone()).unwrap_or_default())
            }
            ResponseBody::File { .. } | ResponseBody::Stream { .. } => None,
        }
    }

    /// Returns the length of the body in bytes, if it is known in advance.
    pub fn length(&self) -> Option<u64> {
        match self {
            ResponseBody::Empty => Some(0),
            ResponseBody::Bytes(bytes) => Some(bytes.len() as u64),
            ResponseBody::Shared { .. } => self.in_memory().map(|bytes| bytes.len() as u64),
            ResponseBody::File { range, .. } => Some(range.end.saturating_sub(range.start)),
            ResponseBody::Stream { length, .. } => *length,
        }
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            ResponseBody::Empty => "Empty",
            ResponseBody::Bytes(_) => "Bytes",
            ResponseBody::Shared { .. } => "Shared",
            ResponseBody::File { .. } => "File",
            ResponseBody::Stream { .. } => "Stream",
        };
        match self.length() {
            Some(length) => write!(f, "{kind}({length})"),
            None => write!(f, "{kind}(?)"),
        }
    }
}

impl Response {
    /// Creates a response without a body.
    pub fn new(status: Status) -> Response {
        Response { status, headers: Headers::new(), body: ResponseBody::Empty }
    }

    /// Creates a 200 response with bytes of this media type.
    pub fn bytes(content_type: HeaderValue, bytes: impl Into<Cow<'static, [u8]>>) -> Response {
        Response::new(Status::OK)
            .with_header(header::CONTENT_TYPE, content_type)
            .with_body(ResponseBody::Bytes(bytes.into()))
    }

    /// Creates a 200 response with plain text.
    pub fn text(text: impl Into<Cow<'static, str>>) -> Response {
        Response::bytes(
            HeaderValue::from_static("text/plain; charset=utf-8"),
            into_bytes(text.into()),
        )
    }

    /// Creates a 200 response with an HTML page. The caller must escape text from a client.
    pub fn html(html: impl Into<Cow<'static, str>>) -> Response {
        Response::bytes(
            HeaderValue::from_static("text/html; charset=utf-8"),
            into_bytes(html.into()),
        )
    }

    /// Creates a 200 response with JSON. JSON is always UTF-8, so it has no charset (RFC 8259
    /// section 8.1).
    pub fn json(value: &serde_json::Value) -> Response {
        // This cannot fail, because all keys of a `Value` are strings.
        let bytes = serde_json::to_vec(value).unwrap_or_default();
        Response::bytes(HeaderValue::from_static("application/json"), bytes)
    }

    /// Creates a 200 response with the whole content of an open file.
    ///
    /// # Errors
    /// Returns an error when the file's length cannot be read.
    pub fn file(file: File, content_type: HeaderValue) -> io::Result<Response> {
        let range = 0..file.metadata()?.len();
        Ok(Response::new(Status::OK)
            .with_header(header::CONTENT_TYPE, content_type)
            .with_body(ResponseBody::File { file: Arc::new(file), range }))
    }

    /// Creates a redirect. `status` must be one of 301, 302, 303, 307 and 308.
    pub fn redirect(status: Status, location: HeaderValue) -> Response {
        Response::new(status).with_header(header::LOCATION, location)
    }

    /// Creates a 200 response with bytes that are read while they are sent, so its length is not
    /// known.
    pub fn stream(content_type: HeaderValue, reader: impl Read + Send + 'static) -> Response {
        Response::new(Status::OK)
            .with_header(header::CONTENT_TYPE, content_type)
            .with_body(ResponseBody::Stream { reader: Box::new(reader), length: None })
    }

    /// Replaces the status.
    pub fn with_status(self, status: Status) -> Response {
        Response { status, ..self }
    }

    /// Sets a field, and replaces a field with the same name.
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Response {
        self.headers.set(name, value);
        self
    }

    /// Returns the same response with these fields and no others.
    pub fn with_headers(self, headers: Headers) -> Response {
        Response { headers, ..self }
    }

    /// Replaces the body.
    pub fn with_body(self, body: ResponseBody) -> Response {
        Response { body, ..self }
    }

    /// Returns the status.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Returns the fields.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// Returns the fields for changes. Use `append` to send more than one Set-Cookie line.
    pub fn headers_mut(&mut self) -> &mut Headers {
        &mut self.headers
    }

    /// Returns the body.
    pub fn body(&self) -> &ResponseBody {
        &self.body
    }

    /// Takes the body out of the response, so that a layer can replace it.
    pub fn take_body(&mut self) -> ResponseBody {
        std::mem::replace(&mut self.body, ResponseBody::Empty)
    }

    /// Splits the response into its parts.
    pub fn into_parts(self) -> (Status, Headers, ResponseBody) {
        (self.status, self.headers, self.body)
    }
}

fn into_bytes(text: Cow<'static, str>) -> Cow<'static, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_has_the_parts_it_was_built_from() {
        let response = Response::text("hi")
            .with_status(Status::CREATED)
            .with_header(header::LOCATION, HeaderValue::from_static("/users/1"));
        assert_eq!(response.status(), Status::CREATED);
        assert_eq!(response.body().length(), Some(2));
        let names: Vec<_> = response.headers().iter().map(|(name, _)| name.to_string()).collect();
        assert_eq!(names, ["Content-Type", "Location"]);
    }

    /// Returns the status, the fields, and the `Debug` output of the body.
    fn shown(response: &Response) -> (u16, Vec<String>, String) {
        let lines = response.headers().iter();
        let lines = lines.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()));
        (response.status().code(), lines.collect(), format!("{:?}", response.body()))
    }

    fn expected(status: u16, line: &str, body: &str) -> (u16, Vec<String>, String) {
        (status, vec![line.to_string()], body.to_string())
    }

    #[test]
    fn each_kind_of_body_has_its_media_type_and_a_redirect_has_its_target() {
        let csv = || HeaderValue::from_static("text/csv");
        let json = serde_json::json!([1]);
        let table = [
            (
                Response::text("hi"),
                expected(200, "Content-Type: text/plain; charset=utf-8", "Bytes(2)"),
            ),
            (
                Response::html("hi"),
                expected(200, "Content-Type: text/html; charset=utf-8", "Bytes(2)"),
            ),
            (Response::json(&json), expected(200, "Content-Type: application/json", "Bytes(3)")),
            (
                Response::bytes(csv(), &b"a,b"[..]),
                expected(200, "Content-Type: text/csv", "Bytes(3)"),
            ),
            (
                Response::stream(csv(), io::empty()),
                expected(200, "Content-Type: text/csv", "Stream(?)"),
            ),
            (
                Response::redirect(Status::SEE_OTHER, HeaderValue::from_static("/a")),
                expected(303, "Location: /a", "Empty(0)"),
            ),
        ];
        for (response, expected) in table {
            assert_eq!(shown(&response), expected);
        }
        let file = File::open("Cargo.toml").unwrap();
        let length = file.metadata().unwrap().len();
        let body = format!("File({length})");
        assert_eq!(
            shown(&Response::file(file, csv()).unwrap()),
            expected(200, "Content-Type: text/csv", &body)
        );
    }

    #[test]
    fn a_field_that_is_set_again_is_replaced() {
        let no_store = HeaderValue::from_static("no-store");
        let response = Response::text("hi")
            .with_header(header::CONTENT_TYPE, HeaderValue::from_static("text/csv"))
            .with_header(header::CACHE_CONTROL, no_store);
        assert_eq!(shown(&response).1, ["Content-Type: text/csv", "Cache-Control: no-store"]);
    }

    #[test]
    fn only_a_stream_may_have_an_unknown_length() {
        let octets = || HeaderValue::from_static("application/octet-stream");
        assert_eq!(Response::stream(octets(), io::empty()).body().length(), None);
        assert_eq!(Response::new(Status::OK).body().length(), Some(0));
    }
}
