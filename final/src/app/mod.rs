//! The application that is built with the server: its paths and their handlers.

mod admin;
mod book;
mod counter;
mod demo;
mod effects;
mod gauges;
mod inspect;
mod pages;
mod probes;
mod time;
mod too_many;
mod upload;
mod users;

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::Context;

use crate::Config;
use crate::ServerHandle;
use crate::core::MemoryBudget;
use crate::core::stderr::log_stderr;
use crate::handlers::StaticFiles;
use crate::handlers::static_files::caching::Caching;
use crate::http::conditional::{IF_MATCH, IF_NONE_MATCH};
use crate::http::routes::Routes;
use crate::http::{HeaderName, HeaderValue, Method, Request, Response, Router, Status, header};
use crate::labs;
use crate::middleware::cors::Policy;
use crate::middleware::request_id::{X_REQUEST_ID, reject_invalid};
use crate::middleware::{
    AccessLog, CatchPanic, Chain, Compression, Cors, Metrics, Next, RequestId, ResponseCache,
    StatusHandlers,
};
use effects::Effects;

/// The files that are served when no folder is given: `public/` beside this program's source.
const DEMONSTRATION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/public");

/// The application, as one handler.
///
/// # Errors
/// When two routes conflict, the CORS policy is invalid, or the directory of static files does not exist.
pub fn build(config: &Config, server: ServerHandle, log: &AccessLog) -> anyhow::Result<Chain> {
    let (metrics, memory) = (Metrics::new(), server.memory().clone());
    let router = routes(config, Some((server, log)), &metrics, &Effects::Real)?;
    let log = Some(log);
    if config.files_only {
        warn_of_shadows(config);
        return Ok(files_alone(router.build()?, log, Some(metrics)));
    }
    let paths = router.list().map(|(_, path)| path.to_string()).collect();
    let demonstration = layers(router.build()?, log, metrics, memory, &Effects::Real)?;
    let Some(folder) = &config.book else { return Ok(demonstration) };
    let mut router = Router::new();
    files(config, folder)?.routes(&mut router, "");
    Ok(book::beside(&paths, demonstration, files_alone(router.build()?, log, None))?)
}

/// The application for a lab: nothing that happens in it is felt outside. It has no log, nobody else's users, and
/// time that handlers pretend to sleep is counted in `slept`.
pub(crate) fn pretended(config: &Config, slept: Arc<AtomicU64>) -> anyhow::Result<Chain> {
    let config = Config { files_only: false, labs: false, log: None, ..config.clone() };
    let (metrics, effects) = (Metrics::new(), Effects::Pretended(slept));
    let routes = routes(&config, None, &metrics, &effects)?.build()?;
    layers(routes, None, metrics, MemoryBudget::default(), &effects)
}

fn files_alone(routes: Routes, log: Option<&AccessLog>, metrics: Option<Metrics>) -> Chain {
    let chain = logged(Chain::around(routes).with(RequestId::new()), log);
    let chain = match metrics {
        Some(metrics) => chain.with(metrics),
        None => chain,
    };
    chain.with(no_sniff).with(reject_invalid).with(Compression).with(CatchPanic)
}

fn layers(
    routes: Routes,
    log: Option<&AccessLog>,
    metrics: Metrics,
    memory: MemoryBudget,
    effects: &Effects,
) -> anyhow::Result<Chain> {
    // From the outside in. Who answers further inside is seen by all who are further outside: so a panic
    // becomes an answer that is compressed, gets its CORS fields, is logged, and has an id. All that may reject a
    // request stands inside of what every response needs.
    let chain = logged(Chain::around(routes).with(RequestId::new()), log)
        .with(metrics)
        .with(StatusHandlers::new().on_status(Status::TOO_MANY_REQUESTS, too_many::explain))
        .with(no_sniff)
        .with(Cors::new(policy())?)
        .with(reject_invalid)
        .with(admin::auth()?)
        // The files are a store of their own, and one that notices changes.
        .with(ResponseCache::within(memory).except("/static"))
        .with(Compression);
    Ok(match effects {
        Effects::Real => chain.with(CatchPanic),
        Effects::Pretended(_) => chain.with(effects::catch_silently),
    })
}

fn logged(chain: Chain, log: Option<&AccessLog>) -> Chain {
    match log {
        Some(log) => chain.with(log.clone().skipping("/favicon.ico").skipping("/health/live")),
        None => chain,
    }
}

/// Prints the routes, a line each.
///
/// # Errors
/// As [`build`].
pub fn print_routes(config: &Config) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    for (methods, path) in routes(config, None, &Metrics::new(), &Effects::Real)?.list() {
        match writeln!(out, "{:<7} {path}", methods.to_string()) {
            // Whoever reads has seen enough: `--print-routes | head`.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => break,
            written => written.context("cannot write to standard output")?,
        }
    }
    Ok(())
}

fn routes(
    config: &Config,
    running: Option<(ServerHandle, &AccessLog)>,
    metrics: &Metrics,
    effects: &Effects,
) -> anyhow::Result<Router> {
    let folder = config.root.as_deref().unwrap_or(Path::new(DEMONSTRATION));
    let files = files(config, folder)?;
    let mut router = Router::new();
    if config.files_only {
        files.routes(&mut router, "");
        operators_pages(&mut router, folder, running, metrics);
        return Ok(router);
    }
    router.any("/inspect", inspect::show);
    router.post("/echo", pages::echo);
    router.put("/echo", pages::echo);
    router.post("/upload", upload::upload);
    router.get("/hello/:name", pages::hello);
    router.get("/files/*path", pages::files);
    router.get("/empty", |_: &mut Request| Status::NO_CONTENT);
    users::routes(&mut router);
    router.get("/api/time", time::show);
    demo::routes(&mut router, effects);
    admin::routes(&mut router);
    counter::routes(&mut router, effects);
    files.routes(&mut router, "/static");
    if config.labs {
        let address = running.as_ref().map_or(config.addr, |(server, _)| server.local_addr());
        labs::routes(&mut router, config, address);
    }
    operators_pages(&mut router, folder, running, metrics);
    let welcome = pages::welcome(&router);
    router.get("/", welcome);
    Ok(router)
}

/// Paths that are the server's own, also when it serves nothing but files.
const RESERVED: [&str; 2] = ["health", "metrics"];

/// What the server is asked for by those who run it: its health and its numbers.
fn operators_pages(
    router: &mut Router,
    folder: &Path,
    running: Option<(ServerHandle, &AccessLog)>,
    metrics: &Metrics,
) {
    match &running {
        Some((server, log)) => {
            let (server, log) = (server.clone(), (*log).clone());
            metrics.routes_with(router, move || {
                gauges::families(&server) + &gauges::log(log.dropped())
            });
        }
        None => metrics.routes(router),
    }
    let server = running.map(|(server, _)| server);
    let is_stopping = move || server.as_ref().is_some_and(ServerHandle::is_stopping);
    probes::health(folder, is_stopping).routes(router);
}

/// A file that is never served because its path is reserved must not be missed in silence.
fn warn_of_shadows(config: &Config) {
    let files = RESERVED.iter().filter_map(|name| Some(config.root.as_ref()?.join(name)));
    for file in files.filter(|file| file.exists()) {
        log_stderr(format_args!("{} is not served: its path is the server's own", file.display()));
    }
}

fn files(config: &Config, folder: &Path) -> anyhow::Result<StaticFiles> {
    let files = StaticFiles::new(folder)
        .with_context(|| format!("cannot serve files from {}", folder.display()))?
        .with_caching(Caching::for_at_most(config.max_age));
    Ok(if config.listings { files.with_listings() } else { files })
}

/// Pages served on port 3000 of this machine may read all responses.
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

/// A layer can be a function. This one tells browsers to trust our Content-Type instead of guessing, so that text
/// uploaded by a user cannot become a page with scripts.
fn no_sniff(request: &mut Request, next: Next<'_>) -> Response {
    next.run(request)
        .with_header(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"))
}
