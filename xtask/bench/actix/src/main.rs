//! The routes of the bench on actix-web and actix-files.

use std::env;
use std::fs;
use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

use actix_files::Files;
use actix_web::middleware::Compress;
use actix_web::web::ServiceConfig;
use actix_web::{App, HttpResponse, HttpServer, Responder, web};
use serde_json::json;

/// How long the blocking handler sleeps.
const SLEEP: Duration = Duration::from_millis(50);

#[actix_web::main]
async fn main() -> io::Result<()> {
    let mut arguments = env::args().skip(1);
    let mut argument =
        || arguments.next().ok_or_else(|| io::Error::other("usage: actix_peer ADDRESS FOLDER"));
    let (address, folder) = (argument()?, argument()?);
    // Static text, so that no request copies it.
    let text: &'static str = fs::read_to_string(Path::new(&folder).join("text100k.txt"))?.leak();

    let routes = env::var("BENCH_ROUTES").map_or(Ok(0), |routes| routes.parse::<u32>());
    let routes = routes.map_err(io::Error::other)?;

    let server = HttpServer::new(move || {
        let page = move || async move { HttpResponse::Ok().content_type("text/plain").body(text) };
        // The requested route in the middle: actix tries routes in order.
        let (before, after) = (1..=routes / 2, routes / 2 + 1..routes.max(1));
        App::new()
            .route("/", web::get().to(hello))
            .configure(|config| others(config, before.filter(|_| routes > 1)))
            .route("/json/{id}", web::get().to(item))
            .configure(|config| others(config, after))
            .route("/sleep/told", web::get().to(sleep))
            .service(web::resource("/text").wrap(Compress::default()).route(web::get().to(page)))
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

/// Routes that are never requested; every second one has a parameter.
fn others(config: &mut ServiceConfig, numbers: impl Iterator<Item = u32>) {
    for other in numbers {
        match other % 2 {
            0 => config.route(&format!("/json{other}/{{id}}"), web::get().to(item)),
            _ => config.route(&format!("/json{other}"), web::get().to(hello)),
        };
    }
}

async fn hello() -> impl Responder {
    "Hello, World!"
}

/// Blocking work runs on a thread pool of its own.
async fn sleep() -> impl Responder {
    let slept = web::block(|| thread::sleep(SLEEP)).await;
    if slept.is_ok() { "slept" } else { "woken" }
}
