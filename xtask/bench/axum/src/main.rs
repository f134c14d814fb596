//! The routes of the bench on axum, with tower-http for files, as its users do.

use std::env;
use std::error::Error;
use std::thread;
use std::time::Duration;

use axum::extract;
use axum::serve::ListenerExt;
use axum::{Json, Router, routing};
use serde_json::json;
use tokio::net::TcpListener;
use tower_http::services::ServeDir;

/// How long the blocking handler sleeps.
const SLEEP: Duration = Duration::from_millis(50);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let mut argument = || arguments.next().ok_or("usage: axum_peer ADDRESS FOLDER");
    let (address, folder) = (argument()?, argument()?);
    let app = Router::new()
        .route("/", routing::get(|| async { "Hello, World!" }))
        .route("/json/{id}", routing::get(item))
        .route("/sleep/told", routing::get(sleep))
        .nest_service("/static", ServeDir::new(folder));
    let listener = TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    // Without it each file waits for the client's delayed acknowledgement.
    let listener = listener.tap_io(|socket| {
        let _ = socket.set_nodelay(true);
    });
    axum::serve(listener, app).await?;
    Ok(())
}

async fn item(extract::Path(id): extract::Path<u64>) -> Json<serde_json::Value> {
    Json(json!({ "id": id, "name": "Ada", "tags": ["a", "b"] }))
}

/// Blocking work runs on a thread pool of its own.
async fn sleep() -> &'static str {
    let slept = tokio::task::spawn_blocking(|| thread::sleep(SLEEP)).await;
    if slept.is_ok() { "slept" } else { "woken" }
}
