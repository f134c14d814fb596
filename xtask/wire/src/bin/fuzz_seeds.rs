//! Writes the rows of the wire tables as seeds for the fuzzer: `cargo run -p wire --bin fuzz_seeds -- DIR`.
//!
//! The fuzzer then starts from meaningful requests, and mutates them.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use wire::tables::{self, Test};

/// Longer rows test limits, and would slow the fuzzer down.
const LONGEST: usize = 1000;

fn main() -> ExitCode {
    let Some(folder) = std::env::args().nth(1) else {
        eprintln!("usage: fuzz_seeds DIR");
        return ExitCode::from(2);
    };
    match write(Path::new(&folder)) {
        Ok(count) => {
            println!("{count} seeds in {folder}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{folder}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write(folder: &Path) -> io::Result<usize> {
    let mut count = 0;
    for (number, row) in tables::all().iter().enumerate() {
        let Test::Exchange { bytes, .. } = &row.test else { continue };
        if bytes.len() > LONGEST {
            continue;
        }
        let end_of_head = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let after_head = end_of_head.map_or(&[][..], |place| &bytes[place + 4..]);
        let only = if row.group == "Chunked bodies" {
            ("chunked", after_head)
        } else {
            ("head", &**bytes)
        };
        for (target, seed) in [only, ("stream", bytes), ("steps", bytes)] {
            let folder = folder.join(target);
            std::fs::create_dir_all(&folder)?;
            std::fs::write(folder.join(format!("row-{number:03}")), seed)?;
            count += 1;
        }
    }
    Ok(count)
}
