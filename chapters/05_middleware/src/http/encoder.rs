//! RESPOND: turns a response into bytes. Only this file decides how a response is framed.

use std::io::{self, Read, Seek, SeekFrom, Write};

use super::limits::KIB;
use super::{Headers, Response, ResponseBody, Status, Version, date, header};
use crate::core::stderr::log_stderr;

/// The maximum number of bytes that one call writes to the connection.
const MAX_WRITE: usize = 64 * KIB;

/// The maximum number of bytes that one call reads from a file or a stream.
const BODY_READ_SIZE: usize = 16 * KIB;

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

/// How the end of the body is marked (RFC 9112 section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    /// The status implies that there is no body: 1xx, 204 and 304.
    Absent,
    /// The `Content-Length` field.
    Length(u64),
    /// The chunked transfer coding.
    Chunked,
    /// The close of the connection, the only option in HTTP/1.0 for a body of unknown length.
    Close,
}

/// Writes `response` to `out`. The header section and the start of the body share the first write.
///
/// # Errors
/// Returns the error from `out`, the file or the stream. The response is incomplete then, and
/// closing the connection is the only way to signal that.
pub fn write_response(
    response: Response,
    context: ResponseContext,
    out: &mut impl Write,
) -> io::Result<Reuse> {
    let (status, headers, body) = response.into_parts();
    let framing = match body.length() {
        _ if status.ends_with_head() => Framing::Absent,
        _ if !status.allows_content() => Framing::Length(0),
        Some(length) => Framing::Length(length),
        None if context.version == Version::Http11 => Framing::Chunked,
        None => Framing::Close,
    };
    let reuse =
        if context.keep_alive && framing != Framing::Close { Reuse::Yes } else { Reuse::No };

    let mut piece = head(status, &headers, framing, reuse, context.version);
    if context.is_head || !status.allows_content() {
        out.write_all(&piece)?;
        return Ok(reuse);
    }
    match body {
        ResponseBody::Empty => {}
        ResponseBody::Bytes(bytes) => {
            // The header section and the body share one write if they fit: one system call, and one
            // TCP segment if they are small.
            let (first, rest) =
                bytes.split_at(bytes.len().min(MAX_WRITE.saturating_sub(piece.len())));
            piece.extend_from_slice(first);
            for next in rest.chunks(MAX_WRITE) {
                out.write_all(&piece)?;
                piece.clear();
                piece.extend_from_slice(next);
            }
        }
        ResponseBody::File { mut file, range } => {
            file.seek(SeekFrom::Start(range.start))?;
            write_stream(&mut file, framing, &mut piece, out)?;
        }
        ResponseBody::Stream { mut reader, .. } => {
            write_stream(&mut reader, framing, &mut piece, out)?;
        }
    }
    out.write_all(&piece)?;
    Ok(reuse)
}

/// Encodes the status line, the field lines and the empty line after them (RFC 9112 section 4).
fn head(
    status: Status,
    headers: &Headers,
    framing: Framing,
    reuse: Reuse,
    version: Version,
) -> Vec<u8> {
    let mut out = format!("HTTP/1.1 {} {}\r\n", status.code(), status.reason()).into_bytes();
    if !headers.contains(header::DATE) {
        line(&mut out, "Date", date::imf_fixdate(date::now()).as_bytes());
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
        line(&mut out, name.as_ref(), value.as_bytes());
    }
    match framing {
        Framing::Length(length) => line(&mut out, "Content-Length", length.to_string().as_bytes()),
        Framing::Chunked => line(&mut out, "Transfer-Encoding", b"chunked"),
        Framing::Absent | Framing::Close => {}
    }
    match (reuse, version) {
        (Reuse::No, _) => line(&mut out, "Connection", b"close"),
        (Reuse::Yes, Version::Http10) => line(&mut out, "Connection", b"keep-alive"),
        (Reuse::Yes, Version::Http11) => {} // the default of HTTP/1.1
    }
    out.extend_from_slice(b"\r\n");
    out
}

fn line(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Sends the bytes of `reader` as they arrive. The first write also contains the bytes that are
/// already in `piece`. The last chunk stays in `piece`, and the caller sends it.
fn write_stream(
    reader: &mut impl Read,
    framing: Framing,
    piece: &mut Vec<u8>,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut left = match framing {
        Framing::Length(length) => length,
        _ => u64::MAX,
    };
    let mut buffer = vec![0; BODY_READ_SIZE];
    while left > 0 {
        let most = usize::try_from(left).map_or(BODY_READ_SIZE, |left| left.min(BODY_READ_SIZE));
        let count = match reader.read(&mut buffer[..most]) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        match (count, framing) {
            // The client waits for the announced number of bytes, so a shorter body is an error.
            (0, Framing::Length(_)) => return Err(io::ErrorKind::UnexpectedEof.into()),
            (0, Framing::Chunked) => piece.extend_from_slice(b"0\r\n\r\n"),
            (_, Framing::Chunked) => {
                piece.extend_from_slice(format!("{count:x}\r\n").as_bytes());
                piece.extend_from_slice(&buffer[..count]);
                piece.extend_from_slice(b"\r\n");
            }
            _ => piece.extend_from_slice(&buffer[..count]),
        }
        if count == 0 {
            break;
        }
        out.write_all(piece)?;
        piece.clear();
        left -= count as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::HeaderValue;

    const GET: ResponseContext =
        ResponseContext { version: Version::Http11, is_head: false, keep_alive: true };

    /// Returns the whole response as text, and whether the connection can be reused.
    fn encode_all(response: Response, context: ResponseContext) -> (String, Reuse) {
        let mut out = Vec::new();
        let reuse = write_response(response, context, &mut out).unwrap();
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
        let error = write_response(with_length(6), GET, &mut Vec::new()).unwrap_err();
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
    fn a_date_set_by_a_handler_is_the_only_one() {
        let given = HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT");
        let (text, _) = encode_all(Response::text("hi").with_header(header::DATE, given), GET);
        assert_eq!(text.matches("Date: ").count(), 1, "{text}");
        assert!(text.contains("Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"), "{text}");
    }

    #[test]
    fn the_range_of_a_file_is_sent_whatever_its_read_position() {
        // The file begins with `[package]`, so the range is the word `package`.
        let mut file = std::fs::File::open("Cargo.toml").unwrap();
        file.read_exact(&mut [0; 5]).unwrap();
        let body = ResponseBody::File { file, range: 1..8 };
        let (text, _) = encode(Response::new(Status::OK).with_body(body), GET);
        assert!(text.ends_with("Content-Length: 7\r\n\r\npackage"), "{text}");
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
        let mut out = Vec::new();
        let failing = reads(&[Ok(b"one"), Err(io::ErrorKind::ConnectionReset)]);
        let error = write_response(failing, GET, &mut out).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        assert!(out.ends_with(b"\r\n\r\n3\r\none\r\n"), "{}", out.escape_ascii());
    }

    #[test]
    fn a_large_body_is_sent_in_several_writes() {
        struct Pieces(Vec<usize>, usize);
        impl Write for Pieces {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.push(bytes.len());
                self.1 += bytes.len();
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut out = Pieces(Vec::new(), 0);
        let response = Response::text("x".repeat(3 * MAX_WRITE)).with_status(Status::OK);
        write_response(response, GET, &mut out).unwrap();
        assert!(out.0.iter().all(|piece| *piece <= MAX_WRITE), "{:?}", out.0);
        assert!(out.1 > 3 * MAX_WRITE);
    }
}
