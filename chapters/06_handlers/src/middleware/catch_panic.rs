//! A handler that panics is a 500 and no more.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Middleware, Next};
use crate::core::stderr::say;
use crate::http::{HttpError, IntoResponse, Request, Response, Status};

/// Turns a panic further inside into a response, so that the layers outside of it treat it like any other:
/// it is logged, and has its id.
///
/// The panic's own message has been printed to standard error by then, and the client is not told: it may
/// hold what is nobody's business. The line with the request's id leads from one to the other.
#[derive(Debug, Default, Clone, Copy)]
pub struct CatchPanic;

impl Middleware for CatchPanic {
    fn handle(&self, request: &mut Request, next: Next<'_>) -> Response {
        // The request is used again after the panic, but only what has been in it since before.
        catch_unwind(AssertUnwindSafe(|| next.run(request))).unwrap_or_else(|_| {
            let (method, path) = (request.method(), request.path());
            say(format_args!("request {}: {method} {path} panicked", request.id().unwrap_or("-")));
            let message = "the server made a mistake with this request";
            HttpError::new(Status::INTERNAL_SERVER_ERROR, "internal_error", message).into_response()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Handler, Method};
    use crate::middleware::Chain;

    #[test]
    fn a_panic_is_a_500_for_the_layers_outside() {
        let chain =
            Chain::around(|_: &mut Request| -> Status { panic!("this message is expected") })
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
