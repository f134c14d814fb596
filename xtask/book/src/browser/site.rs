//! Serves the built book on a loopback address, for a browser that checks it and reports the result.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::request::{MAX_BODY, Request};

/// How long a connection may be idle.
const IDLE: Duration = Duration::from_secs(10);

/// The first script of every page. It reports errors to the frame page.
const PROBE: &str = include_str!("probe.html");

/// A small server for one directory.
#[derive(Debug)]
pub(super) struct Site {
    address: SocketAddr,
    reports: Receiver<String>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    root: PathBuf,
    missing: Mutex<Vec<String>>,
    /// Where requests to the labs' endpoint are forwarded, and whether forwarding is on.
    labs: Mutex<(Option<SocketAddr>, bool)>,
    /// Files outside the root, by their paths on the server. One is the frame page, which loads the other pages.
    also: Mutex<BTreeMap<String, Vec<u8>>>,
}

impl Site {
    /// Serves `root`, and `frame` as `/__frame.html`, until the process ends.
    pub(super) fn serve(root: &Path, frame: String) -> io::Result<Site> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let (report, reports) = mpsc::channel();
        let shared = Arc::new(Shared {
            root: root.to_path_buf(),
            missing: Mutex::default(),
            labs: Mutex::default(),
            also: Mutex::new([("/__frame.html".to_string(), frame.into_bytes())].into()),
        });
        let site = Site { address, reports, shared: Arc::clone(&shared) };
        thread::Builder::new().name("site".to_string()).spawn(move || {
            for stream in listener.incoming() {
                let (Ok(stream), shared, report) = (stream, Arc::clone(&shared), report.clone())
                else {
                    continue;
                };
                // Errors are ignored: if a connection fails or no thread can be spawned, the browser retries.
                let _ = thread::Builder::new()
                    .name("site-client".to_string())
                    .spawn(move || serve(&stream, &shared, &report));
            }
        })?;
        Ok(site)
    }

    /// The address of the frame page.
    pub(super) fn frame(&self, query: &str) -> String {
        format!("http://{}/__frame.html{query}", self.address)
    }

    /// Sets the server to which requests to the labs' endpoint are forwarded. The frame page switches forwarding on and
    /// off with `/__labs/on` and `/__labs/off`.
    pub(super) fn pass_on(&self, server: SocketAddr) {
        lock(&self.shared.labs).0 = Some(server);
    }

    /// Serves this file as well. Call this before the browser starts.
    pub(super) fn also(&self, path: &str, body: Vec<u8>) {
        lock(&self.shared.also).insert(path.to_string(), body);
    }

    /// Waits for the browser's report.
    pub(super) fn report(&self, time: Duration) -> Result<String, RecvTimeoutError> {
        self.reports.recv_timeout(time)
    }

    /// A problem for each path that the browser requested and that does not exist.
    pub(super) fn missing(&self, check: &str) -> Vec<String> {
        let missing = lock(&self.shared.missing);
        let missing = missing.iter().filter(|path| *path != "/favicon.ico");
        missing.map(|path| format!("{check}: nothing at {path}")).collect()
    }
}

impl Shared {
    fn file(&self, path: &str) -> Option<Vec<u8>> {
        lock(&self.also).get(path).cloned().or_else(|| read(&self.root, path))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One request and one response; then the connection closes.
fn serve(stream: &TcpStream, shared: &Shared, report: &Sender<String>) -> io::Result<()> {
    stream.set_read_timeout(Some(IDLE))?;
    stream.set_write_timeout(Some(IDLE))?;
    // The browser opens a connection in advance that it may not need.
    let Some(request) = Request::read(stream)? else { return Ok(()) };
    let response = match request.path() {
        "/labs/info" | "/labs/wire" => forward(&request, shared)
            .unwrap_or_else(|_| response("404 Not Found", "no-store", "", &[])),
        path => respond(path, request.body_text(), shared, report),
    };
    let mut stream = stream;
    stream.write_all(&response)?;
    // Closing a socket with unread input makes the kernel send a reset, and the response could be lost.
    stream.shutdown(Shutdown::Write)?;
    io::copy(&mut stream.take(MAX_BODY), &mut io::sink()).map(drop)
}

fn respond(path: &str, body: String, shared: &Shared, report: &Sender<String>) -> Vec<u8> {
    match path {
        "/__labs/on" | "/__labs/off" => {
            lock(&shared.labs).1 = path.ends_with("on");
            response("204 No Content", "no-store", path, &[])
        }
        "/__report" => {
            // The receiver is gone if the time limit has passed.
            let _ = report.send(body);
            response("204 No Content", "no-store", path, &[])
        }
        _ => match shared.file(path) {
            // The book does not change while it is served, and every page has the same scripts and style sheets.
            Some(file) if !path.starts_with("/__") => {
                response("200 OK", "max-age=3600", path, &file)
            }
            Some(file) => response("200 OK", "no-store", path, &file),
            None => {
                lock(&shared.missing).push(path.to_string());
                response("404 Not Found", "no-store", path, &[])
            }
        },
    }
}

fn response(status: &str, caching: &str, path: &str, body: &[u8]) -> Vec<u8> {
    let (media_type, length) = (media_type(path), body.len());
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nContent-Length: {length}\r\n\
         Cache-Control: {caching}\r\nConnection: close\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// Forwards a request to the labs' server, with the fields that its own page would send.
fn forward(request: &Request, shared: &Shared) -> io::Result<Vec<u8>> {
    let (Some(server), true) = *lock(&shared.labs) else {
        return Err(io::ErrorKind::NotConnected.into());
    };
    let mut stream = TcpStream::connect_timeout(&server, IDLE)?;
    stream.set_read_timeout(Some(IDLE))?;
    let length = request.body.len();
    let fields = format!("Host: {server}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    stream.write_all(&[request.line.as_bytes(), fields.as_bytes(), &request.body].concat())?;
    let mut response = Vec::new();
    stream.take(16 * MAX_BODY).read_to_end(&mut response)?;
    Ok(response)
}

/// Reads a file below the root. In a page, the probe is inserted into its `<head>`.
fn read(root: &Path, path: &str) -> Option<Vec<u8>> {
    let relative = Path::new(path.trim_start_matches('/'));
    if !relative.components().all(|part| matches!(part, Component::Normal(_))) {
        return None;
    }
    let body = fs::read(root.join(relative)).ok()?;
    if relative.extension().is_none_or(|extension| extension != "html") {
        return Some(body);
    }
    let page = String::from_utf8_lossy(&body);
    Some(page.replacen("<head>", &format!("<head>{PROBE}"), 1).into_bytes())
}

fn media_type(path: &str) -> &'static str {
    match Path::new(path).extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css",
        Some("js") => "text/javascript",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use wire::{Client, Script};

    use super::*;

    #[test]
    fn a_path_stays_below_the_root() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert!(read(root, "/Cargo.toml").is_some());
        assert!(read(root, "/src/../Cargo.toml").is_none());
        assert!(read(root, "/../../Cargo.toml").is_none());
        assert!(read(root, "//etc/passwd").is_none());
    }
    #[test]
    fn a_site_forwards_the_labs_when_they_are_on_and_keeps_reports_and_missing_paths() {
        let response = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi";
        let labs = Script::repeat(response, 1).unwrap();
        let site = Site::serve(Path::new(env!("CARGO_MANIFEST_DIR")), "frame".to_string()).unwrap();
        site.pass_on(labs.addr());
        let post = |target: &str, body: &str| {
            let request = wire::request("POST", target, &[], body.as_bytes());
            let reply = Client::connect(site.address).unwrap().ask(request).unwrap();
            (reply.status, String::from_utf8(reply.body).unwrap())
        };
        assert_eq!(post("/__frame.html?page=a", ""), (200, "frame".to_string()));
        assert_eq!(post("/labs/wire", "abc").0, 404);
        assert_eq!(post("/__labs/on", "").0, 204);
        assert_eq!(post("/labs/wire", "abc"), (200, "hi".to_string()));
        assert!(labs.heads()[0].starts_with("POST /labs/wire HTTP/1.1\r\n"), "{:?}", labs.heads());
        assert_eq!(post("/a/b.html", "").0, 404);
        assert_eq!(site.missing("browser"), ["browser: nothing at /a/b.html"]);
        assert_eq!(post("/__report", "[1]").0, 204);
        assert_eq!(site.report(IDLE).unwrap(), "[1]");
    }
}
