//! Step 27: static files, naively: the path is joined to the directory unchecked, and can leave it.

use std::env;
use std::fs::File;
use std::path::{Path, PathBuf};
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
    let directory = PathBuf::from(directory.unwrap_or(".".to_string()));
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
    // `..` leads out of the directory, and a path that begins with a slash replaces it.
    let file = directory.join(path);
    // A directory can be opened like a file, and only reading it fails.
    if !file.is_file() {
        return Err(absent());
    }
    let opened = File::open(&file).and_then(|file| Response::file(file, mime::content_type(path)));
    opened.map_err(|_| absent())
}
