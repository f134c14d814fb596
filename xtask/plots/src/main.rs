//! Measures the data of the book's plots: `cargo xtask plot`, with names for only some of them.
//!
//! Each plot is a file in `book/src/generated/plots`, from which `book_tools` draws it.

mod bucket;
mod clients;
mod memory;
mod output;
mod overload;
mod serving;

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use course::plot::Plot;

/// Each plot with its name, which is also the name of its file.
const PLOTS: [(&str, fn() -> Result<Plot>); 4] = [
    ("token-bucket", || Ok(bucket::plot())),
    ("overload", overload::plot),
    ("pausing-clients", serving::pausing),
    ("memory", memory::plot),
];

fn main() -> Result<()> {
    let chosen: Vec<String> = std::env::args().skip(1).collect();
    if let Some((memory::SERVE, rest)) =
        chosen.split_first().map(|(first, rest)| (first.as_str(), rest))
    {
        return memory::serve(rest);
    }
    for name in &chosen {
        if !PLOTS.iter().any(|(known, _)| known == name) {
            let known: Vec<_> = PLOTS.iter().map(|(name, _)| *name).collect();
            bail!("no plot `{name}`; there are {}", known.join(", "));
        }
    }
    if cfg!(debug_assertions) {
        eprintln!("a build without --release measures the debug build; do not commit its numbers");
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../book/src/generated/plots");
    fs::create_dir_all(&folder)?;
    for (name, make) in PLOTS {
        if !chosen.is_empty() && !chosen.iter().any(|it| it == name) {
            continue;
        }
        let started = Instant::now();
        let plot = make().with_context(|| name.to_string())?;
        let file = folder.join(format!("{name}.json"));
        fs::write(&file, output::to_json(&plot)?).with_context(|| file.display().to_string())?;
        println!("{name}: measured in {:.1} s", started.elapsed().as_secs_f64());
    }
    Ok(())
}
