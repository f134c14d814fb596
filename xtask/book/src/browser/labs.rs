//! The labs of the book, used as a reader would use them.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use wire::Program;
use wire::tables::{Test, smuggling};

use super::site::Site;
use super::{Browser, NAMES, PATIENCE, pages};
use crate::built::Built;
use crate::source::Sources;

const FRAME: &str = include_str!("labs.html");

/// The steps from state to state that chapter 1's server may take, as its table has them.
const PROGRAM_STEPS: &str = include_str!("program_steps.json");

/// What chapter 5's token bucket says to whoever asks at these times.
const BUCKET_CASES: &str = include_str!("bucket_cases.json");

#[derive(serde::Deserialize)]
struct Report {
    labs: usize,
    problems: Vec<String>,
}

/// Uses every lab. Returns a line for the summary.
pub(crate) fn use_all(sources: &Sources, problems: &mut Vec<String>) -> Result<String> {
    let root = sources.root().join("book/book");
    let frame = FRAME.replacen("/*program-steps*/[]", PROGRAM_STEPS.trim(), 1);
    let frame = frame.replacen("/*bucket-cases*/[]", BUCKET_CASES.trim(), 1);
    let frame = frame.replacen("/*smuggling*/[]", &smuggled().to_string(), 1);
    let frame = frame.replacen("/*pages*/{}", &serde_json::to_string(&pages_of_labs(&root)?)?, 1);
    let site = Site::serve(&root, frame)?;
    let server = start_server(sources)?;
    site.pass_on(server.addr());
    let Some(browser) = Browser::start(sources, &[], &site.frame(""))? else {
        return Ok(format!("labs skipped: none of {} is installed", NAMES.join(", ")));
    };
    let report = site
        .report(PATIENCE)
        .with_context(|| format!("the labs have not finished after {PATIENCE:?}"))?;
    drop(browser);
    drop(server);
    let report: Report = serde_json::from_str(&report).context("the report on the labs")?;
    problems.extend(report.problems.into_iter().map(|problem| format!("labs: {problem}")));
    let missing = site.missing().into_iter().filter(|path| path != "/favicon.ico");
    problems.extend(missing.map(|path| format!("labs: nothing at {path}")));
    Ok(format!("labs used in a browser: {}", report.labs))
}

/// The page of each lab in the built book: labs may move from page to page.
fn pages_of_labs(root: &Path) -> Result<BTreeMap<String, String>> {
    let mut labs = BTreeMap::new();
    for page in pages(root)? {
        let text = fs::read_to_string(root.join(&page)).with_context(|| page.clone())?;
        for (at, _) in text.match_indices("<lab-") {
            let name = text[at + 1..].split([' ', '>', '\n']).next().unwrap_or_default();
            labs.insert(name.to_string(), format!("/{page}"));
        }
    }
    Ok(labs)
}

/// The server that three of the labs send bytes to.
fn start_server(sources: &Sources) -> Result<Program> {
    let built = Built::everything(sources, &BTreeSet::new())?;
    let program = built.folder.join(format!("labs{}", env::consts::EXE_SUFFIX));
    Program::start(&program, &["--addr", "127.0.0.1:0"])
        .with_context(|| format!("starting {}", program.display()))
}

/// The rows of the smuggling table: what is sent, and the statuses that answer it.
fn smuggled() -> Value {
    let rows = smuggling::rows().into_iter().filter_map(|row| {
        let name = row.to_string();
        let Test::Exchange { bytes, statuses, .. } = row.test else { return None };
        Some(json!({ "name": name, "bytes": bytes, "statuses": statuses }))
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::{Duration, Instant};

    use ch01_echo_socket::core::State;
    use ch05_middleware::middleware::token_bucket::{Limit, TokenBucket};
    use serde_json::json;

    use super::*;

    #[test]
    fn the_program_steps_of_the_labs_are_those_of_chapter_1() {
        let told: Vec<(String, String)> = serde_json::from_str(PROGRAM_STEPS).unwrap();
        let mut real = Vec::new();
        for from in State::ALL {
            for to in State::ALL {
                if from != to && from.may_become(to) {
                    real.push((format!("{from:?}"), format!("{to:?}")));
                }
            }
        }
        assert_eq!(told, real);
    }

    #[test]
    fn the_bucket_cases_of_the_labs_are_what_chapter_5_answers() {
        let limits = [(5, 1, 1000), (1, 1, 1000), (3, 7, 1000), (20, 20, 1000), (2, 3, 100)];
        let times = [0, 0, 0, 1, 99, 100, 333, 334, 999, 1000, 1001, 1500, 1400, 2999, 60_000];
        let mut real = Vec::new();
        for (burst, rate, per) in limits {
            let limit = Limit {
                burst: NonZeroU32::new(burst).unwrap(),
                rate: NonZeroU32::new(rate).unwrap(),
                per: Duration::from_millis(per),
            };
            let start = Instant::now();
            let mut bucket = TokenBucket::new(limit, start);
            // A request to a full bucket of fractions has remainders below a millisecond, which are rounded up.
            let up = |time: Duration| time.as_nanos().div_ceil(1_000_000);
            let asked = times.map(|at| {
                let verdict = bucket.take(limit, start + Duration::from_millis(at));
                json!({
                    "at": at,
                    "allowed": verdict.allowed,
                    "remaining": verdict.remaining,
                    "next": u64::try_from(up(verdict.next)).unwrap(),
                    "full": u64::try_from(up(verdict.full)).unwrap(),
                })
            });
            let limit = json!({ "burst": burst, "rate": rate, "per": per });
            real.push(json!({ "limit": limit, "asked": asked }));
        }
        let told: Value = serde_json::from_str(BUCKET_CASES).unwrap();
        let real = Value::from(real);
        assert_eq!(told, real, "the file must be: {real}");
    }

    #[test]
    fn the_frame_has_a_place_for_what_the_chapters_say() {
        assert!(FRAME.contains("/*program-steps*/[]") && FRAME.contains("/*bucket-cases*/[]"));
        assert!(FRAME.contains("/*smuggling*/[]"));
    }

    #[test]
    fn there_are_rows_about_smuggling_for_the_parser_lab() {
        assert!(smuggled().as_array().is_some_and(|rows| rows.len() > 30));
    }
}
