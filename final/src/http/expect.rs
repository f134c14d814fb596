//! `Expect: 100-continue`: the client waits for an interim response before it sends the body (RFC
//! 9110 section 10.1.1).

use super::framing::BodyLength;
use super::parser::Head;
use super::{HttpError, Status, Version, header};

/// The interim response that the client waits for.
pub(super) const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Returns whether the client waits for [`CONTINUE`] before it sends the body.
///
/// # Errors
/// Returns a 417 for any other expectation.
pub(super) fn expects_continue(head: &Head) -> Result<bool, HttpError> {
    let mut expectations = head.headers.list(header::EXPECT).peekable();
    // HTTP/1.0 has no interim responses, so the field is ignored in that version.
    if head.version == Version::Http10 || expectations.peek().is_none() {
        return Ok(false);
    }
    if expectations.any(|expectation| !expectation.eq_ignore_ascii_case("100-continue")) {
        let message = "the only supported expectation is 100-continue";
        return Err(HttpError::new(Status::EXPECTATION_FAILED, "expectation_failed", message));
    }
    Ok(head.body_length != BodyLength::Fixed(0))
}
