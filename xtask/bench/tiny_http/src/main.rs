//! The routes of the bench on tiny_http, with a thread per core that takes requests from its queue.

use std::env;
use std::error::Error;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Component, Path};
use std::sync::Arc;
use std::thread;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use tiny_http::{Header, Request, Response, ResponseBox, Server};

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut arguments = env::args().skip(1);
    let mut argument = || arguments.next().ok_or("usage: tiny_http_peer ADDRESS FOLDER");
    let (address, folder) = (argument()?, argument()?);
    let text: &'static [u8] = fs::read(Path::new(&folder).join("text100k.txt"))?.leak();
    let folder: &'static str = folder.leak();

    let server = Arc::new(Server::http(address)?);
    println!("listening on http://{}", server.server_addr());
    let mut threads = Vec::new();
    for number in 0..thread::available_parallelism()?.get() {
        let server = Arc::clone(&server);
        let work = move || {
            while let Ok(request) = server.recv() {
                let response =
                    respond(&request, Path::new(folder), text).unwrap_or_else(|_| status(500));
                let _ = request.respond(response);
            }
        };
        threads.push(thread::Builder::new().name(format!("worker {number}")).spawn(work)?);
    }
    for thread in threads {
        thread.join().map_err(|_| "a worker has panicked")?;
    }
    Ok(())
}

fn respond(request: &Request, folder: &Path, text: &'static [u8]) -> io::Result<ResponseBox> {
    let path = request.url();
    if path == "/" {
        return Ok(Response::from_string("Hello, World!").boxed());
    }
    if let Some(id) = path.strip_prefix("/json/").and_then(|id| id.parse::<u64>().ok()) {
        let body = json!({ "id": id, "name": "Ada", "tags": ["a", "b"] });
        let response = Response::from_data(serde_json::to_vec(&body)?);
        return Ok(response.with_header(field("Content-Type", "application/json")).boxed());
    }
    if path == "/text" && accepts_gzip(request) {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text)?;
        let response = Response::from_data(encoder.finish()?)
            .with_chunked_threshold(usize::MAX)
            .with_header(field("Content-Type", "text/plain"))
            .with_header(field("Content-Encoding", "gzip"));
        return Ok(response.boxed());
    }
    let Some(name) = path.strip_prefix("/static/").map(Path::new) else {
        return Ok(status(404));
    };
    if !name.components().all(|part| matches!(part, Component::Normal(_))) {
        return Ok(status(404));
    }
    let file = File::open(folder.join(name))?;
    let response = Response::from_file(file).with_chunked_threshold(usize::MAX);
    Ok(response.with_header(field("Content-Type", "text/plain")).boxed())
}

fn accepts_gzip(request: &Request) -> bool {
    request.headers().iter().any(|header| {
        header.field.equiv("Accept-Encoding") && header.value.as_str().contains("gzip")
    })
}

fn status(code: u16) -> ResponseBox {
    Response::empty(code).boxed()
}

fn field(name: &str, value: &str) -> Header {
    Header::from_bytes(name, value).expect("both are ASCII")
}
