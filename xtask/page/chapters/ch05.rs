//! Chapter 05 for a page.

include!(concat!(env!("OUT_DIR"), "/ch05.rs"));
use serde_json::{Value, json};

fn build(arguments: &Arguments, _: ServerHandle) -> anyhow::Result<impl http::Handler + use<>> {
    app::build(arguments)
}

#[path = "../src/labs/mod.rs"]
mod labs;

fn lab(question: &Value) -> anyhow::Result<Value> {
    match question["lab"].as_str() {
        Some("bucket") => labs::bucket::run(question),
        Some("layers") => {
            exports::replace(Server::start(|_, _| labs::layers::build(question))?);
            Ok(json!({}))
        }
        _ => anyhow::bail!("chapter 5 has the labs `bucket` and `layers`"),
    }
}
