//! Terminal transcripts: shown on a page, and replayed against the real programs.

#[cfg(unix)]
mod bless;
#[cfg(unix)]
mod matcher;
#[cfg(unix)]
mod programs;
#[cfg(unix)]
mod replay;
mod script;
#[cfg(unix)]
mod terminal;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::files;
use crate::page::{Part, parts};
use crate::source::Sources;

pub(crate) use script::render;

/// Replays the transcripts of these pages, or of all.
pub(crate) fn run(chosen: &[PathBuf], bless: bool) -> Result<()> {
    let sources = Sources::find()?;
    let root = sources.root().join("book/src");
    let pages: Vec<PathBuf> = if chosen.is_empty() {
        files::below(&root, "md")?.into_iter().map(|page| root.join(page)).collect()
    } else {
        chosen.to_vec()
    };
    let (mut passed, mut failed, mut skipped) = (0, Vec::new(), 0);
    let started = Instant::now();
    for page in pages {
        let text = fs::read_to_string(&page).with_context(|| page.display().to_string())?;
        let name = page.strip_prefix(sources.root()).unwrap_or(&page).display().to_string();
        let mut replaced = Vec::new();
        for part in parts(&text) {
            let Part::Fence { line, info, body, raw } = part else { continue };
            match info.split(' ').next().unwrap_or_default() {
                "transcript" => match one(&sources, &info, &body, bless) {
                    Ok(actual) => {
                        passed += 1;
                        replaced.push((raw, actual));
                    }
                    Err(error) => failed.push(format!("{name}:{line}: {error:#}")),
                },
                "transcript-not-run" => {
                    skipped += 1;
                    let reason =
                        info.split_once("reason=\"").map(|(_, rest)| rest.trim_end_matches('"'));
                    match reason.filter(|reason| !reason.is_empty()) {
                        Some(reason) => println!("{name}:{line}: not replayed: {reason}"),
                        None => failed.push(format!("{name}:{line}: say why with reason=\"…\"")),
                    }
                }
                _ => {}
            }
        }
        if bless {
            write_back(&page, &text, replaced)?;
        }
    }
    for failure in &failed {
        eprintln!("{failure}\n");
    }
    let time = started.elapsed().as_secs_f32();
    println!(
        "transcripts: {passed} replayed, {} failed, {skipped} not replayed, {time:.1} s",
        failed.len()
    );
    if !failed.is_empty() {
        bail!(
            "transcripts that do not say what the programs say; `transcripts --bless PAGE` rewrites them"
        );
    }
    Ok(())
}

/// Transcripts are what a Unix shell shows, so they are replayed where there is one.
#[cfg(not(unix))]
fn one(_: &Sources, _: &str, body: &[String], _: bool) -> Result<Vec<String>> {
    script::parse(body)?;
    bail!("transcripts are replayed on Linux only")
}

#[cfg(unix)]
fn one(sources: &Sources, info: &str, body: &[String], bless: bool) -> Result<Vec<String>> {
    let steps = script::parse(body)?;
    let chapter = info.split(' ').find_map(|word| word.strip_prefix("chapter="));
    replay::run(sources, chapter, &steps, bless)
}

/// Puts the blocks as they really came out in the place of those that were there.
fn write_back(page: &Path, text: &str, replaced: Vec<(Vec<String>, Vec<String>)>) -> Result<()> {
    let mut new = text.to_string();
    for (raw, actual) in replaced {
        let (Some(first), Some(last)) = (raw.first(), raw.last()) else { continue };
        let block = format!("{first}\n{}\n{last}", actual.join("\n"));
        new = new.replacen(&raw.join("\n"), &block, 1);
    }
    if new != text {
        fs::write(page, new)?;
        println!("{}: rewritten", page.display());
    }
    Ok(())
}
