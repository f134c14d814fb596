//! A separate blocking predictor for each route.

use std::sync::Arc;

use crate::core::BlockingPredictor;
use crate::http::{Handler, Request, Response};

/// A handler that runs without its thread's permit while it is expected to block.
struct Predicted {
    predictor: BlockingPredictor,
    handler: Arc<dyn Handler>,
}

/// Wraps a handler that may block, so that it delays other requests only when it blocks
/// unexpectedly. The function is meant for
/// [`Routes::wrap_each`](crate::http::routes::Routes::wrap_each).
pub fn predict_blocking(handler: Arc<dyn Handler>) -> Arc<dyn Handler> {
    Arc::new(Predicted { predictor: BlockingPredictor::default(), handler })
}

impl Handler for Predicted {
    fn handle(&self, request: &mut Request) -> Response {
        self.predictor.run(|| self.handler.handle(request))
    }
}
