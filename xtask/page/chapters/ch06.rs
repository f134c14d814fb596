//! Chapter 6 for a page.

include!(concat!(env!("OUT_DIR"), "/ch06.rs"));

#[path = "../src/exports.rs"]
mod exports;

use app::build;
