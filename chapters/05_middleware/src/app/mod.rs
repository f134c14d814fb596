//! The application that is built with the server: its paths and their handlers.

mod demo;
mod inspect;
mod pages;
mod users;

use std::time::Duration;

use crate::Arguments;
use crate::http::{HeaderName, HeaderValue, Method, Request, Response, Router, Status, header};
use crate::middleware::cors::Policy;
use crate::middleware::request_id::X_REQUEST_ID;
use crate::middleware::{AccessLog, CatchPanic, Chain, Compression, Cors, Next, RequestId};

/// Builds the application as one handler.
///
/// # Errors
/// Returns an error when two routes conflict, or the CORS policy is invalid.
pub fn build(arguments: &Arguments) -> anyhow::Result<Chain> {
    let mut router = Router::new();
    router.any("/inspect", inspect::show);
    router.post("/echo", pages::echo);
    router.put("/echo", pages::echo);
    router.get("/hello/:name", pages::hello);
    router.get("/files/*path", pages::files);
    router.get("/empty", |_: &mut Request| Status::NO_CONTENT);
    users::routes(&mut router);
    demo::routes(&mut router);
    let welcome = pages::welcome(&router);
    router.get("/", welcome);
    // The layers are in order from the outermost to the innermost. Each layer processes the
    // responses of all layers inside it: a panic becomes a response that is compressed, gets its
    // CORS fields, is logged, and has an id.
    Ok(Chain::around(router.build()?)
        .with(RequestId::new())
        .with(AccessLog::new(arguments.log).skipping("/favicon.ico"))
        .with(no_sniff)
        .with(Cors::new(policy())?)
        .with(Compression)
        .with(CatchPanic))
}

/// Returns the CORS policy: pages served on port 3000 of this machine may read all responses.
fn policy() -> Policy {
    Policy {
        origins: vec!["http://localhost:3000".to_string(), "http://127.0.0.1:3000".to_string()],
        methods: vec![Method::Put, Method::Delete],
        request_headers: vec![header::CONTENT_TYPE, X_REQUEST_ID],
        exposed_headers: vec![X_REQUEST_ID, header::LOCATION, header::RETRY_AFTER]
            .into_iter()
            .chain(
                ["RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"]
                    .map(HeaderName::from_static),
            )
            .collect(),
        credentials: false,
        max_age: Duration::from_secs(600),
    }
}

/// Makes browsers use the Content-Type instead of a guess, so that text uploaded by a user cannot
/// become a page with scripts. A function such as this one can be a layer.
fn no_sniff(request: &mut Request, next: Next<'_>) -> Response {
    next.run(request)
        .with_header(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"))
}
