//! HANDLE: calls the application with a complete request, and turns a panic into a 500.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::context::Context;
use super::encoder::ResponseContext;
use super::handler::final_response;
use super::{HttpError, IntoResponse, Method, Request, Response, Status, header};

/// Returns the properties of a request that determine the framing of its response. The caller saves
/// them before it calls the application, because a handler may replace the request.
pub(super) fn response_context(request: &Request) -> ResponseContext {
    ResponseContext {
        version: request.version(),
        is_head: request.method() == Method::Head,
        keep_alive: request.wants_keep_alive(),
    }
}

/// Calls the application. A panic in it becomes a 500, and the connection stays open.
pub(super) fn call_handler(request: &mut Request, cx: Context<'_>) -> Response {
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

/// Returns whether a request is rejected because every worker is in a handler that blocks.
pub(super) fn is_shed(request: &Request, cx: Context<'_>) -> bool {
    let is_exempt = || cx.always.iter().any(|prefix| prefix.contains(request.target()));
    cx.sheds_load && !is_exempt()
}

/// Returns the response for a request whose `part` did not arrive before its deadline.
pub(super) fn request_timeout(part: &str) -> HttpError {
    let message = format!("the {part} of the request did not arrive in time");
    HttpError::new(Status::REQUEST_TIMEOUT, "request_timeout", message)
}

/// Returns the response for a request when there is no memory for its body or for its response.
pub(super) fn no_memory() -> HttpError {
    let message = "the server has no memory left for this; try again";
    HttpError::new(Status::SERVICE_UNAVAILABLE, "overloaded", message)
}
