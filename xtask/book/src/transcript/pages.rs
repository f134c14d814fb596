//! Replays the transcripts of pages, several pages at a time.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail};

use super::programs::tests;
use super::replay::{self, How, LONG_PATIENCE, PATIENCE};
use crate::built::Built;
use crate::files;
use crate::page::{Fence, fences};
use crate::script;
use crate::sources::Sources;

/// A page, and its transcripts.
struct Page {
    path: PathBuf,
    /// `book/src/part1/run-it.md`
    name: String,
    text: String,
    transcripts: Vec<Fence>,
}

/// Whether the block is a `transcript`, and not a `transcript-not-run`.
fn is_run(transcript: &Fence) -> bool {
    transcript.kind() == "transcript"
}

/// The reason why the transcript is not replayed.
fn reason(transcript: &Fence) -> Option<&str> {
    let (_, reason) = transcript.info.split_once("reason=\"")?;
    Some(reason.trim_end_matches('"')).filter(|reason| !reason.is_empty())
}

/// The value of `NAME=VALUE` after the fence.
fn option<'a>(transcript: &'a Fence, name: &str) -> Option<&'a str> {
    transcript.info.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
}

/// The first program of `needs=haproxy,redis-server` that is missing on this machine.
fn missing(transcript: &Fence) -> Option<&str> {
    option(transcript, "needs")?.split(',').find(|program| !is_installed(program))
}

/// Whether a program of this name is on the path, or in the directories for servers that Debian has only on root's
/// path.
fn is_installed(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let servers = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
    env::split_paths(&path).chain(servers).any(|folder| folder.join(program).is_file())
}

/// The result of a page's transcripts.
#[derive(Debug, Default)]
struct Outcome {
    passed: usize,
    failed: Vec<String>,
    /// The transcripts that are not replayed, with the reasons.
    skipped: Vec<String>,
}

/// How many pages are replayed at a time. They mostly wait, so there may be more than processors.
const JOBS: usize = 4;

/// Replays the transcripts of these pages, or of all.
pub(crate) fn run(chosen: &[PathBuf], bless: bool) -> Result<()> {
    let sources = Sources::find()?;
    let started = Instant::now();
    let pages = pages(&sources, chosen)?;
    let patience = if chosen.is_empty() { LONG_PATIENCE } else { PATIENCE };
    let how = How { bless, patience };
    let outcomes = replay_pages(&pages, &build(&sources, &pages)?, how)?;
    let all = outcomes.into_iter().fold(Outcome::default(), |mut all, outcome| {
        all.passed += outcome.passed;
        all.failed.extend(outcome.failed);
        all.skipped.extend(outcome.skipped);
        all
    });
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

/// Builds the programs that the transcripts run, if there are any.
fn build(sources: &Sources, pages: &[Page]) -> Result<Built> {
    let transcripts = pages.iter().flat_map(|page| &page.transcripts).filter(|it| is_run(it));
    let bodies: Vec<_> = transcripts.map(|it| &it.body).collect();
    if bodies.is_empty() {
        return Built::nothing(sources);
    }
    // An unreadable transcript is reported when it is replayed.
    let steps = bodies.into_iter().filter_map(|body| script::parse(body).ok());
    let names: BTreeSet<String> =
        steps.flat_map(|steps| tests(&steps).collect::<Vec<_>>()).collect();
    Built::everything(sources, &names)
}

/// Replays pages concurrently, each in its own thread. The results are in the order of the pages.
fn replay_pages(pages: &[Page], built: &Built, how: How) -> Result<Vec<Outcome>> {
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<(usize, Outcome)>> {
        let sources = Sources::find()?;
        let mut outcomes = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(page) = pages.get(index) else { return Ok(outcomes) };
            outcomes.push((index, replay_page(&sources, built, page, how)?));
        }
    };
    let mut outcomes = Vec::new();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..JOBS)
            .map(|_| thread::Builder::new().name("replay".to_string()).spawn_scoped(scope, work))
            .collect();
        for thread in threads {
            let done = thread?.join().map_err(|_| anyhow!("a replay has panicked"))?;
            outcomes.extend(done?);
        }
        anyhow::Ok(())
    })?;
    outcomes.sort_by_key(|(index, _)| *index);
    Ok(outcomes.into_iter().map(|(_, outcome)| outcome).collect())
}

fn replay_page(sources: &Sources, built: &Built, page: &Page, how: How) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut replaced = Vec::new();
    for transcript in &page.transcripts {
        let place = format!("{}:{}", page.name, transcript.line);
        if !is_run(transcript) {
            match reason(transcript) {
                Some(reason) => outcome.skipped.push(format!("{place}: not replayed: {reason}")),
                None => outcome.failed.push(format!("{place}: say why with reason=\"…\"")),
            }
            continue;
        }
        if let Some(program) = missing(transcript) {
            outcome.skipped.push(format!("{place}: not replayed: {program} is not installed"));
            continue;
        }
        match one(sources, built, transcript, how) {
            Ok(actual) => {
                outcome.passed += 1;
                replaced.push((&transcript.raw, actual));
            }
            Err(error) => outcome.failed.push(format!("{place}: {error:#}")),
        }
    }
    if how.bless {
        write_back(page, replaced)?;
    }
    Ok(outcome)
}

fn one(sources: &Sources, built: &Built, transcript: &Fence, how: How) -> Result<Vec<String>> {
    let steps = script::parse(&transcript.body)?;
    replay::run(sources, built, option(transcript, "chapter"), &steps, how)
}

/// Replaces the blocks by their real output.
fn write_back(page: &Page, replaced: Vec<(&Vec<String>, Vec<String>)>) -> Result<()> {
    let mut new = page.text.clone();
    for (raw, actual) in replaced {
        let (Some(first), Some(last)) = (raw.first(), raw.last()) else { continue };
        let block = format!("{first}\n{}\n{last}", actual.join("\n"));
        new = new.replacen(&raw.join("\n"), &block, 1);
    }
    if new != page.text {
        fs::write(&page.path, new)?;
        println!("{}: rewritten", page.path.display());
    }
    Ok(())
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
