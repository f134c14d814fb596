//! The routes of the bench, with axum.
#![forbid(unsafe_code)]

use axum::extract::Path;
use axum::routing::get;
use axum::{Json, Router};
use tower_http::compression::CompressionLayer;
use tower_http::services::ServeDir;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().expect("usage: axum IP:PORT FOLDER");
    let folder = arguments.next().expect("usage: axum IP:PORT FOLDER");
    let text = std::fs::read_to_string(format!("{folder}/text100k.txt")).expect("text100k.txt");
    let text = axum::body::Bytes::from(text);
    let compressed = Router::new()
        .route(
            "/text",
            get(move || {
                let text = text.clone();
                async move { ([("content-type", "text/plain")], text) }
            }),
        )
        .layer(CompressionLayer::new());
    let router = Router::new()
        .route("/", get(async || "Hello, World!"))
        .route(
            "/json/{id}",
            get(async |Path(id): Path<u64>| {
                Json(serde_json::json!({ "id": id, "name": "Ada", "tags": ["a", "b"] }))
            }),
        )
        .nest_service("/static", ServeDir::new(folder))
        .merge(compressed);
    let listener = tokio::net::TcpListener::bind(address).await.expect("the address is free");
    axum::serve(
        axum::serve::ListenerExt::tap_io(listener, |stream| _ = stream.set_nodelay(true)),
        router,
    )
    .await
    .expect("axum serves");
}
