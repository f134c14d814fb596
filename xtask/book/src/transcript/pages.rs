//! Replays the transcripts of pages, several pages at a time.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use wire::side_by_side;

use super::programs::add_stand_in;
use super::replay::{self, How, LONG_PATIENCE, PATIENCE};
use crate::built::Built;
use crate::files;
use crate::page::{Fence, fences};
use crate::script::{self, Line};
use crate::sources::Sources;

/// How many pages are replayed at a time. They mostly wait, so there may be more than processors.
const JOBS: usize = 4;

/// A page, and its transcripts.
struct Page {
    path: PathBuf,
    /// `book/src/part1/run-it.md`
    name: String,
    text: String,
    transcripts: Vec<Fence>,
}

/// The results of the transcripts.
#[derive(Debug, Default)]
struct Outcome {
    passed: usize,
    failed: Vec<String>,
    /// The transcripts that are not replayed, with the reasons.
    skipped: Vec<String>,
}

/// Replays the transcripts of these pages, or of all.
pub(crate) fn run(chosen: &[PathBuf], bless: bool) -> Result<()> {
    let started = Instant::now();
    let sources = Sources::find()?;
    let pages = pages(&sources, chosen)?;
    let built = if pages.iter().flat_map(|page| &page.transcripts).any(is_run) {
        Built::everything(&sources)?
    } else {
        Built::nothing(&sources)?
    };
    add_stand_in(&built)?;
    let patience = if chosen.is_empty() { LONG_PATIENCE } else { PATIENCE };
    let how = How { bless, patience };
    let mut all = Outcome::default();
    for outcome in side_by_side(JOBS, &pages, |page| replay_page(&built, page, how)) {
        let outcome = outcome?;
        all.passed += outcome.passed;
        all.failed.extend(outcome.failed);
        all.skipped.extend(outcome.skipped);
    }
    for line in &all.skipped {
        println!("{line}");
    }
    for failure in &all.failed {
        eprintln!("{failure}\n");
    }
    println!(
        "transcripts: {} replayed, {} failed, {} not replayed, {:.1} s",
        all.passed,
        all.failed.len(),
        all.skipped.len(),
        started.elapsed().as_secs_f32()
    );
    if !all.failed.is_empty() {
        bail!(
            "transcripts that do not say what the programs say; `transcripts --bless PAGE` rewrites them"
        );
    }
    Ok(())
}

/// The pages that have transcripts.
fn pages(sources: &Sources, chosen: &[PathBuf]) -> Result<Vec<Page>> {
    let root = sources.root().join("book/src");
    let paths: Vec<PathBuf> = if chosen.is_empty() {
        files::below(&root, "md")?.into_iter().map(|page| root.join(page)).collect()
    } else {
        chosen.to_vec()
    };
    let mut pages = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let transcripts: Vec<_> =
            fences(&text).filter(|fence| fence.kind().starts_with("transcript")).collect();
        if !transcripts.is_empty() {
            let name = path.strip_prefix(sources.root()).unwrap_or(&path).display().to_string();
            pages.push(Page { path, name, text, transcripts });
        }
    }
    Ok(pages)
}

fn replay_page(built: &Built, page: &Page, how: How) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut text = page.text.clone();
    for transcript in &page.transcripts {
        let place = format!("{}:{}", page.name, transcript.line);
        match replay_transcript(built, transcript, how) {
            Ok(Replayed::Lines(lines)) => {
                outcome.passed += 1;
                if let [first, .., last] = &transcript.raw[..] {
                    let block = format!("{first}\n{}\n{last}", lines.join("\n"));
                    text = text.replacen(&transcript.raw.join("\n"), &block, 1);
                }
            }
            Ok(Replayed::No(reason)) => {
                outcome.skipped.push(format!("{place}: not replayed: {reason}"));
            }
            Err(error) => outcome.failed.push(format!("{place}: {error:#}")),
        }
    }
    if how.bless && text != page.text {
        fs::write(&page.path, text)?;
        println!("{}: rewritten", page.path.display());
    }
    Ok(outcome)
}

/// The lines of a replayed transcript, or the reason why it is not replayed.
enum Replayed {
    Lines(Vec<String>),
    No(String),
}

fn replay_transcript(built: &Built, transcript: &Fence, how: How) -> Result<Replayed> {
    if !is_run(transcript) {
        let reason = transcript.info.split_once("reason=\"");
        let reason = reason.map(|(_, reason)| reason.trim_end_matches('"'));
        let reason = reason.filter(|reason| !reason.is_empty());
        return Ok(Replayed::No(reason.context("say why with reason=\"…\"")?.to_string()));
    }
    if let Some(program) = missing(transcript) {
        return Ok(Replayed::No(format!("{program} is not installed")));
    }
    let lines = script::lines(&transcript.body);
    let lines = replay::run(built, option(transcript, "chapter"), &lines, how)?;
    Ok(Replayed::Lines(lines.iter().map(Line::to_string).collect()))
}

/// Whether the block is a `transcript`, and not a `transcript-not-run`.
fn is_run(transcript: &Fence) -> bool {
    transcript.kind() == "transcript"
}

/// The value of `NAME=VALUE` after the fence.
fn option<'a>(transcript: &'a Fence, name: &str) -> Option<&'a str> {
    transcript.info.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
}

/// The first program of `needs=haproxy,redis-server` that is missing on this machine. It may be on the path, or in the
/// directories for servers that Debian has only on root's path.
fn missing(transcript: &Fence) -> Option<&str> {
    let path = env::var_os("PATH").unwrap_or_default();
    let servers = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
    let directories: Vec<_> = env::split_paths(&path).chain(servers).collect();
    let is_missing = |program: &&str| !directories.iter().any(|it| it.join(program).is_file());
    option(transcript, "needs")?.split(',').find(is_missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transcript_is_left_out_where_a_program_that_it_needs_is_missing() {
        for (info, missing) in [
            ("transcript", None),
            ("transcript needs=sh", None),
            ("transcript needs=sh,no-such-program chapter=01_echo_socket", Some("no-such-program")),
        ] {
            let transcript = Fence { info: info.to_string(), ..Fence::default() };
            assert_eq!(super::missing(&transcript), missing, "{info}");
        }
    }
}
