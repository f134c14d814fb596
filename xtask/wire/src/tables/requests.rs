//! Requests that many rows are made from, and requirements for the replies to their steps.

use crate::{Kind, Reply, WireError};

/// A request with this method and target, such as `GET /`, and no body.
pub(super) fn plain(start: &str) -> Vec<u8> {
    format!("{start} HTTP/1.1\r\nHost: a\r\n\r\n").into_bytes()
}

/// A POST to `/echo` with these field lines (CRLF between them, none at the end) and this body.
pub(super) fn post(fields: &str, body: &str) -> Vec<u8> {
    format!("POST /echo HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n{body}").into_bytes()
}

/// A GET of `/inspect` with these field lines and a Host.
pub(super) fn get(fields: &str) -> Vec<u8> {
    format!("GET /inspect HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n").into_bytes()
}

/// Fails with `what` and the reply unless `holds`.
pub(super) fn expect(holds: bool, what: &str, reply: &Reply) -> Result<(), WireError> {
    if holds {
        Ok(())
    } else {
        Err(WireError::new(Kind::Unexpected, what).with_arrived(&reply.raw))
    }
}

/// Fails unless the reply has this status.
pub(super) fn expect_status(status: u16, reply: &Reply) -> Result<(), WireError> {
    expect(reply.status == status, &format!("expected {status}, got {}", reply.status), reply)
}
