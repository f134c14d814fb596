//! A panic boundary: a handler that panics, or returns an interim status, causes a 500.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Middleware, Next};
use crate::core::stderr::log_stderr;
use crate::http::handler::final_response;
use crate::http::{HttpError, IntoResponse, Request, Response};

/// A layer that turns a panic inside it into a 500 response, which the outer layers treat like any
/// other: it is logged and has its id. It also replaces a 1xx status, because the server would
/// replace it only after the outer layers.
///
/// The panic hook has already printed the message on standard error. The client does not get it,
/// because it may reveal internals. A log line with the request's id connects the response with
/// that message.
#[derive(Debug, Default, Clone, Copy)]
pub struct CatchPanic;

impl Middleware for CatchPanic {
    fn handle(&self, request: &mut Request, next: Next<'_>) -> Response {
        // The request is used again after the panic, but only the fields that were set
        // before the handler ran.
        let outcome = catch_unwind(AssertUnwindSafe(|| next.run(request)));
        let (id, method, target) =
            (request.id().unwrap_or("-"), request.method(), request.target().raw());
        let about = format_args!("request {id}: {method} {target}");
        let response = outcome.unwrap_or_else(|_| {
            log_stderr(format_args!("{about} panicked"));
            HttpError::internal().into_response()
        });
        final_response(response, about)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Handler, Method, Status};
    use crate::middleware::Chain;

    #[test]
    fn a_panic_and_an_interim_status_are_a_500_for_the_layers_outside() {
        let handlers: [fn(&mut Request) -> Status; 2] =
            [|_| panic!("this message is expected"), |_| Status::EARLY_HINTS];
        for handler in handlers {
            let chain = Chain::around(handler)
                .with(|request: &mut Request, next: Next<'_>| {
                    let response = next.run(request);
                    assert_eq!(response.status(), Status::INTERNAL_SERVER_ERROR);
                    response.with_status(Status::IM_A_TEAPOT)
                })
                .with(CatchPanic);
            let response = chain.handle(&mut Request::builder(Method::Get, "/").build());
            assert_eq!(response.status(), Status::IM_A_TEAPOT);
        }
    }
}
