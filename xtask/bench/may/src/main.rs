//! The routes of the bench on may_minihttp, which has no router: the handler matches paths. It serves no files, and ignores
//! `Connection: close`.

use std::env;
use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::thread;

use flate2::Compression;
use flate2::write::GzEncoder;
use may_minihttp::{HttpServer, HttpService, Request, Response};
use serde_json::json;

#[derive(Clone)]
struct Routes {
    text: &'static [u8],
}

impl HttpService for Routes {
    fn call(&mut self, request: Request, response: &mut Response) -> io::Result<()> {
        let path = request.path();
        if path == "/" {
            response.header("Content-Type: text/plain").body("Hello, World!");
        } else if let Some(id) = path.strip_prefix("/json/").and_then(|id| id.parse::<u64>().ok()) {
            let body = json!({ "id": id, "name": "Ada", "tags": ["a", "b"] });
            response.header("Content-Type: application/json");
            response.body_vec(serde_json::to_vec(&body)?);
        } else if path == "/text" && accepts_gzip(&request) {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(self.text)?;
            response.header("Content-Type: text/plain").header("Content-Encoding: gzip");
            response.body_vec(encoder.finish()?);
        } else {
            response.status_code(404, "Not Found");
        }
        Ok(())
    }
}

fn accepts_gzip(request: &Request) -> bool {
    let mut fields = request.headers().iter();
    fields.any(|field| {
        field.name.eq_ignore_ascii_case("accept-encoding")
            && field.value.windows(4).any(|word| word.eq_ignore_ascii_case(b"gzip"))
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let mut argument = || arguments.next().ok_or("usage: may_peer ADDRESS FOLDER");
    let (address, folder): (SocketAddr, _) = (argument()?.parse()?, argument()?);
    let text = fs::read(Path::new(&folder).join("text100k.txt"))?.leak();
    // The stack size is in words. Compression needs more than the default stack of a coroutine.
    may::config().set_workers(thread::available_parallelism()?.get()).set_stack_size(16 * 1024);
    let server = HttpServer(Routes { text }).start(address)?;
    // It does not report the port that it got for port 0, so the caller chooses one.
    println!("listening on http://{address}");
    server.join().map_err(|_| "the server has panicked")?;
    Ok(())
}
