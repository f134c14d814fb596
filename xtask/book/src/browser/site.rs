//! Serves the built book on a loopback address, for a browser that checks it and reports the result.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use wire::Client;

/// How long a connection may be idle.
const IDLE: Duration = Duration::from_secs(10);

/// The maximum length of a request's body in bytes. The longest is a report, which is a list of sentences.
const MAX_BODY: u64 = 1024 * 1024;

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
    /// The page that loads the other pages.
    frame: String,
    /// axe-core.
    axe: Option<Vec<u8>>,
    /// Where requests to the labs' endpoint are forwarded, and whether forwarding is on.
    labs: Option<SocketAddr>,
    is_forwarding: AtomicBool,
    missing: Mutex<Vec<String>>,
    report: Sender<String>,
}

impl Site {
    /// Serves `root`, `frame` as `/__frame.html`, and `axe` as `/__axe.js`, until the process ends. Requests to the
    /// labs' endpoint are forwarded to `labs`. The frame page switches that on and off with `/__labs/on` and
    /// `/__labs/off`.
    pub(super) fn serve(
        root: &Path,
        frame: String,
        axe: Option<Vec<u8>>,
        labs: Option<SocketAddr>,
    ) -> io::Result<Site> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let (report, reports) = mpsc::channel();
        let (is_forwarding, missing) = (AtomicBool::new(false), Mutex::default());
        let root = root.to_path_buf();
        let shared = Arc::new(Shared { root, frame, axe, labs, is_forwarding, missing, report });
        let site = Site { address, reports, shared: Arc::clone(&shared) };
        thread::Builder::new().name("site".to_string()).spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                // Errors are ignored: if a connection fails or no thread can be spawned, the browser retries.
                let _ = thread::Builder::new()
                    .name("site-client".to_string())
                    .spawn(move || shared.serve(&stream));
            }
        })?;
        Ok(site)
    }

    /// The address of the frame page in one of several browsers that share the work.
    pub(super) fn frame(&self, share: usize, shares: usize) -> String {
        format!("http://{}/__frame.html?share={share}&shares={shares}", self.address)
    }

    /// Waits for the report of a browser.
    pub(super) fn report(&self, time: Duration) -> Result<String, RecvTimeoutError> {
        self.reports.recv_timeout(time)
    }

    /// A problem for each path that the browser requested and that does not exist.
    pub(super) fn missing(&self, check: &str) -> Vec<String> {
        let missing = self.shared.missing.lock().unwrap_or_else(PoisonError::into_inner);
        missing.iter().map(|path| format!("{check}: nothing at {path}")).collect()
    }
}

impl Shared {
    /// One request and one response; then the connection closes.
    fn serve(&self, mut stream: &TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(IDLE))?;
        stream.set_write_timeout(Some(IDLE))?;
        let request = Request::read(stream)?;
        // The browser opens a connection in advance that it may not need.
        if request.line.is_empty() { Ok(()) } else { stream.write_all(&self.respond(&request)) }
    }

    fn respond(&self, request: &Request) -> Vec<u8> {
        let target = request.line.split(' ').nth(1).unwrap_or_default();
        let path = target.split('?').next().unwrap_or_default();
        let file = match path {
            "/labs/info" | "/labs/wire" => {
                let forwarded = self.forward(request);
                return forwarded.unwrap_or_else(|| response("404 Not Found", path, &[]));
            }
            "/__labs/on" | "/__labs/off" => {
                self.is_forwarding.store(path.ends_with("on"), Ordering::SeqCst);
                return response("204 No Content", path, &[]);
            }
            "/__report" => {
                // The receiver is gone if the time limit has passed.
                let _ = self.report.send(String::from_utf8_lossy(&request.body).into_owned());
                return response("204 No Content", path, &[]);
            }
            "/__frame.html" => Some(self.frame.clone().into_bytes()),
            "/__axe.js" => self.axe.clone(),
            _ => read(&self.root, path),
        };
        if file.is_none() && path != "/favicon.ico" {
            let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
            missing.push(path.to_string());
        }
        match file {
            Some(file) => response("200 OK", path, &file),
            None => response("404 Not Found", path, &[]),
        }
    }

    /// Forwards a request to the labs' server, with the fields that its own page would send.
    fn forward(&self, Request { line, body }: &Request) -> Option<Vec<u8>> {
        let server = self.labs.filter(|_| self.is_forwarding.load(Ordering::SeqCst))?;
        let length = body.len();
        let fields =
            format!("Host: {server}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
        let mut client = Client::connect(server).ok()?;
        let reply = client.ask([line.as_bytes(), fields.as_bytes(), body].concat());
        Some(reply.ok()?.raw)
    }
}

struct Request {
    /// The request line, with its CRLF. It is empty if the connection ends before a request.
    line: String,
    body: Vec<u8>,
}

impl Request {
    fn read(stream: &TcpStream) -> io::Result<Request> {
        let mut reader = BufReader::new(stream);
        let (mut line, mut fields) = (String::new(), String::new());
        reader.read_line(&mut line)?;
        while reader.read_line(&mut fields)? > "\r\n".len() {}
        let fields = fields.to_ascii_lowercase();
        let length = fields.lines().find_map(|field| field.strip_prefix("content-length:"));
        let length = length.and_then(|length| length.trim().parse().ok()).unwrap_or(0);
        let mut body = Vec::new();
        reader.take(MAX_BODY.min(length)).read_to_end(&mut body)?;
        Ok(Request { line, body })
    }
}

fn response(status: &str, path: &str, body: &[u8]) -> Vec<u8> {
    let (media_type, length) = (media_type(path), body.len());
    // The book does not change while it is served, and every page has the same scripts and style sheets.
    let is_book = status == "200 OK" && !path.starts_with("/__");
    let caching = if is_book { "max-age=3600" } else { "no-store" };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nContent-Length: {length}\r\n\
         Cache-Control: {caching}\r\nConnection: close\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
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
    fn a_site_forwards_the_labs_when_they_are_on_and_keeps_reports_and_missing_paths() {
        let response = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi";
        let labs = Script::repeat(response, 1).unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let axe = Some(b"axe".to_vec());
        let site = Site::serve(root, "frame".to_string(), axe, Some(labs.addr())).unwrap();
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
        assert_eq!(post("/favicon.ico", "").0, 404);
        assert_eq!(post("/src/main.rs", "").0, 200);
        assert_eq!(site.missing("browser"), ["browser: nothing at /a/b.html"]);
        for outside in ["/src/../Cargo.toml", "/../../Cargo.toml", "//etc/passwd"] {
            assert_eq!(post(outside, "").0, 404, "{outside}");
        }
        assert_eq!(post("/__axe.js", ""), (200, "axe".to_string()));
        assert_eq!(post("/__report", "[1]").0, 204);
        assert_eq!(site.report(IDLE).unwrap(), "[1]");
    }
}
