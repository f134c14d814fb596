//! Chapter 04 for a page.

include!(concat!(env!("OUT_DIR"), "/ch04.rs"));
use serde_json::{Value, json};

fn build(arguments: &Arguments, _: ServerHandle) -> anyhow::Result<impl http::Handler + use<>> {
    app::build(arguments)
}

#[path = "../src/labs/routes.rs"]
mod routes;

fn lab(question: &Value) -> anyhow::Result<Value> {
    exports::replace(Server::start(|_, _| routes::build(question))?);
    Ok(json!({}))
}
