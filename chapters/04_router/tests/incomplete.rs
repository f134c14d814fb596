//! Close-delimited responses to HTTP/1.0: an incomplete one must not look complete.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ch04_router::http::{HeaderValue, Request, Response, ResponseBody, Status};
use support::{LONG, Running};
use wire::{Client, Kind};

#[allow(dead_code, reason = "nothing here waits for the pool")]
mod support;

/// Returns these bytes, and then what `end` specifies.
struct Source {
    bytes: &'static [u8],
    end: Box<dyn FnMut() -> io::Result<usize> + Send>,
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.bytes.is_empty() { (self.end)() } else { self.bytes.read(buffer) }
    }
}

fn stream(end: impl FnMut() -> io::Result<usize> + Send + 'static) -> Response {
    let source = Source { bytes: b"one, two", end: Box::new(end) };
    Response::stream(HeaderValue::from_static("text/plain"), source)
}

fn application(request: &mut Request) -> Response {
    match request.path() {
        "/fails" => stream(|| Err(io::ErrorKind::UnexpectedEof.into())),
        "/panics" => stream(|| panic!("this source was told to panic")),
        "/short" => {
            let reader = Box::new(&b"one, two"[..]);
            Response::new(Status::OK).with_body(ResponseBody::Stream { reader, length: Some(1000) })
        }
        _ => stream(|| Ok(0)),
    }
}

/// Returns the bytes after the header section, or the kind of error that ended the connection.
fn body(client: &mut Client, version: &str, path: &str) -> Result<String, Kind> {
    client.send(format!("GET {path} HTTP/{version}\r\nHost: a\r\n\r\n")).unwrap();
    let text = client.read_to_end().map_err(|error| error.kind())?;
    let text = String::from_utf8(text).unwrap();
    Ok(text.split_once("\r\n\r\n").unwrap().1.to_string())
}

/// RFC 9112 section 8: a response without a length is complete when its connection is closed, unless the connection
/// reports an error. So a FIN would mean that it is complete.
#[test]
fn a_response_whose_source_fails_ends_with_a_reset() {
    let server = Running::start(|server| server, application);
    for (path, expected) in [
        ("/whole", Ok("one, two".to_string())),
        ("/fails", Err(Kind::Reset)),
        ("/panics", Err(Kind::Reset)),
    ] {
        assert_eq!(body(&mut server.connect(), "1.0", path), expected, "{path}");
    }
    // With Content-Length, the client can detect that bytes are missing, and can use the bytes that
    // have arrived.
    assert_eq!(body(&mut server.connect(), "1.0", "/short"), Ok("one, two".to_string()));
    // With chunks, the last chunk is missing.
    let chunks = body(&mut server.connect(), "1.1", "/fails").unwrap();
    assert_eq!(chunks, "8\r\none, two\r\n");
    server.stop();
}

#[test]
fn a_response_aborted_by_the_end_of_the_server_is_reset_too() {
    let (begun, wait) = channel::<()>();
    let wait: Mutex<Option<Receiver<()>>> = Mutex::new(Some(wait));
    let server = Running::start(
        |server| server.with_drain(Duration::ZERO),
        move |_: &mut Request| {
            let wait = wait.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap();
            stream(move || {
                let _ = wait.recv_timeout(LONG);
                Err(io::ErrorKind::TimedOut.into())
            })
        },
    );
    let mut client = server.connect();
    client.send("GET / HTTP/1.0\r\n\r\n").unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"\r\n\r\none, two") {
        seen.extend(client.read_exact(1).unwrap());
    }
    assert_eq!(server.stop(), 1, "it is counted as aborted");
    // The thread that sends the response is still blocked in its source. In the program it ends
    // with the process.
    drop(begun);
    assert_eq!(client.read_to_end().unwrap_err().kind(), Kind::Reset);
}
