//! `Expect: 100-continue`: a client that waits for a response before it sends a body (RFC 9110 section 10.1.1).

use super::framing::BodyLength;
use super::parser::Head;
use super::{HttpError, Status, Version, header};

/// The interim response that such a client waits for.
pub(super) const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Whether the client waits for [`CONTINUE`] before it sends the body.
///
/// # Errors
/// 417 for any other expectation.
#[inline]
pub(super) fn expects_continue(head: &Head) -> Result<bool, HttpError> {
    // Hardly any request has the field, so only this check is inlined.
    if head.headers.contains(header::EXPECT) { expectation(head) } else { Ok(false) }
}

fn expectation(head: &Head) -> Result<bool, HttpError> {
    let mut expectations = head.headers.list(header::EXPECT).peekable();
    // HTTP/1.0 has no interim responses, so the field is ignored there.
    if head.version == Version::Http10 || expectations.peek().is_none() {
        return Ok(false);
    }
    if expectations.any(|expectation| !expectation.eq_ignore_ascii_case("100-continue")) {
        return Err(unmet_expectation());
    }
    Ok(head.body_length != BodyLength::Fixed(0))
}

/// The response to an expectation other than `100-continue`.
fn unmet_expectation() -> HttpError {
    let message = "the only expectation that can be met is 100-continue";
    HttpError::new(Status::EXPECTATION_FAILED, "expectation_failed", message)
}
