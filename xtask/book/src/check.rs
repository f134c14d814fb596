//! Builds the book and looks at the result: listings, pictures, links.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::coverage::pages;
use crate::links;
use crate::page::{Part, parts};
use crate::source::Sources;

/// Code that stands in the prose and not in a crate: compile errors, and what-if sketches. All are marked.
const SKETCHES: usize = 12;

pub(crate) fn run() -> Result<()> {
    let sources = Sources::find()?;
    let mut problems = Vec::new();
    let sketches = listings(&sources, &mut problems)?;
    build(&sources, &mut problems)?;
    let (files, links) = links::check(&sources.root().join("book/book"), &mut problems)?;
    if !problems.is_empty() {
        bail!("{}", problems.join("\n"));
    }
    println!(
        "book: {files} pages, {links} internal links, {sketches} sketches of code in the prose"
    );
    Ok(())
}

/// No code in the prose: every listing is taken from a crate.
fn listings(sources: &Sources, problems: &mut Vec<String>) -> Result<usize> {
    let root = sources.root().join("book/src");
    let mut sketches = 0;
    for page in pages(&root)? {
        for part in parts(&fs::read_to_string(root.join(&page))?) {
            let Part::Fence { line, info, .. } = part else { continue };
            let mut words = info.split([' ', ',']);
            match words.next().unwrap_or_default() {
                "rust" if words.any(|word| word == "sketch") => sketches += 1,
                "rust" => problems.push(format!(
                    "book/src/{page}:{line}: code in a page drifts; use {{{{#item …}}}} to take it from a chapter"
                )),
                "" => problems.push(format!("book/src/{page}:{line}: say what this block is, such as ```text")),
                _ => {}
            }
        }
    }
    if sketches > SKETCHES {
        problems.push(format!("{sketches} sketches of code in the prose are more than {SKETCHES}"));
    }
    Ok(sketches)
}

/// `mdbook build book`, without a warning.
fn build(sources: &Sources, problems: &mut Vec<String>) -> Result<()> {
    let output = Command::new("mdbook")
        .args(["build", "book"])
        .current_dir(sources.root())
        .output()
        .context("mdbook is not installed: `cargo install mdbook --locked`")?;
    let log = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() || log.contains("WARN") || log.contains("ERROR") {
        problems.push(format!("mdbook build book:\n{}", log.trim()));
    }
    Ok(())
}
