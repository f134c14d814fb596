//! The routes of the bench on may_minihttp, which has no router: the handler matches paths. It serves no files, and ignores
//! `Connection: close`.

use std::env;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::thread;

use may_minihttp::{HttpServer, HttpService, Request, Response};
use serde_json::json;

#[derive(Clone)]
struct Routes;

impl HttpService for Routes {
    fn call(&mut self, request: Request, response: &mut Response) -> io::Result<()> {
        let path = request.path();
        if path == "/" {
            response.header("Content-Type: text/plain").body("Hello, World!");
        } else if let Some(id) = path.strip_prefix("/json/").and_then(|id| id.parse::<u64>().ok()) {
            let body = json!({ "id": id, "name": "Ada", "tags": ["a", "b"] });
            response.header("Content-Type: application/json");
            response.body_vec(serde_json::to_vec(&body)?);
        } else {
            response.status_code(404, "Not Found");
        }
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let address: SocketAddr = env::args().nth(1).ok_or("usage: may_peer ADDRESS")?.parse()?;
    may::config().set_workers(thread::available_parallelism()?.get());
    let server = HttpServer(Routes).start(address)?;
    // It does not report the port that it got for port 0, so the caller chooses one.
    println!("listening on http://{address}");
    server.join().map_err(|_| "the server has panicked")?;
    Ok(())
}
