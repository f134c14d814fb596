//! Finds where a reply ends (RFC 9112 section 6.3).

use crate::reply::parse_fields;
use crate::socket::Socket;
use crate::{Framing, Kind, Reply, WireError};

/// Reads one reply to a request with this `method`. Later bytes stay in the socket.
pub(crate) fn read_reply(socket: &mut Socket, method: &str) -> Result<Reply, WireError> {
    let head_end = socket.until(0, b"\r\n\r\n", "the end of the response's header section")?;
    let mut reply = Reply::parse_head(&socket.at_least(head_end, "a header section")?[..head_end])?;
    reply.framing = framing(&reply, method)?;
    let what = format!("the body of the {} response", reply.status);
    let end = match reply.framing {
        Framing::None => head_end,
        Framing::Length => {
            let length = content_length(&reply)?.unwrap_or_default();
            let what = format!("{what} of {length} bytes");
            // A faulty server may announce any length, so the addition must not overflow. That many bytes never arrive.
            let end = head_end.saturating_add(length);
            let received = socket.at_least(end, &what)?;
            reply.body = received[head_end..end].to_vec();
            end
        }
        Framing::Chunked => read_chunked(socket, head_end, &mut reply, &what)?,
        Framing::Close => {
            let end = socket.until_closed(&format!("{what}, which ends when the server closes"))?;
            reply.body = socket.at_least(end, &what)?[head_end..end].to_vec();
            end
        }
    };
    reply.raw = socket.take(end);
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
    socket: &mut Socket,
    head_end: usize,
    reply: &mut Reply,
    what: &str,
) -> Result<usize, WireError> {
    let mut at = head_end;
    loop {
        let line_end = socket.until(at, b"\r\n", &format!("{what}: a chunk's size"))?;
        let received = socket.at_least(line_end, what)?;
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
            return read_trailers(socket, at, reply, what);
        }
        let wanted = size.saturating_add(at + 2);
        let chunk = socket.at_least(wanted, &format!("{what}: a chunk of {size} bytes"))?;
        reply.body.extend_from_slice(&chunk[at..at + size]);
        if &chunk[at + size..at + size + 2] != b"\r\n" {
            let message = format!("{what}: no CRLF after a chunk");
            return Err(unexpected(&message, reply).with_arrived(chunk));
        }
        at += size + 2;
    }
}

fn read_trailers(
    socket: &mut Socket,
    mut at: usize,
    reply: &mut Reply,
    what: &str,
) -> Result<usize, WireError> {
    let mut lines = Vec::new();
    loop {
        let end = socket.until(at, b"\r\n", &format!("{what}: the end of its trailers"))?;
        let received = socket.at_least(end, what)?;
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
    use crate::{Client, Script};

    /// The reply to `method` from a server that sends these bytes and closes, and the bytes after the reply.
    fn read(bytes: impl AsRef<[u8]>, method: &str) -> (Result<Reply, WireError>, Vec<u8>) {
        let script = Script::repeat(bytes.as_ref(), 1).unwrap();
        let mut client = Client::connect(script.addr()).unwrap();
        client.send(b"\r\n\r\n").unwrap();
        let reply = client.read_reply_to(method);
        (reply, client.read_to_end().unwrap())
    }

    #[test]
    fn a_body_ends_where_its_framing_says_and_later_bytes_are_left() {
        let length = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\nA;x=y\r\n0123456789\r\n0\r\nT: 1\r\n\r\n";
        for (bytes, method, framing, body, rest) in [
            (format!("{length}HTTP"), "GET", Framing::Length, "hi", "HTTP"),
            (format!("{chunked}more"), "GET", Framing::Chunked, "hi0123456789", "more"),
            ("HTTP/1.0 200 OK\r\n\r\nall".to_string(), "GET", Framing::Close, "all", ""),
            (length.to_string(), "HEAD", Framing::None, "", "hi"),
            ("HTTP/1.1 100 Continue\r\n\r\nhi".to_string(), "GET", Framing::None, "", "hi"),
            ("HTTP/1.1 204 No Content\r\n\r\nhi".to_string(), "GET", Framing::None, "", "hi"),
            ("HTTP/1.1 304 Not Modified\r\n\r\nhi".to_string(), "GET", Framing::None, "", "hi"),
        ] {
            let (reply, after) = read(&bytes, method);
            let reply = reply.unwrap();
            assert_eq!((reply.framing, &*reply.text()), (framing, body), "{bytes}");
            assert_eq!(after, rest.as_bytes(), "{bytes}");
            let trailers = [("T".to_string(), "1".to_string())];
            assert_eq!(reply.trailers == trailers, framing == Framing::Chunked, "{bytes}");
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
            let (reply, _) = read(format!("HTTP/1.1 200 OK\r\n{fields}"), "GET");
            assert_eq!(reply.unwrap_err().kind(), Kind::Unexpected, "{fields}");
        }
    }

    /// Regression test, second and third row: a server with a bug in its range handling announced these lengths, and
    /// adding the length of the header section overflowed.
    #[test]
    fn a_body_that_is_cut_short_is_an_unfinished_one() {
        for (fields, missing) in [
            ("Content-Length: 3\r\n\r\nhi".to_string(), " of 3 bytes"),
            (format!("Content-Length: {}\r\n\r\nhi", usize::MAX), " bytes"),
            (format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\nhi", usize::MAX), " bytes"),
        ] {
            let (reply, _) = read(format!("HTTP/1.1 200 OK\r\n{fields}"), "GET");
            let error = reply.unwrap_err();
            assert_eq!(error.kind(), Kind::Closed, "{fields}");
            assert!(error.message().contains("the body of the 200 response"), "{error}");
            assert!(error.message().ends_with(missing), "{error}");
        }
    }
}
