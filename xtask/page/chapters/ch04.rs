//! Chapter 04 for a page.

include!(concat!(env!("OUT_DIR"), "/ch04.rs"));

#[path = "../src/exports.rs"]
mod exports;

fn build(arguments: &Arguments, _: ServerHandle) -> anyhow::Result<impl http::Handler + use<>> {
    app::build(arguments)
}
