//! A server for measuring: few routes, no log. `cargo run --release -p final --example bench -- ADDRESS [FOLDER]`.
//!
//! `BENCH_ROUTES=N` and `BENCH_LOG=FILE` are for `cargo xtask bench`: the number of routes, and an access log.

use std::fs::File;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::Context;
use httpserver::Server;
use httpserver::core::blocking;
use httpserver::core::signals::on_stop;
use httpserver::core::stdout::announce;
use httpserver::handlers::StaticFiles;
use httpserver::http::limits::Limits;
use httpserver::http::{HttpError, Request, Response, Router};
use httpserver::middleware::log_format::LogFormat;
use httpserver::middleware::{AccessLog, Chain};
use httpserver::server::predict_blocking;
use serde_json::json;

/// How long a handler sleeps that simulates a blocking call.
const SLEEP: Duration = Duration::from_millis(50);

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().context("usage: bench ADDRESS [FOLDER]")?;
    let address = address.parse().with_context(|| format!("`{address}` is not IP:PORT"))?;

    let mut router = Router::new();
    router.get("/", |_: &mut Request| "Hello, World!");
    router.get("/json/:id<u64>", item);
    router.get("/sleep", |_: &mut Request| {
        thread::sleep(SLEEP);
        "slept"
    });
    router.get("/sleep/told", |_: &mut Request| {
        blocking(|| thread::sleep(SLEEP));
        "slept"
    });
    // Other routes, among which the router has to find the right one. Every second one has a
    // parameter.
    let routes = std::env::var("BENCH_ROUTES").unwrap_or_else(|_| "0".to_string());
    for other in 1..routes.parse::<u32>().context("BENCH_ROUTES is not a number")? {
        match other % 2 {
            0 => router.get(&format!("/json{other}/:id<u64>"), item),
            _ => router.get(&format!("/json{other}"), |_: &mut Request| "Hello, World!"),
        };
    }
    if let Some(folder) = arguments.next() {
        let files = StaticFiles::new(Path::new(&folder));
        let files = files.with_context(|| format!("cannot serve files from {folder}"))?;
        files.routes(&mut router, "/static");
    }
    let server = Server::bind(address).with_context(|| format!("cannot listen on {address}"))?;
    // The number of requests on a connection is unlimited, as with the servers it is compared with, which have
    // a setting or no limit.
    let server = server.with_limits(Limits { requests: usize::MAX, ..Limits::default() });
    let stop = server.handle();
    on_stop(move || stop.shutdown())?;
    announce(format_args!("listening on http://{}", server.local_addr()));
    let routes = router.build()?.wrap_each(predict_blocking);
    match std::env::var_os("BENCH_LOG") {
        None => server.run(routes)?,
        Some(path) => {
            let file = File::options().append(true).create(true).open(path)?;
            server.run(Chain::around(routes).with(AccessLog::to(LogFormat::Common, file)))?
        }
    };
    Ok(())
}

fn item(request: &mut Request) -> Result<Response, HttpError> {
    let id: u64 = request.parse_param("id")?;
    Ok(Response::json(&json!({ "id": id, "name": "Ada", "tags": ["a", "b"] })))
}
