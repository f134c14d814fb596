//! The application: the demonstration of `final`, with the routes of the labs and the book.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use httpserver::http::router::BuildError;
use httpserver::http::{Handler, Method, Request, Router};
use httpserver::middleware::log_format::LogFormat;
use httpserver::middleware::{AccessLog, Chain};
use httpserver::{Config, ServerHandle, app};

use crate::endpoint;

/// The application for a server that is already bound: a lab's `Host` must have its port.
///
/// # Errors
/// Returns the errors of [`app::build`], and an error when `book` is not a directory.
pub(crate) fn build(
    config: &Config,
    server: &ServerHandle,
    book: Option<&Path>,
) -> anyhow::Result<Chain> {
    let log = AccessLog::new(LogFormat::Common);
    log.set_format(config.log);
    let mut paths = BTreeSet::new();
    let demonstration = app::build_with(config, server.clone(), &log, |router| {
        endpoint::routes(router, config, server.local_addr());
        paths = router.list().map(|(_, path)| path.to_string()).collect();
    })?;
    let Some(folder) = book else { return Ok(demonstration) };
    let files = Config { files_only: true, root: Some(folder.to_path_buf()), ..config.clone() };
    let book = app::build(&files, server.clone(), &log)?;
    Ok(beside(&paths, demonstration, book)?)
}

/// Routes `paths`, which are patterns, to the demonstration, and all other paths to the book.
///
/// # Errors
/// Returns an error when a pattern is invalid.
fn beside(
    paths: &BTreeSet<String>,
    demonstration: Chain,
    book: Chain,
) -> Result<Chain, BuildError> {
    let mut router = Router::new();
    let demonstration: Arc<dyn Handler> = Arc::new(demonstration);
    // At `/` the book replaces the demonstration's welcome page.
    for path in paths.iter().filter(|path| *path != "/") {
        every_method(&mut router, path, &demonstration);
    }
    let book: Arc<dyn Handler> = Arc::new(book);
    for path in ["/", "/*path"] {
        every_method(&mut router, path, &book);
    }
    Ok(Chain::around(router.build()?))
}

/// Routes a path for every method, because the application behind it has its own table of methods.
fn every_method(router: &mut Router, path: &str, handler: &Arc<dyn Handler>) {
    let shared = Arc::clone(handler);
    router.any(path, move |request: &mut Request| shared.handle(request));
    let shared = Arc::clone(handler);
    router.route(Method::Options, path, move |request: &mut Request| shared.handle(request));
}
