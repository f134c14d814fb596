//! A handler that panics, or responds with an interim status, is a 500 and no more.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Middleware, Next};
use crate::core::stderr::log_stderr;
use crate::http::handler::final_response;
use crate::http::{HttpError, IntoResponse, Request, Response};

/// Turns a panic further inside into a response, so that the layers outside of it treat it like any other:
/// it is logged, and has its id. The same is done with a 1xx, which the server would replace too late for them.
///
/// The panic's own message has been printed to standard error by then, and the client is not told: it may
/// hold what is nobody's business. The line with the request's id leads from one to the other.
#[derive(Debug, Default, Clone, Copy)]
pub struct CatchPanic;

impl Middleware for CatchPanic {
    fn handle(&self, request: &mut Request, next: Next<'_>) -> Response {
        // The request is used again after the panic, but only what has been in it since before.
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
