//! HANDLE: from a complete request to the application, and back with its response.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::context::Context;
use super::encoder::ResponseContext;
use super::handler::final_response;
use super::{HttpError, IntoResponse, Method, Request, Response, Status, header};

/// How the response to a request is framed. The caller keeps it before the application gets the request, since a handler
/// may replace the request by another one.
pub(super) fn response_context(request: &Request) -> ResponseContext {
    ResponseContext {
        version: request.version(),
        is_head: request.method() == Method::Head,
        keep_alive: request.wants_keep_alive(),
    }
}

/// Calls the application. A panic in it becomes a 500, and the connection goes on.
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

/// Whether a request is rejected because every worker is in a handler that blocks.
pub(super) fn is_shed(request: &Request, cx: Context<'_>) -> bool {
    let is_exempt = || cx.always.iter().any(|prefix| prefix.contains(request.target()));
    cx.sheds_load && !is_exempt()
}

/// The response if there is no memory for the body of a request, or for the response to it. The budget counts it.
pub(super) fn no_memory(cx: Context<'_>) -> HttpError {
    cx.memory.count_rejection();
    let message = "the server has no memory left for this; try again";
    HttpError::new(Status::SERVICE_UNAVAILABLE, "overloaded", message)
}
