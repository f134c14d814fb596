//! A reply as it arrived.

use std::fmt;

use crate::{Kind, WireError, escape};

/// How the end of a reply's body was found (RFC 9112 section 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is no body: a reply to HEAD, 1xx, 204 or 304.
    None,
    /// Content-Length bytes.
    Length,
    /// The chunked transfer coding.
    Chunked,
    /// Everything until the server closed.
    Close,
}

impl Framing {
    /// How a response to `method` ends, if its length is valid and it uses no transfer coding except chunked.
    pub fn of(method: &str, status: u16, is_chunked: bool, has_length: bool) -> Framing {
        match () {
            () if method == "HEAD" || matches!(status, 100..=199 | 204 | 304) => Framing::None,
            () if is_chunked => Framing::Chunked,
            () if has_length => Framing::Length,
            () => Framing::Close,
        }
    }
}

/// A reply: the status line, the fields in their order, and the decoded body.
///
/// `Debug` shows the bytes as they arrived, so that `assert_eq!(reply.status, 200, "{reply:?}")` explains
/// itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    /// The three digits.
    pub status: u16,
    /// The reason phrase.
    pub reason: String,
    /// `HTTP/1.1`.
    pub version: String,
    /// Field lines: the name as it was sent, and the value without the whitespace around it.
    pub fields: Vec<(String, String)>,
    /// The content, with the chunked coding removed.
    pub body: Vec<u8>,
    /// How the end of the body was found.
    pub framing: Framing,
    /// The trailer fields of a chunked body.
    pub trailers: Vec<(String, String)>,
    /// Every byte, undecoded.
    pub raw: Vec<u8>,
}

impl Reply {
    /// Parses a header section, from the status line to the empty line. The body is still empty.
    ///
    /// The parser is strict, to detect servers that send malformed header sections: CRLF only, no space
    /// before a colon, and no folding.
    pub(crate) fn parse_head(head: &[u8]) -> Result<Reply, WireError> {
        let bad = |what: &str| {
            WireError::new(Kind::Unexpected, format!("the response's header section has {what}"))
                .with_arrived(head)
        };
        let text = head.strip_suffix(b"\r\n\r\n").ok_or_else(|| bad("no empty line at its end"))?;
        // Field values may contain any byte from 0x80 on, but no test depends on its exact value.
        let text = String::from_utf8_lossy(text).into_owned();
        let mut lines = text.split("\r\n");
        let status_line = lines.next().unwrap_or_default();
        let (version, rest) = status_line.split_once(' ').ok_or_else(|| bad("no status line"))?;
        let (code, reason) =
            rest.split_once(' ').ok_or_else(|| bad("no space after the status code"))?;
        if version != "HTTP/1.1" && version != "HTTP/1.0" {
            return Err(bad("another version than HTTP/1.0 and HTTP/1.1"));
        }
        if code.len() != 3 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(bad("a status code that is not three digits"));
        }
        let status = code.parse().map_err(|_| bad("a bad status code"))?;
        Ok(Reply {
            status,
            reason: reason.to_string(),
            version: version.to_string(),
            fields: parse_fields(lines).map_err(|what| bad(&what))?,
            body: Vec::new(),
            framing: Framing::None,
            trailers: Vec::new(),
            raw: head.to_vec(),
        })
    }

    /// The value of the first field with this name, ignoring case.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields(name).next()
    }

    /// The values of all fields with this name, in their order.
    pub fn fields(&self, name: &str) -> impl Iterator<Item = &str> {
        self.fields
            .iter()
            .filter(move |(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Whether the list field `name` has `element`, ignoring case: `Connection: Keep-Alive, TE` has `te`.
    pub fn lists(&self, name: &str, element: &str) -> bool {
        self.fields(name)
            .flat_map(|value| value.split(','))
            .any(|item| item.trim().eq_ignore_ascii_case(element))
    }

    /// The body as text; a byte that is not UTF-8 becomes U+FFFD.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// Returns an error when the Content-Type is not JSON, or the body is not.
    pub fn json(&self) -> Result<serde_json::Value, WireError> {
        let unexpected =
            |message: String| WireError::new(Kind::Unexpected, message).with_arrived(&self.raw);
        let kind = self.field("content-type").unwrap_or("missing");
        if !kind.starts_with("application/json") {
            return Err(unexpected(format!("expected JSON, but the Content-Type is {kind}")));
        }
        serde_json::from_slice(&self.body)
            .map_err(|error| unexpected(format!("the body is not JSON: {error}")))
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escape::lines('<', &self.raw))
    }
}

/// Parses field lines strictly. The error describes the first invalid line.
pub(crate) fn parse_fields<'a>(
    lines: impl Iterator<Item = &'a str>,
) -> Result<Vec<(String, String)>, String> {
    let mut fields = Vec::new();
    for line in lines {
        let (name, value) = line
            .split_once(':')
            .ok_or_else(|| format!("a field line without a colon: {line:?}"))?;
        let is_token =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(format!("a field name that is not a token: {name:?}"));
        }
        if value.bytes().any(|byte| byte != b'\t' && (byte < b' ' || byte == 0x7f)) {
            return Err(format!("a control byte in the value of {name}"));
        }
        fields.push((name.to_string(), value.trim_matches([' ', '\t']).to_string()));
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_into_its_parts() {
        let reply = Reply::parse_head(
            b"HTTP/1.1 405 Method Not Allowed\r\nAllow: GET,  HEAD \r\nset-cookie: a\r\nSet-Cookie: b\r\n\r\n",
        )
        .unwrap();
        assert_eq!((reply.status, reply.reason.as_str()), (405, "Method Not Allowed"));
        assert_eq!(reply.field("allow"), Some("GET,  HEAD"));
        assert!(reply.lists("Allow", "head"));
        assert_eq!(reply.fields("Set-Cookie").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(reply.field("Date"), None);
        assert_eq!(Reply::parse_head(b"HTTP/1.1 200 \r\n\r\n").unwrap().reason, "");
    }

    #[test]
    fn a_head_that_a_server_must_not_send_is_an_error() {
        for head in [
            &b"HTTP/2 200 OK\r\n\r\n"[..],
            b"HTTP/1.1 20 OK\r\n\r\n",
            b"HTTP/1.1 200\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nA: b\nC: d\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n: b\r\n\r\n",
        ] {
            assert!(Reply::parse_head(head).is_err(), "{}", escape::escape(head));
        }
    }

    #[test]
    fn json_needs_its_media_type() {
        let mut reply =
            Reply::parse_head(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n").unwrap();
        reply.body = b"{}".to_vec();
        assert!(reply.json().unwrap_err().message().contains("text/plain"));
        reply.fields[0].1 = "application/json".to_string();
        assert!(reply.json().unwrap().is_object());
    }
}
