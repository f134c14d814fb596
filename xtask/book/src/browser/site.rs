//! Serves the built book on a loopback address, for a browser that checks it and reports the result.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// How long a connection may be idle.
const SILENCE: Duration = Duration::from_secs(10);

/// The maximum length of a report, which is a list of sentences.
const REPORT_LIMIT: u64 = 1024 * 1024;

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
    /// The frame page, which loads the other pages.
    frame: String,
    stopped: AtomicBool,
    missing: Mutex<Vec<String>>,
    /// Where requests to the labs' endpoint are forwarded, and whether forwarding is on.
    labs: Mutex<(Option<SocketAddr>, bool)>,
    /// Files outside the root, by their paths on the server.
    also: Mutex<BTreeMap<String, Vec<u8>>>,
}

impl Site {
    /// Serves `root`, and `frame` as `/__frame.html`.
    pub(super) fn serve(root: &Path, frame: String) -> io::Result<Site> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let (report, reports) = mpsc::channel();
        let shared = Arc::new(Shared {
            root: root.to_path_buf(),
            frame,
            stopped: AtomicBool::new(false),
            missing: Mutex::default(),
            labs: Mutex::default(),
            also: Mutex::default(),
        });
        let site = Site { address, reports, shared: Arc::clone(&shared) };
        thread::Builder::new().name("site".to_string()).spawn(move || {
            for stream in listener.incoming() {
                if shared.stopped.load(Ordering::SeqCst) {
                    break;
                }
                let (Ok(stream), shared, report) = (stream, Arc::clone(&shared), report.clone())
                else {
                    continue;
                };
                // Errors are ignored: if a connection fails or no thread can be spawned, the browser retries.
                let _ = thread::Builder::new()
                    .name("site-client".to_string())
                    .spawn(move || answer(stream, &shared, &report));
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
        self.shared.labs.lock().unwrap_or_else(PoisonError::into_inner).0 = Some(server);
    }

    /// Serves this file as well. Call this before the browser starts.
    pub(super) fn also(&self, path: &str, body: Vec<u8>) {
        let mut also = self.shared.also.lock().unwrap_or_else(PoisonError::into_inner);
        also.insert(path.to_string(), body);
    }

    /// Waits for the browser's report.
    pub(super) fn report(&self, time: Duration) -> Result<String, RecvTimeoutError> {
        self.reports.recv_timeout(time)
    }

    /// The paths that the browser requested and that do not exist.
    pub(super) fn missing(&self) -> Vec<String> {
        self.shared.missing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Shared {
    fn file(&self, path: &str) -> Option<Vec<u8>> {
        let also = self.also.lock().unwrap_or_else(PoisonError::into_inner);
        also.get(path).cloned().or_else(|| read(&self.root, path))
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes up the thread that accepts connections.
        let _ = TcpStream::connect_timeout(&self.address, SILENCE);
    }
}

/// One request and one response; then the connection closes.
fn answer(stream: TcpStream, shared: &Shared, report: &Sender<String>) -> io::Result<()> {
    stream.set_read_timeout(Some(SILENCE))?;
    stream.set_write_timeout(Some(SILENCE))?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        // The browser opened this connection in advance, and did not need it.
        return Ok(());
    }
    let target = line.split(' ').nth(1).unwrap_or_default().to_string();
    let path = target.split('?').next().unwrap_or_default();
    let mut length: u64 = 0;
    loop {
        let mut field = String::new();
        if reader.read_line(&mut field)? == 0 || field.trim().is_empty() {
            break;
        }
        let (name, value) = field.split_once(':').unwrap_or_default();
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    if matches!(path, "/labs/info" | "/labs/wire") {
        let mut body = Vec::new();
        reader.by_ref().take(length.min(REPORT_LIMIT)).read_to_end(&mut body)?;
        let passed = pass_on(&line, &body, shared).unwrap_or_else(|_| {
            b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec()
        });
        let mut stream = reader.into_inner();
        stream.write_all(&passed)?;
        // Closing a socket with unread input makes the kernel send a reset, and the response could be lost.
        stream.shutdown(Shutdown::Write)?;
        return io::copy(&mut stream.take(REPORT_LIMIT), &mut io::sink()).map(drop);
    }
    let (status, body) = match path {
        "/__labs/on" | "/__labs/off" => {
            let mut labs = shared.labs.lock().unwrap_or_else(PoisonError::into_inner);
            labs.1 = path.ends_with("on");
            ("204 No Content", Vec::new())
        }
        "/__frame.html" => ("200 OK", shared.frame.clone().into_bytes()),
        "/__report" => {
            let mut text = String::new();
            reader.by_ref().take(length.min(REPORT_LIMIT)).read_to_string(&mut text)?;
            // The receiver is gone if the time limit has passed.
            let _ = report.send(text);
            ("204 No Content", Vec::new())
        }
        _ => shared.file(path).map_or_else(
            || {
                let mut missing = shared.missing.lock().unwrap_or_else(PoisonError::into_inner);
                missing.push(path.to_string());
                ("404 Not Found", Vec::new())
            },
            |body| ("200 OK", body),
        ),
    };
    // The book does not change while it is served, and every page has the same scripts and style sheets.
    let caching =
        if status == "200 OK" && !path.starts_with("/__") { "max-age=3600" } else { "no-store" };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {}\r\nContent-Length: {}\r\nCache-Control: {caching}\r\n\
         Connection: close\r\n\r\n",
        media_type(path),
        body.len()
    );
    let mut stream = reader.into_inner();
    stream.write_all(head.as_bytes())?;
    stream.write_all(&body)
}

/// Forwards a request to the labs' server, with the fields that its own page would send.
fn pass_on(line: &str, body: &[u8], shared: &Shared) -> io::Result<Vec<u8>> {
    let labs = *shared.labs.lock().unwrap_or_else(PoisonError::into_inner);
    let (Some(server), true) = labs else { return Err(io::ErrorKind::NotConnected.into()) };
    let mut stream = TcpStream::connect_timeout(&server, SILENCE)?;
    stream.set_read_timeout(Some(SILENCE))?;
    let length = body.len();
    let fields = format!("Host: {server}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    stream.write_all(&[line.as_bytes(), fields.as_bytes(), body].concat())?;
    let mut answer = Vec::new();
    stream.take(16 * REPORT_LIMIT).read_to_end(&mut answer)?;
    Ok(answer)
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
    use super::*;

    #[test]
    fn a_path_stays_below_the_root() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert!(read(root, "/Cargo.toml").is_some());
        assert!(read(root, "/src/../Cargo.toml").is_none());
        assert!(read(root, "/../../Cargo.toml").is_none());
        assert!(read(root, "//etc/passwd").is_none());
    }
}
