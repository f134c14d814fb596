//! The labs of the book, used as a reader would use them.

use anyhow::{Context, Result};

use super::site::Site;
use super::{Browser, NAMES, PATIENCE};
use crate::source::Sources;

const FRAME: &str = include_str!("labs.html");

/// The steps from state to state that chapter 1's server may take, as its table has them.
const PROGRAM_STEPS: &str = include_str!("program_steps.json");

#[derive(serde::Deserialize)]
struct Report {
    labs: usize,
    problems: Vec<String>,
}

/// Uses every lab. Returns a line for the summary.
pub(crate) fn use_all(sources: &Sources, problems: &mut Vec<String>) -> Result<String> {
    let root = sources.root().join("book/book");
    let frame = FRAME.replacen("/*program-steps*/[]", PROGRAM_STEPS.trim(), 1);
    let site = Site::serve(&root, frame)?;
    let Some(browser) = Browser::start(sources, &[], &site.frame(""))? else {
        return Ok(format!("labs skipped: none of {} is installed", NAMES.join(", ")));
    };
    let report = site
        .report(PATIENCE)
        .with_context(|| format!("the labs have not finished after {PATIENCE:?}"))?;
    drop(browser);
    let report: Report = serde_json::from_str(&report).context("the report on the labs")?;
    problems.extend(report.problems.into_iter().map(|problem| format!("labs: {problem}")));
    let missing = site.missing().into_iter().filter(|path| path != "/favicon.ico");
    problems.extend(missing.map(|path| format!("labs: nothing at {path}")));
    Ok(format!("labs used in a browser: {}", report.labs))
}

#[cfg(test)]
mod tests {
    use ch01_echo_socket::core::State;

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
    fn the_frame_has_a_place_for_the_program_steps() {
        assert!(FRAME.contains("/*program-steps*/[]"));
    }
}
