//! Middleware: layers around the handlers, for work that many handlers share.
//!
//! A request passes through the layers from the outermost to the innermost, and its response in the
//! opposite order. A layer may change both, or respond itself and not call the layers inside it.

pub mod accept;
pub mod accept_encoding;
pub mod access_log;
pub mod basic_auth;
pub mod cache;
pub mod catch_panic;
pub mod compression;
pub mod cors;
pub mod gzip;
pub mod limit_store;
pub mod local_buckets;
pub mod log_format;
pub mod metrics;
pub mod origin;
pub mod rate_limit;
#[cfg_attr(not(feature = "redis"), path = "redis_absent.rs")]
pub mod redis_limit;
pub mod request_id;
pub mod status_handlers;
pub mod token_bucket;

pub use access_log::AccessLog;
pub use basic_auth::BasicAuth;
pub use cache::ResponseCache;
pub use catch_panic::CatchPanic;
pub use compression::Compression;
pub use cors::Cors;
pub use metrics::Metrics;
pub use rate_limit::RateLimit;
pub use request_id::RequestId;
pub use status_handlers::StatusHandlers;

use crate::http::{Handler, Request, Response};

/// A layer around a handler.
pub trait Middleware: Send + Sync + 'static {
    /// Handles the request, usually by calling `next.run(request)`, with work before or after it.
    fn handle(&self, request: &mut Request, next: Next<'_>) -> Response;
}

/// Every function with the same signature is a middleware.
impl<F> Middleware for F
where
    F: Fn(&mut Request, Next<'_>) -> Response + Send + Sync + 'static,
{
    fn handle(&self, request: &mut Request, next: Next<'_>) -> Response {
        self(request, next)
    }
}

/// The layers inside the current one, and the handler.
pub struct Next<'a> {
    rest: &'a [Box<dyn Middleware>],
    endpoint: &'a dyn Handler,
}

impl Next<'_> {
    /// Calls the remaining layers and the handler. A layer that does not call this must create the
    /// response itself. A second call does not compile, because the first one consumes `self`.
    pub fn run(self, request: &mut Request) -> Response {
        match self.rest {
            [] => self.endpoint.handle(request),
            [layer, rest @ ..] => layer.handle(request, Next { rest, endpoint: self.endpoint }),
        }
    }
}

/// A handler with layers around it, which is a handler too.
pub struct Chain {
    layers: Vec<Box<dyn Middleware>>,
    endpoint: Box<dyn Handler>,
}

impl Chain {
    /// Creates a chain that consists of a handler without layers.
    pub fn around(endpoint: impl Handler) -> Chain {
        Chain { layers: Vec::new(), endpoint: Box::new(endpoint) }
    }

    /// Adds a layer inside the previous ones, so the calls to `with` are in the order in which a
    /// request travels.
    pub fn with(mut self, layer: impl Middleware) -> Chain {
        self.layers.push(Box::new(layer));
        self
    }
}

impl Handler for Chain {
    fn handle(&self, request: &mut Request) -> Response {
        Next { rest: &self.layers, endpoint: self.endpoint.as_ref() }.run(request)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::http::{Method, Status};

    type Trace = Arc<Mutex<Vec<String>>>;

    /// Returns a layer that records when a request enters it and when its response leaves it.
    fn noting(trace: &Trace, name: &'static str) -> impl Middleware + use<> {
        let trace = Arc::clone(trace);
        move |request: &mut Request, next: Next<'_>| {
            trace.lock().unwrap().push(format!("> {name}"));
            let response = next.run(request);
            trace.lock().unwrap().push(format!("< {name}"));
            response
        }
    }

    fn get(handler: &impl Handler) -> u16 {
        handler.handle(&mut Request::builder(Method::Get, "/").build()).status().code()
    }

    #[test]
    fn the_first_layer_is_entered_first_and_left_last() {
        let trace = Trace::default();
        let chain = Chain::around(|_: &mut Request| Status::NO_CONTENT)
            .with(noting(&trace, "a"))
            .with(noting(&trace, "b"));
        assert_eq!(get(&chain), 204);
        assert_eq!(*trace.lock().unwrap(), ["> a", "> b", "< b", "< a"]);
    }

    #[test]
    fn a_layer_that_responds_itself_skips_the_inner_layers() {
        let trace = Trace::default();
        let chain = Chain::around(|_: &mut Request| -> Status { panic!("not reached") })
            .with(noting(&trace, "a"))
            .with(|_: &mut Request, _: Next<'_>| Response::new(Status::FORBIDDEN))
            .with(noting(&trace, "b"));
        assert_eq!(get(&chain), 403);
        assert_eq!(*trace.lock().unwrap(), ["> a", "< a"]);
    }

    #[test]
    fn a_chain_is_a_handler_so_chains_nest() {
        let trace = Trace::default();
        let inner = Chain::around(|_: &mut Request| Status::OK).with(noting(&trace, "inner"));
        assert_eq!(get(&Chain::around(inner).with(noting(&trace, "outer"))), 200);
        assert_eq!(*trace.lock().unwrap(), ["> outer", "> inner", "< inner", "< outer"]);
    }

    #[test]
    fn a_chain_serves_many_requests() {
        let chain = Chain::around(|_: &mut Request| Status::OK).with(
            |request: &mut Request, next: Next<'_>| next.run(request).with_status(Status::ACCEPTED),
        );
        assert_eq!((get(&chain), get(&chain)), (202, 202));
    }
}
