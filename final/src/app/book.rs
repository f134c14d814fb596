//! The book at `/`, beside the demonstration: a lab on a page can then ask the server that the page came from.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::http::router::BuildError;
use crate::http::{Handler, Method, Request, Router};
use crate::middleware::Chain;

/// Answers `paths`, which are patterns, with the demonstration, and everything else with the book.
///
/// # Errors
/// When a pattern is none.
pub(super) fn beside(
    paths: &BTreeSet<String>,
    demonstration: Chain,
    book: Chain,
) -> Result<Chain, BuildError> {
    let mut router = Router::new();
    let demonstration: Arc<dyn Handler> = Arc::new(demonstration);
    // Its page of welcome makes room for the book's.
    for path in paths.iter().filter(|path| *path != "/") {
        answer_all(&mut router, path, &demonstration);
    }
    let book: Arc<dyn Handler> = Arc::new(book);
    for path in ["/", "/*path"] {
        answer_all(&mut router, path, &book);
    }
    Ok(Chain::around(router.build()?))
}

/// With whatever method: which there are, the table of routes further inside knows.
fn answer_all(router: &mut Router, path: &str, handler: &Arc<dyn Handler>) {
    let shared = Arc::clone(handler);
    router.any(path, move |request: &mut Request| shared.handle(request));
    let shared = Arc::clone(handler);
    router.route(Method::Options, path, move |request: &mut Request| shared.handle(request));
}
