//! The routes of the bench on actix-web and actix-files.

use std::env;
use std::io;
use std::thread;
use std::time::Duration;

use actix_files::Files;
use actix_web::{App, HttpServer, Responder, web};
use serde_json::json;

/// How long the blocking handler sleeps.
const SLEEP: Duration = Duration::from_millis(50);

#[actix_web::main]
async fn main() -> io::Result<()> {
    let mut arguments = env::args().skip(1);
    let mut argument =
        || arguments.next().ok_or_else(|| io::Error::other("usage: actix_peer ADDRESS FOLDER"));
    let (address, folder) = (argument()?, argument()?);
    let server = HttpServer::new(move || {
        App::new()
            .route("/", web::get().to(hello))
            .route("/json/{id}", web::get().to(item))
            .route("/sleep/told", web::get().to(sleep))
            .service(Files::new("/static", folder.clone()))
    })
    .tcp_nodelay(true)
    // The default of five seconds would close the idle connections before the measurement.
    .keep_alive(Duration::from_secs(75))
    .bind(address)?;
    println!("listening on http://{}", server.addrs()[0]);
    server.run().await
}

async fn item(id: web::Path<u64>) -> impl Responder {
    web::Json(json!({ "id": *id, "name": "Ada", "tags": ["a", "b"] }))
}

async fn hello() -> impl Responder {
    "Hello, World!"
}

/// Blocking work runs on a thread pool of its own.
async fn sleep() -> impl Responder {
    let slept = web::block(|| thread::sleep(SLEEP)).await;
    if slept.is_ok() { "slept" } else { "woken" }
}
