//! Requests that many rows are made from.

/// A POST to `/echo` with these field lines (CRLF between them, none at the end) and this body.
pub(super) fn post(fields: &str, body: &str) -> Vec<u8> {
    format!("POST /echo HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n{body}").into_bytes()
}

/// A GET of `/inspect` with these field lines and a Host.
pub(super) fn get(fields: &str) -> Vec<u8> {
    format!("GET /inspect HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n").into_bytes()
}
