//! Step 28: a path is resolved first, with its links, and must still be inside the directory.

use std::env;
use std::fs::{self, File};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use ch05_middleware::Server;
use ch05_middleware::core::signals::on_stop;
use ch05_middleware::http::{HttpError, Request, Response, Router, Status, extract, mime};
use ch05_middleware::middleware::{CatchPanic, Chain};

/// Set by the signal that stops the server.
static DRAINS: AtomicBool = AtomicBool::new(false);

fn main() -> anyhow::Result<()> {
    let address = env::args().skip(1).rfind(|word| word.contains(':'));
    let address = address.unwrap_or("127.0.0.1:8080".to_string());
    let directory = env::args().skip(1).find(|word| !word.contains(':'));
    let server = Server::bind(address.parse()?)?;
    let stop = server.handle();
    // Not ready first: no probe may get "ready" once the stop has begun.
    on_stop(move || {
        DRAINS.store(true, Ordering::SeqCst);
        stop.shutdown();
    })?;
    println!("listening on http://{}", server.local_addr());
    let mut router = Router::new();
    // Liveness checks nothing else: if this probe fails, the platform kills the process.
    router.get("/health/live", |_: &mut Request| "alive\n");
    router.get("/health/ready", ready);
    router.get("/slow", slow);
    // Without links itself, so that it can be compared with a resolved path.
    let directory = fs::canonicalize(directory.unwrap_or(".".to_string()))?;
    router.get("/static/*path", move |request: &mut Request| {
        file(&directory, request.param("path").unwrap_or_default())
    });
    server.run(Chain::around(router.build()?).with(CatchPanic))?;
    Ok(())
}

/// If this probe fails, the load balancer sends no more requests here. The process keeps running.
fn ready(_: &mut Request) -> Result<&'static str, HttpError> {
    if DRAINS.load(Ordering::SeqCst) {
        return Err(HttpError::new(Status::SERVICE_UNAVAILABLE, "draining", "the server stops"));
    }
    Ok("ready\n")
}

/// `GET /slow?ms=N`: a request that is still in flight when the signal arrives.
fn slow(request: &mut Request) -> &'static str {
    let milliseconds = extract::query(request).get("ms").and_then(|ms| ms.parse().ok());
    thread::sleep(Duration::from_millis(milliseconds.unwrap_or(1000).min(10_000)));
    "done\n"
}

/// `GET /static/PATH`: the file at `PATH` in the directory.
fn file(directory: &Path, path: &str) -> Result<Response, HttpError> {
    let absent = || HttpError::new(Status::NOT_FOUND, "not_found", "there is no such file");
    // Follows `..`, absolute paths and symbolic links, as the kernel does. Looking at the text is not enough:
    // there are too many spellings, and a link looks like any other name.
    let file = fs::canonicalize(directory.join(path)).map_err(|_| absent())?;
    if !file.starts_with(directory) {
        return Err(absent());
    }
    // A directory can be opened like a file, and only reading it fails.
    if !file.is_file() {
        return Err(absent());
    }
    let opened = File::open(&file).and_then(|file| Response::file(file, mime::content_type(path)));
    opened.map_err(|_| absent())
}
