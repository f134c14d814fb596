//! Step 17: routing by a `match` on strings. Any other path gets 404.

use std::env;

use ch03_parser::Server;
use ch03_parser::http::{HttpError, Request, Status};

fn main() -> anyhow::Result<()> {
    let address = env::args().skip(1).rfind(|word| word.contains(':'));
    let address = address.unwrap_or("127.0.0.1:8080".to_string());
    let server = Server::bind(address.parse()?)?;
    println!("listening on http://{}", server.local_addr());
    server.run(route)?;
    Ok(())
}

fn route(request: &mut Request) -> Result<&'static str, HttpError> {
    match request.path() {
        "/" => Ok("my server\n"),
        // Each name needs its own arm, and a new visitor has none.
        "/hello/Ada" => Ok("Hello, Ada!\n"),
        path => Err(not_found(path)),
    }
}

fn not_found(path: &str) -> HttpError {
    HttpError::new(Status::NOT_FOUND, "not_found", format!("there is nothing at {path}"))
}
