//! Chapter 03 for a page.

include!(concat!(env!("OUT_DIR"), "/ch03.rs"));

fn build(arguments: &Arguments, _: ServerHandle) -> anyhow::Result<impl http::Handler + use<>> {
    app::build(arguments)
}

fn lab(_: &serde_json::Value) -> anyhow::Result<serde_json::Value> {
    anyhow::bail!("chapter 3 has no lab")
}
