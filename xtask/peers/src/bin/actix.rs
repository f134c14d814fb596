//! The first routes of the bench, with actix-web.
#![forbid(unsafe_code)]

use actix_web::{App, HttpResponse, HttpServer, web};

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).expect("usage: actix IP:PORT");
    HttpServer::new(|| {
        App::new().route("/", web::get().to(async || "Hello, World!")).route(
            "/json/{id}",
            web::get().to(async |id: web::Path<u64>| {
                HttpResponse::Ok()
                    .json(serde_json::json!({ "id": *id, "name": "Ada", "tags": ["a", "b"] }))
            }),
        )
    })
    .bind(address)?
    .run()
    .await
}
