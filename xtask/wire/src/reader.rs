//! Finds where a reply ends (RFC 9112 section 6.3). It uses no socket: a [`Source`] supplies the
//! bytes.

use crate::reply::parse_fields;
use crate::source::Source;
use crate::{Framing, Kind, Reply, WireError};

/// Reads one reply to a request with this `method`. Later bytes stay in the source.
pub(crate) fn read_reply(source: &mut impl Source, method: &str) -> Result<Reply, WireError> {
    let head_end = source.until(0, b"\r\n\r\n", "the end of the response's header section")?;
    let mut reply = Reply::parse_head(&source.at_least(head_end, "a header section")?[..head_end])?;
    reply.framing = framing(&reply, method)?;
    let what = format!("the body of the {} response", reply.status);
    let end = match reply.framing {
        Framing::None => head_end,
        Framing::Length => {
            let length = content_length(&reply)?.unwrap_or_default();
            let what = format!("{what} of {length} bytes");
            // A faulty server may announce any length, so the addition must not overflow. That many bytes never arrive.
            let end = head_end.saturating_add(length);
            let received = source.at_least(end, &what)?;
            reply.body = received[head_end..end].to_vec();
            end
        }
        Framing::Chunked => read_chunked(source, head_end, &mut reply, &what)?,
        Framing::Close => {
            let end = source.until_closed(&format!("{what}, which ends when the server closes"))?;
            reply.body = source.at_least(end, &what)?[head_end..end].to_vec();
            end
        }
    };
    reply.raw = source.take(end);
    Ok(reply)
}

/// Determines how the body ends. A reply that specifies it in two ways is an error.
fn framing(reply: &Reply, method: &str) -> Result<Framing, WireError> {
    let chunked = reply.field("transfer-encoding").is_some();
    let length = content_length(reply)?.is_some();
    if chunked && length {
        return Err(unexpected(
            "the response has both Content-Length and Transfer-Encoding",
            reply,
        ));
    }
    if chunked && !reply.lists("transfer-encoding", "chunked") {
        return Err(unexpected("the response has a transfer coding other than chunked", reply));
    }
    Ok(Framing::of(method, reply.status, chunked, length))
}

fn content_length(reply: &Reply) -> Result<Option<usize>, WireError> {
    let mut values = reply.fields("content-length");
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    match value.parse() {
        Ok(length) if digits && values.next().is_none() => Ok(Some(length)),
        _ => Err(unexpected("the response's Content-Length is not one number", reply)),
    }
}

/// Decodes the chunks after the header section, and returns where they end (RFC 9112 section 7.1).
fn read_chunked(
    source: &mut impl Source,
    head_end: usize,
    reply: &mut Reply,
    what: &str,
) -> Result<usize, WireError> {
    let mut at = head_end;
    loop {
        let line_end = source.until(at, b"\r\n", &format!("{what}: a chunk's size"))?;
        let received = source.at_least(line_end, what)?;
        let line = String::from_utf8_lossy(&received[at..line_end - 2]).into_owned();
        let digits = line.split(';').next().unwrap_or_default();
        let only_hex = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let size = usize::from_str_radix(digits, 16).ok().filter(|_| only_hex);
        let Some(size) = size else {
            let message = format!("{what}: {line:?} is not a chunk's size");
            return Err(unexpected(&message, reply).with_arrived(received));
        };
        at = line_end;
        if size == 0 {
            return read_trailers(source, at, reply, what);
        }
        let wanted = size.saturating_add(at + 2);
        let chunk = source.at_least(wanted, &format!("{what}: a chunk of {size} bytes"))?;
        reply.body.extend_from_slice(&chunk[at..at + size]);
        if &chunk[at + size..at + size + 2] != b"\r\n" {
            let message = format!("{what}: no CRLF after a chunk");
            return Err(unexpected(&message, reply).with_arrived(chunk));
        }
        at += size + 2;
    }
}

fn read_trailers(
    source: &mut impl Source,
    mut at: usize,
    reply: &mut Reply,
    what: &str,
) -> Result<usize, WireError> {
    let mut lines = Vec::new();
    loop {
        let end = source.until(at, b"\r\n", &format!("{what}: the end of its trailers"))?;
        let received = source.at_least(end, what)?;
        let line = String::from_utf8_lossy(&received[at..end - 2]).into_owned();
        at = end;
        if line.is_empty() {
            reply.trailers = parse_fields(lines.iter().map(String::as_str))
                .map_err(|problem| unexpected(&format!("the trailer has {problem}"), reply))?;
            return Ok(at);
        }
        lines.push(line);
    }
}

fn unexpected(message: &str, reply: &Reply) -> WireError {
    WireError::new(Kind::Unexpected, message).with_arrived(&reply.raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A peer that has sent these bytes and closed the connection.
    struct Closed(Vec<u8>);

    impl Source for Closed {
        fn received(&mut self) -> &mut Vec<u8> {
            &mut self.0
        }

        fn receive(&mut self, _: &str) -> Result<bool, WireError> {
            Ok(false)
        }
    }

    fn read(bytes: &[u8], method: &str) -> (Result<Reply, WireError>, Vec<u8>) {
        let mut source = Closed(bytes.to_vec());
        let reply = read_reply(&mut source, method);
        (reply, source.0)
    }

    #[test]
    fn a_length_ends_the_body_and_leaves_what_follows() {
        let (reply, rest) = read(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP", "GET");
        let reply = reply.unwrap();
        assert_eq!((reply.body.as_slice(), reply.framing), (&b"hi"[..], Framing::Length));
        assert_eq!(rest, b"HTTP");
    }

    #[test]
    fn chunks_are_joined_and_their_trailers_kept() {
        let bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\nA;x=y\r\n0123456789\r\n0\r\nT: 1\r\n\r\nmore";
        let (reply, rest) = read(bytes, "GET");
        let reply = reply.unwrap();
        assert_eq!(reply.body, b"hi0123456789");
        assert_eq!(reply.trailers, [("T".to_string(), "1".to_string())]);
        assert_eq!(rest, b"more");
    }

    #[test]
    fn a_reply_without_length_ends_with_the_connection() {
        let (reply, rest) = read(b"HTTP/1.0 200 OK\r\n\r\nall of it", "GET");
        assert_eq!(reply.unwrap().body, b"all of it");
        assert_eq!(rest, b"");
    }

    #[test]
    fn head_and_statuses_without_content_have_no_body() {
        let (reply, rest) = read(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "HEAD");
        assert_eq!(reply.unwrap().framing, Framing::None);
        assert_eq!(rest, b"hi");
        for status in ["100 Continue", "204 No Content", "304 Not Modified"] {
            let (reply, rest) = read(format!("HTTP/1.1 {status}\r\n\r\nhi").as_bytes(), "GET");
            assert_eq!(reply.unwrap().body, b"");
            assert_eq!(rest, b"hi");
        }
    }

    #[test]
    fn a_reply_that_could_be_read_in_two_ways_is_an_error() {
        for fields in [
            "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
            "Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi",
            "Content-Length: +2\r\n\r\nhi",
            "Transfer-Encoding: gzip\r\n\r\nhi",
            "Transfer-Encoding: chunked\r\n\r\n2\r\nhi0\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n+2\r\nhi\r\n0\r\n\r\n",
        ] {
            let (reply, _) = read(format!("HTTP/1.1 200 OK\r\n{fields}").as_bytes(), "GET");
            assert_eq!(reply.unwrap_err().kind(), Kind::Unexpected, "{fields}");
        }
    }

    /// Regression test: a server with a bug in its range handling announced these lengths, and adding the length of the
    /// header section overflowed.
    #[test]
    fn a_body_longer_than_any_memory_is_an_unfinished_one() {
        for fields in [
            format!("Content-Length: {}\r\n\r\nhi", usize::MAX),
            format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\nhi", usize::MAX),
        ] {
            let (reply, _) = read(format!("HTTP/1.1 200 OK\r\n{fields}").as_bytes(), "GET");
            assert_eq!(reply.unwrap_err().kind(), Kind::Closed, "{fields}");
        }
    }
}
