//! Checks the pages with axe-core: a reader must be able to use them with a screen reader, with a keyboard, and with
//! low vision.

use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::pages::{self, with_data};
use super::program::visit;
use super::site::Site;
use crate::sources::{Sources, target};

/// The tested version. A later version may have more rules.
const VERSION: &str = "4.11.1";

/// The number of browsers that share the pages. Each checks one page at a time.
const BROWSERS: usize = 2;

const FRAME: &str = include_str!("accessibility.html");

/// Checks every page in the light and the dark theme. Returns a line for the summary.
pub(crate) fn check(sources: &Sources, problems: &mut Vec<String>) -> Result<String> {
    let script = match script(sources) {
        Ok(script) => script,
        Err(reason) => return Ok(format!("accessibility skipped: {reason:#}")),
    };
    let root = sources.root().join("book/book");
    let frame = with_data(FRAME, &pages::all(&root)?.into())?;
    let site = Site::serve(&root, frame, Some(script), None)?;
    let did = |count| format!("axe-core {VERSION} on {count} pages");
    visit("accessibility", sources, &site, BROWSERS, problems, did)
}

/// Returns axe-core. If it is not there, npm gets it into the target directory, and verifies it against the checksum in
/// the registry.
fn script(sources: &Sources) -> Result<Vec<u8>> {
    let directory = target(sources).join(format!("axe-core-{VERSION}"));
    let script = directory.join("node_modules/axe-core/axe.min.js");
    if !script.is_file() {
        let mut npm = Command::new("npm");
        npm.args(["install", &format!("axe-core@{VERSION}"), "--ignore-scripts", "--no-save"])
            .args(["--silent", "--fetch-retries=1", "--fetch-timeout=30000", "--prefix"])
            .arg(&directory)
            .stdin(Stdio::null());
        let told = format!("{npm:?}").replace('"', "");
        let output = npm.output().with_context(|| told.clone())?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{told} failed: {}", error.trim());
    }
    fs::read(&script).with_context(|| script.display().to_string())
}
