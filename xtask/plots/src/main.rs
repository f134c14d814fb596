//! Measures the data of the book's plots: `cargo xtask plot`, with names for only some of them.
//!
//! Each plot is a file in `book/src/generated/plots`, from which `book_tools` draws it.

mod bucket;
mod memory;
mod output;
mod overload;
mod pausing;
mod server;

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use course::plot::{NAMES, Plot};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let chosen: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let [server::SERVE, model, clients] = chosen[..] {
        return server::serve(model, clients.parse()?);
    }
    if cfg!(debug_assertions) {
        eprintln!("measured without --release: do not commit these numbers");
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../book/src/generated/plots");
    for name in if chosen.is_empty() { &NAMES } else { &chosen[..] } {
        let started = Instant::now();
        let plot = measure(name).with_context(|| (*name).to_string())?;
        let file = folder.join(format!("{name}.json"));
        fs::write(&file, output::to_json(&plot)?).with_context(|| file.display().to_string())?;
        println!("{name}: measured in {:.1} s", started.elapsed().as_secs_f64());
    }
    Ok(())
}

fn measure(name: &str) -> Result<Plot> {
    match name {
        "token-bucket" => Ok(bucket::plot()),
        "overload" => overload::plot(),
        "pausing-clients" => pausing::plot(),
        "memory" => memory::plot(),
        _ => bail!("there is no such plot"),
    }
}
