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

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use httpserver::{Limits, Server};
    use wire::Client;

    use super::*;

    #[test]
    fn a_client_that_sends_its_bytes_too_slowly_gets_408() {
        let config = crate::config("127.0.0.1:0".parse().unwrap()).unwrap();
        let limits = Limits { body_time: Duration::from_millis(300), ..config.limits };
        let server = Server::bind(config.addr).unwrap().with_limits(limits);
        let (handle, host) = (server.handle(), server.local_addr());
        let application = build(&config, &handle, None).unwrap();
        let start =
            format!("POST /labs/wire HTTP/1.1\r\nHost: {host}\r\nContent-Length: 3\r\n\r\na");
        let status = thread::scope(|scope| {
            scope.spawn(|| server.run(application));
            let mut client = Client::connect(host).unwrap();
            let reply = client.send(start).and_then(|()| client.read_reply());
            handle.shutdown();
            reply.unwrap().status
        });
        assert_eq!(status, 408);
    }
}
