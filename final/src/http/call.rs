//! HANDLE: from a complete request to the application, and what is to be known before.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::context::Context;
use super::encoder::ResponseContext;
use super::framing::BodyLength;
use super::handler::final_response;
use super::parser::Head;
use super::{HttpError, IntoResponse, Method, Request, Response, Status, Version, header};

/// How the response to a request is framed. It is noted before the application gets the request: a handler may change
/// it, or put another one in its place.
pub(super) fn response_context(request: &Request) -> ResponseContext {
    ResponseContext {
        version: request.version(),
        is_head: request.method() == Method::Head,
        keep_alive: request.wants_keep_alive(),
    }
}

/// Lets the application answer. A panic in it costs this one answer and nothing else.
pub(super) fn respond(request: &mut Request, cx: Context<'_>) -> Response {
    if is_shed(request, cx) {
        let message = "all threads are busy; try again";
        return HttpError::new(Status::SERVICE_UNAVAILABLE, "overloaded", message)
            .into_response()
            .with_header(header::RETRY_AFTER, 1u64.into());
    }
    let response = catch_unwind(AssertUnwindSafe(|| cx.handler.handle(request)))
        .unwrap_or_else(|_| HttpError::internal().into_response());
    final_response(response, format_args!("{} {}", request.method(), request.target().raw()))
}

/// Whether a request is rejected because every thread is in a handler.
pub(super) fn is_shed(request: &Request, cx: Context<'_>) -> bool {
    let is_exempt = || cx.always.iter().any(|prefix| prefix.contains(request.target()));
    cx.sheds_load && !is_exempt()
}

/// The response when there is no memory left for a body, or for the response to it.
pub(super) fn no_memory(cx: Context<'_>) -> HttpError {
    cx.memory.count_rejection();
    let message = "the server has no memory left for this; try again";
    HttpError::new(Status::SERVICE_UNAVAILABLE, "overloaded", message)
}

/// Whether the client waits for our word before it sends the body (RFC 9110 section 10.1.1).
#[inline]
pub(super) fn expects_continue(head: &Head) -> Result<bool, HttpError> {
    // Nearly nobody does.
    if head.headers.contains(header::EXPECT) { expectation(head) } else { Ok(false) }
}

fn expectation(head: &Head) -> Result<bool, HttpError> {
    let mut expectations = head.headers.list(header::EXPECT).peekable();
    if head.version == Version::Http10 || expectations.peek().is_none() {
        return Ok(false);
    }
    if expectations.any(|expectation| !expectation.eq_ignore_ascii_case("100-continue")) {
        return Err(unmet_expectation());
    }
    Ok(head.body_length != BodyLength::Fixed(0))
}

/// What is said of every other expectation.
fn unmet_expectation() -> HttpError {
    let message = "the only expectation that can be met is 100-continue";
    HttpError::new(Status::EXPECTATION_FAILED, "expectation_failed", message)
}
