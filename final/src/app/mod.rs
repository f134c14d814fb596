//! The application that is built with the server: its paths and their handlers.

mod admin;
mod counter;
mod demo;
mod gauges;
mod inspect;
mod pages;
mod probes;
mod sleep;
mod time;
mod too_many;
mod upload;
mod users;

use std::path::Path;
use std::time::Duration;

use anyhow::Context;

use crate::Config;
use crate::ServerHandle;
use crate::core::MemoryBudget;
use crate::core::stderr::log_stderr;
use crate::handlers::StaticFiles;
use crate::handlers::static_files::caching::Caching;
use crate::http::conditional::{IF_MATCH, IF_NONE_MATCH};
use crate::http::router::BuildError;
use crate::http::routes::{MethodFilter, Routes};
use crate::http::{HeaderName, HeaderValue, Method, Request, Response, Router, Status, header};
use crate::middleware::cors::Policy;
use crate::middleware::redis_limit::RedisStore;
use crate::middleware::request_id::{X_REQUEST_ID, reject_invalid};
use crate::middleware::{
    AccessLog, CatchPanic, Chain, Compression, Cors, Metrics, Middleware, Next, RequestId,
    ResponseCache, StatusHandlers,
};
use crate::server::predict_blocking;
pub use sleep::Sleep;

/// The files that are served when no directory is configured: `public/` beside this program's
/// source.
const DEMONSTRATION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/public");

/// Builds the application as one handler.
///
/// # Errors
/// Returns an error when two routes conflict, the CORS policy is invalid, or the directory of
/// static files does not exist.
pub fn build(config: &Config, server: ServerHandle, log: &AccessLog) -> anyhow::Result<Chain> {
    build_with(config, server, log, |_| {})
}

/// Builds the application with additional routes under the same layers. `add` is called with the
/// router that already has all routes of the demonstration.
///
/// # Errors
/// Returns the same errors as [`build`].
pub fn build_with(
    config: &Config,
    server: ServerHandle,
    log: &AccessLog,
    add: impl FnOnce(&mut Router),
) -> anyhow::Result<Chain> {
    let (metrics, memory) = (Metrics::new(), server.memory().clone());
    let mut router = routes(config, Some((server, log)), &metrics, &sleep::real())?;
    add(&mut router);
    let (routes, log) = (build_routes(router)?, Some(log));
    if config.files_only {
        warn_of_shadows(config);
        return Ok(files_alone(routes, log, metrics));
    }
    layers(routes, log, metrics, memory, CatchPanic)
}

/// Builds the table of routes. Each handler may block, and gets its own blocking predictor.
fn build_routes(router: Router) -> Result<Routes, BuildError> {
    Ok(router.build()?.wrap_each(predict_blocking))
}

/// Builds the demonstration without a server around it, for a program that tries requests on it. It
/// writes no log, and it has separate users, counters and a separate memory budget.
/// `panic_boundary` replaces [`CatchPanic`], which writes to standard error.
///
/// # Errors
/// Returns the same errors as [`build`].
pub fn isolated(
    config: &Config,
    sleep: &Sleep,
    panic_boundary: impl Middleware,
) -> anyhow::Result<Chain> {
    let metrics = Metrics::new();
    let routes = build_routes(routes(config, None, &metrics, sleep)?)?;
    layers(routes, None, metrics, MemoryBudget::default(), panic_boundary)
}

fn files_alone(routes: Routes, log: Option<&AccessLog>, metrics: Metrics) -> Chain {
    let chain = logged(Chain::around(routes).with(RequestId::new()), log).with(metrics);
    chain.with(no_sniff).with(reject_invalid).with(Compression).with(CatchPanic)
}

fn layers(
    routes: Routes,
    log: Option<&AccessLog>,
    metrics: Metrics,
    memory: MemoryBudget,
    panic_boundary: impl Middleware,
) -> anyhow::Result<Chain> {
    // The layers are listed from the outside in. A response passes through every layer outside of
    // the one that made it, so the response to a panic is compressed, gets its CORS fields, is
    // logged, and has an id. All layers that may reject a request are inside of the layers that
    // every response needs.
    let chain = logged(Chain::around(routes).with(RequestId::new()), log)
        .with(metrics)
        .with(StatusHandlers::new().on_status(Status::TOO_MANY_REQUESTS, too_many::explain))
        .with(no_sniff)
        .with(Cors::new(policy())?)
        .with(reject_invalid)
        .with(admin::auth()?)
        // The static files have their own cache, which detects changes to the files.
        .with(ResponseCache::within(memory).except("/static"))
        .with(Compression)
        .with(panic_boundary);
    Ok(chain)
}

fn logged(chain: Chain, log: Option<&AccessLog>) -> Chain {
    match log {
        Some(log) => chain.with(log.clone().skipping("/favicon.ico").skipping("/health/live")),
        None => chain,
    }
}

/// Returns the list of the routes, one per line.
///
/// # Errors
/// Returns the same errors as [`build`].
pub fn list_routes(config: &Config) -> anyhow::Result<String> {
    let router = routes(config, None, &Metrics::new(), &sleep::real())?;
    let line =
        |(methods, path): (MethodFilter, &str)| format!("{:<7} {path}\n", methods.to_string());
    Ok(router.list().map(line).collect())
}

fn routes(
    config: &Config,
    running: Option<(ServerHandle, &AccessLog)>,
    metrics: &Metrics,
    sleep: &Sleep,
) -> anyhow::Result<Router> {
    let folder = config.root.as_deref().unwrap_or(Path::new(DEMONSTRATION));
    let files = files(config, folder)?;
    let mut router = Router::new();
    if config.files_only {
        files.routes(&mut router, "");
        operators_pages(&mut router, folder, running, metrics, None);
        return Ok(router);
    }
    let store = config.rate_limit.as_ref().map(RedisStore::open).transpose()?;
    router.any("/inspect", inspect::show);
    router.post("/echo", pages::echo);
    router.put("/echo", pages::echo);
    router.post("/upload", upload::upload);
    router.get("/hello/:name", pages::hello);
    router.get("/files/*path", pages::files);
    router.get("/empty", |_: &mut Request| Status::NO_CONTENT);
    users::routes(&mut router);
    router.get("/api/time", time::show);
    demo::routes(&mut router, sleep, store.as_ref())?;
    admin::routes(&mut router);
    counter::routes(&mut router, sleep);
    files.routes(&mut router, "/static");
    operators_pages(&mut router, folder, running, metrics, store);
    let welcome = pages::welcome(&router);
    router.get("/", welcome);
    Ok(router)
}

/// The first segments of the server's own paths, which it serves even if it serves nothing else but
/// files.
const RESERVED: [&str; 2] = ["health", "metrics"];

/// Adds the pages for operators: health checks and metrics.
fn operators_pages(
    router: &mut Router,
    folder: &Path,
    running: Option<(ServerHandle, &AccessLog)>,
    metrics: &Metrics,
    store: Option<RedisStore>,
) {
    match &running {
        Some((server, log)) => {
            let (server, log) = (server.clone(), (*log).clone());
            metrics.routes_with(router, move || {
                let store = store.as_ref().map(RedisStore::metrics).unwrap_or_default();
                gauges::families(&server) + &gauges::log(log.dropped()) + &store
            });
        }
        None => metrics.routes(router),
    }
    let server = running.map(|(server, _)| server);
    let is_stopping = move || server.as_ref().is_some_and(ServerHandle::is_stopping);
    probes::health(folder, is_stopping).routes(router);
}

/// Warns of files that are never served because their paths are reserved.
fn warn_of_shadows(config: &Config) {
    let files = RESERVED.iter().filter_map(|name| Some(config.root.as_ref()?.join(name)));
    for file in files.filter(|file| file.exists()) {
        log_stderr(format_args!("{} is not served: the server reserves its path", file.display()));
    }
}

fn files(config: &Config, folder: &Path) -> anyhow::Result<StaticFiles> {
    let files = StaticFiles::new(folder)
        .with_context(|| format!("cannot serve files from {}", folder.display()))?
        .with_caching(Caching::for_at_most(config.max_age));
    Ok(if config.listings { files.with_listings() } else { files })
}

/// Returns the CORS policy: pages served on port 3000 of this machine may read all responses.
fn policy() -> Policy {
    Policy {
        origins: vec!["http://localhost:3000".to_string(), "http://127.0.0.1:3000".to_string()],
        methods: vec![Method::Put, Method::Delete],
        request_headers: vec![header::CONTENT_TYPE, X_REQUEST_ID, IF_MATCH, IF_NONE_MATCH],
        exposed_headers: vec![X_REQUEST_ID, header::ETAG, header::LOCATION, header::RETRY_AFTER]
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
