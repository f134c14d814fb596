//! Uses the labs of the book as a reader would.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use wire::Program;

use super::pages;
use super::program::visit;
use super::site::Site;
use crate::built::Built;
use crate::sources::{Sources, target};
use crate::{files, publish};

const FRAME: &str = include_str!("labs.html");

/// The state transitions that chapter 1's server may make, from the same table that the lab uses.
const PROGRAM_STEPS: &str = include_str!("program_steps.json");

/// Uses every lab, on the pages of a published book. Returns a line for the summary.
pub(crate) fn use_all(sources: &Sources, problems: &mut Vec<String>) -> Result<String> {
    let root = target(sources).join("published/labs");
    publish::run(sources, &root)?;
    // Without the chapters as modules, a lab only shows that they are missing.
    let list = files::read(&root, "labs/chapters.json").context("build the book first")?;
    let has_modules = serde_json::from_str::<Value>(&list)?["target"] == true;
    let (pages, steps) = (pages_of_labs(&root)?, serde_json::from_str::<Value>(PROGRAM_STEPS)?);
    let data = json!({ "pages": pages, "modules": has_modules, "steps": steps });
    // The server to which the request console can send bytes.
    let built = Built::everything(sources)?;
    let server = Program::start(built.program("labs"), &["--addr", "127.0.0.1:0"])?;
    let site = Site::serve(&root, pages::with_data(FRAME, &data)?, None, Some(server.addr()))?;
    let chapters = if has_modules { "" } else { ", but no chapter: there is no wasm32-wasip1" };
    let did = |count| format!("labs used in a browser: {count}{chapters}");
    let summary = visit("labs", sources, &site, 1, problems, did)?;
    problems.extend(site.missing("labs"));
    Ok(summary)
}

/// Finds the page of each lab in the built book, because labs may move between pages.
fn pages_of_labs(root: &Path) -> Result<BTreeMap<String, String>> {
    let mut labs = BTreeMap::new();
    for page in pages::all(root)? {
        let text = files::read(root, &page[1..])?;
        for (at, _) in text.match_indices("<lab-") {
            let name = text[at + 1..].split([' ', '>', '\n']).next().unwrap_or_default();
            labs.insert(name.to_string(), page.clone());
        }
    }
    Ok(labs)
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
}
