//! RESPOND: turns a response into bytes. Only this file decides how a response is framed.

use std::borrow::Cow;

use super::date_line::append_date_line;
use super::pending_body::{Framing, PendingBody};
use super::{Headers, Response, ResponseBody, Status, Version, header};
use crate::core::stderr::log_stderr;

/// The maximum length of a body that is copied into the buffer of the header section. A larger body
/// is not copied, and one system call can still send both.
const COPIED: usize = 16 * 1024;

/// The estimated memory of a reader that only copies bytes. A reader cannot report its memory use.
const STREAM: usize = 16 * 1024;

/// The estimated memory of a compressing reader: DEFLATE searches the last 32 KiB for repetitions,
/// and needs tables for that.
const COMPRESSOR: usize = 416 * 1024;

/// The properties of a request that its response depends on.
#[derive(Debug, Clone, Copy)]
pub struct ResponseContext {
    /// The client's HTTP version.
    pub version: Version,
    /// Whether the request method was HEAD. The response then has the fields of a response to GET,
    /// but no body.
    pub is_head: bool,
    /// Whether the connection may be reused after this response.
    pub keep_alive: bool,
}

/// Whether the connection can be reused for another request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reuse {
    /// The client can detect the end of this response while the connection stays open.
    Yes,
    /// The response is delimited by the close of the connection, or one side requested to close it.
    No,
}

/// Appends `response` to `out`: the header section, and the body if it is small. Returns the part
/// of the body that is still to be sent, which is moved out of `response`.
pub fn encode(
    response: &mut Response,
    context: ResponseContext,
    out: &mut Vec<u8>,
) -> (Reuse, PendingBody) {
    let status = response.status();
    let framing = match response.body().length() {
        _ if status.ends_with_head() => Framing::Absent,
        _ if !status.allows_content() => Framing::Length(0),
        Some(length) => Framing::Length(length),
        None if context.version == Version::Http11 => Framing::Chunked,
        None => Framing::Close,
    };
    let reuse =
        if context.keep_alive && framing != Framing::Close { Reuse::Yes } else { Reuse::No };

    head(out, status, response.headers(), framing, reuse, context.version);
    if context.is_head || !status.allows_content() {
        return (reuse, PendingBody::Nothing);
    }
    // Header section and body are put into one buffer, so that one system call sends both, in one
    // TCP segment if they fit.
    if let Some(bytes) = response.body().in_memory()
        && bytes.len() <= COPIED
    {
        out.extend_from_slice(bytes);
        return (reuse, PendingBody::Nothing);
    }
    let rest = match response.take_body() {
        ResponseBody::Empty => PendingBody::Nothing,
        ResponseBody::Bytes(bytes) => PendingBody::Bytes { bytes, sent: 0 },
        // The range is valid here: with an invalid range, there would be no bytes, and that case is
        // handled above.
        ResponseBody::Shared { bytes, range } => PendingBody::Shared { bytes, left: range },
        ResponseBody::File { file, range } => {
            PendingBody::File { file, at: range.start, end: range.end.max(range.start) }
        }
        ResponseBody::Stream { reader, .. } => {
            let left = if let Framing::Length(length) = framing { length } else { u64::MAX };
            PendingBody::Stream { reader, framing, left }
        }
    };
    (reuse, rest)
}

/// Returns the memory that a body uses until it has been sent, without the bytes that it shares
/// with other responses.
pub(super) fn memory(response: &Response) -> usize {
    match response.body() {
        ResponseBody::Bytes(Cow::Owned(bytes)) if bytes.len() > COPIED => bytes.capacity(),
        ResponseBody::Stream { .. } if response.headers().contains(header::CONTENT_ENCODING) => {
            COMPRESSOR
        }
        ResponseBody::Stream { .. } => STREAM,
        _ => 0,
    }
}

/// Encodes the status line, the field lines and the empty line after them (RFC 9112 section 4).
fn head(
    out: &mut Vec<u8>,
    status: Status,
    headers: &Headers,
    framing: Framing,
    reuse: Reuse,
    version: Version,
) {
    if status == Status::OK {
        out.extend_from_slice(b"HTTP/1.1 200 OK\r\n"); // the most frequent status line
    } else {
        out.extend_from_slice(b"HTTP/1.1 ");
        number(out, u64::from(status.code()));
        out.push(b' ');
        out.extend_from_slice(status.reason().as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    if !headers.contains(header::DATE) {
        append_date_line(out);
    }
    for (name, value) in headers.iter() {
        // Only this function decides the framing, because two contradicting framing fields would
        // allow response smuggling.
        if [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION].contains(name) {
            if cfg!(debug_assertions) {
                log_stderr(format_args!(
                    "a handler has set {name}; the encoder decides that and leaves it out"
                ));
            }
            continue;
        }
        line(out, name.as_ref(), value.as_bytes());
    }
    match framing {
        Framing::Length(length) => {
            out.extend_from_slice(b"Content-Length: ");
            number(out, length);
            out.extend_from_slice(b"\r\n");
        }
        Framing::Chunked => line(out, "Transfer-Encoding", b"chunked"),
        Framing::Absent | Framing::Close => {}
    }
    match (reuse, version) {
        (Reuse::No, _) => line(out, "Connection", b"close"),
        (Reuse::Yes, Version::Http10) => line(out, "Connection", b"keep-alive"),
        (Reuse::Yes, Version::Http11) => {} // the default of HTTP/1.1
    }
    out.extend_from_slice(b"\r\n");
}

fn number(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

fn line(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read};
    use std::ops::Range;

    use super::*;
    use crate::http::{HeaderValue, SharedBytes};
    use crate::middleware::gzip::GzipReader;

    const GET: ResponseContext =
        ResponseContext { version: Version::Http11, is_head: false, keep_alive: true };

    /// Returns the bytes of the response as the client receives them.
    fn bytes(mut response: Response, context: ResponseContext) -> io::Result<(Vec<u8>, Reuse)> {
        let mut out = Vec::new();
        let (reuse, mut rest) = super::encode(&mut response, context, &mut out);
        match &mut rest {
            PendingBody::Nothing => {}
            PendingBody::Bytes { bytes, .. } => out.extend_from_slice(bytes),
            PendingBody::Shared { bytes, left } => out.extend_from_slice(&bytes[left.clone()]),
            PendingBody::File { .. } => unreachable!("no test here sends a file"),
            PendingBody::Stream { .. } => {
                while !rest.is_done() {
                    rest.read_stream(&mut out)?;
                }
            }
        }
        Ok((out, reuse))
    }

    /// Returns the whole response as text, and whether the connection can be reused.
    fn encode_all(response: Response, context: ResponseContext) -> (String, Reuse) {
        let (out, reuse) = bytes(response, context).unwrap();
        (String::from_utf8(out).unwrap(), reuse)
    }

    /// Encodes without the Date field, because its value changes.
    fn encode(response: Response, context: ResponseContext) -> (String, Reuse) {
        let (text, reuse) = encode_all(response, context);
        let (before, behind) = text.split_once("Date: ").unwrap();
        let (_, behind) = behind.split_once("\r\n").unwrap();
        (format!("{before}{behind}"), reuse)
    }

    fn stream(bytes: &'static [u8]) -> Response {
        Response::stream(HeaderValue::from_static("text/plain"), bytes)
    }

    #[test]
    fn a_body_of_known_length_has_a_content_length() {
        let expected = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 2\r\n\r\nhi";
        assert_eq!(encode(Response::text("hi"), GET), (expected.to_string(), Reuse::Yes));
    }

    #[test]
    fn head_has_the_same_fields_and_no_body() {
        let (whole, _) = encode(Response::text("hi"), GET);
        let (head, _) = encode(Response::text("hi"), ResponseContext { is_head: true, ..GET });
        assert_eq!(Some(head.as_str()), whole.strip_suffix("hi"));
    }

    #[test]
    fn statuses_without_content_have_no_length_either() {
        for status in [Status::NO_CONTENT, Status::NOT_MODIFIED] {
            let (text, reuse) = encode(Response::text("lost").with_status(status), GET);
            assert!(!text.contains("Content-Length") && text.ends_with("\r\n\r\n"), "{text}");
            assert_eq!(reuse, Reuse::Yes);
        }
        let (text, _) = encode(Response::new(Status::OK), GET);
        assert!(text.contains("Content-Length: 0\r\n"), "{text}");
    }

    #[test]
    fn a_205_has_a_content_length_of_zero() {
        for body in [Response::text("lost"), stream(b"lost"), Response::new(Status::OK)] {
            let (text, reuse) = encode(body.with_status(Status::RESET_CONTENT), GET);
            assert!(text.contains("Content-Length: 0\r\n"), "{text}");
            assert!(text.ends_with("\r\n\r\n") && !text.contains("chunked"), "{text}");
            assert_eq!(reuse, Reuse::Yes);
        }
    }

    #[test]
    fn a_stream_is_chunked_or_ends_the_connection() {
        let (text, reuse) = encode(stream(b"hello"), GET);
        assert!(
            text.ends_with("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
            "{text}"
        );
        assert_eq!(reuse, Reuse::Yes);
        let (text, reuse) =
            encode(stream(b"hello"), ResponseContext { version: Version::Http10, ..GET });
        assert!(text.ends_with("Connection: close\r\n\r\nhello"), "{text}");
        assert_eq!(reuse, Reuse::No);
    }

    #[test]
    fn a_stream_with_a_length_is_truncated_or_fails() {
        let with_length = |length| {
            let reader: Box<dyn Read + Send> = Box::new(&b"hello"[..]);
            Response::new(Status::OK)
                .with_body(ResponseBody::Stream { reader, length: Some(length) })
        };
        let (text, _) = encode(with_length(4), GET);
        assert!(text.ends_with("Content-Length: 4\r\n\r\nhell"), "{text}");
        let error = bytes(with_length(6), GET).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn the_connection_field_matches_the_reuse() {
        let table = [
            (Version::Http11, true, None),
            (Version::Http11, false, Some("Connection: close\r\n")),
            (Version::Http10, true, Some("Connection: keep-alive\r\n")),
            (Version::Http10, false, Some("Connection: close\r\n")),
        ];
        for (version, keep_alive, field) in table {
            let (text, _) =
                encode(Response::text("x"), ResponseContext { version, keep_alive, ..GET });
            match field {
                Some(field) => assert!(text.contains(field), "{text}"),
                None => assert!(!text.contains("Connection"), "{text}"),
            }
        }
    }

    #[test]
    fn a_handler_cannot_frame_a_response() {
        let response = Response::text("hi")
            .with_header(header::CONTENT_LENGTH, HeaderValue::from_static("99"))
            .with_header(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"))
            .with_header(header::CONNECTION, HeaderValue::from_static("close"));
        let (text, _) = encode(response, GET);
        assert!(text.contains("Content-Length: 2\r\n") && !text.contains("99"), "{text}");
        assert!(!text.contains("chunked") && !text.contains("Connection"), "{text}");
    }

    #[test]
    fn a_range_of_a_file_is_sent_from_its_start_and_an_inverted_one_is_empty() {
        for (range, expected) in
            [(3..5, (3, 5)), (0..5, (0, 5)), (Range { start: 5, end: 3 }, (5, 5))]
        {
            let file = std::sync::Arc::new(tempfile::tempfile().unwrap());
            let body = ResponseBody::File { file, range };
            let mut response = Response::new(Status::OK).with_body(body);
            let (_, rest) = super::encode(&mut response, GET, &mut Vec::new());
            let PendingBody::File { at, end, .. } = rest else { panic!("it is sent as a file") };
            assert_eq!((at, end), expected);
        }
    }

    #[test]
    fn a_date_set_by_a_handler_is_the_only_one() {
        let given = HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT");
        let (text, _) = encode_all(Response::text("hi").with_header(header::DATE, given), GET);
        assert_eq!(text.matches("Date: ").count(), 1, "{text}");
        assert!(text.contains("Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"), "{text}");
    }

    /// A reader whose reads return these results in order.
    struct Reads(Vec<Result<&'static [u8], io::ErrorKind>>);

    impl Read for Reads {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                return Ok(0);
            }
            self.0.remove(0).map_err(io::Error::from)?.read(buffer)
        }
    }

    fn reads(reads: &[Result<&'static [u8], io::ErrorKind>]) -> Response {
        Response::stream(HeaderValue::from_static("text/plain"), Reads(reads.to_vec()))
    }

    #[test]
    fn every_read_is_sent_once_and_interrupted_reads_are_retried() {
        let interrupted = Err(io::ErrorKind::Interrupted);
        let (text, _) = encode(reads(&[Ok(b"one"), interrupted, Ok(b"two")]), GET);
        assert!(text.ends_with("\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"), "{text}");
    }

    #[test]
    fn a_failed_stream_gets_no_last_chunk() {
        let failing = reads(&[Ok(b"one"), Err(io::ErrorKind::ConnectionReset)]);
        let error = bytes(failing, GET).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }

    #[test]
    fn a_large_body_is_not_copied_after_its_header_section() {
        let mut out = Vec::new();
        let mut response = Response::text("x".repeat(COPIED + 1));
        let (_, rest) = super::encode(&mut response, GET, &mut out);
        assert!(matches!(rest, PendingBody::Bytes { bytes, sent: 0 } if bytes.len() == COPIED + 1));
        assert!(out.ends_with(b"\r\n\r\n"));
    }

    #[test]
    fn a_range_of_shared_bytes_is_sent_and_one_beyond_the_end_is_empty() {
        let all: Vec<u8> = (0..=u8::MAX).cycle().take(3 * COPIED).collect();
        let all = SharedBytes::from(all);
        for (range, length) in [
            (0..all.len(), all.len()),
            (7..COPIED + 8, COPIED + 1),
            (7..COPIED + 7, COPIED),
            (9..9, 0),
            (1..all.len() + 1, 0),
        ] {
            let body = ResponseBody::Shared { bytes: all.clone(), range: range.clone() };
            let (out, _) = bytes(Response::new(Status::OK).with_body(body), GET).unwrap();
            let head = out.windows(4).position(|it| it == b"\r\n\r\n").unwrap() + 4;
            assert_eq!(&out[head..], all.get(range).unwrap_or_default());
            let field = format!("Content-Length: {length}\r\n");
            assert!(String::from_utf8_lossy(&out[..head]).contains(&field));
        }
    }

    #[test]
    fn a_body_is_counted_by_the_memory_it_uses_until_it_is_sent() {
        let bytes = |bytes: Vec<u8>| Response::bytes(HeaderValue::from_static("text/plain"), bytes);
        let mut roomy = Vec::with_capacity(4 * COPIED);
        roomy.resize(2 * COPIED, 0);
        let gzip = HeaderValue::from_static("gzip");
        for (response, expected) in [
            (Response::new(Status::OK), 0),
            (bytes(vec![0; COPIED]), 0),
            (bytes(vec![0; COPIED + 1]), COPIED + 1),
            (bytes(roomy), 4 * COPIED),
            (stream(b""), STREAM),
            (stream(b"").with_header(header::CONTENT_ENCODING, gzip), COMPRESSOR),
        ] {
            assert_eq!(memory(&response), expected, "{response:?}");
        }
    }

    #[test]
    fn a_compressor_uses_no_more_memory_than_is_counted_for_it() {
        let bytes: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        let mut reader = GzipReader::new(&*bytes, None);
        let used = allocation_counter::measure(|| {
            reader = GzipReader::new(&*bytes, None);
            while reader.read(&mut [0; 16 * 1024]).unwrap() > 0 {}
        });
        let most = usize::try_from(used.bytes_max).unwrap();
        assert!((COMPRESSOR / 2..=COMPRESSOR).contains(&most), "{most}");
    }
}
