//! Chapter 6 for a page.

include!(concat!(env!("OUT_DIR"), "/ch06.rs"));

use app::build;

fn lab(_: &serde_json::Value) -> anyhow::Result<serde_json::Value> {
    anyhow::bail!("chapter 6 has no lab")
}
