//! Checks the pages with axe-core: a reader must be able to use them with a screen reader, with a keyboard, and with
//! low vision.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::pages;
use super::program::{skipped, visit_all};
use super::site::Site;
use crate::sources::{Sources, target};

/// The tested version. A later version may have more rules.
const VERSION: &str = "4.11.1";

/// The number of browsers that share the pages. Each checks one page at a time.
const BROWSERS: usize = 2;

/// How long a browser may take for its pages, even while other tests run.
const PATIENCE: Duration = Duration::from_secs(1200);

const FRAME: &str = include_str!("accessibility.html");

/// The address of axe-core on the server.
const SCRIPT: &str = "/__axe.js";

/// Checks every page in the light and the dark theme. Returns a line for the summary.
pub(crate) fn check(sources: &Sources, problems: &mut Vec<String>) -> Result<String> {
    let script = match script(sources) {
        Ok(script) => script,
        Err(reason) => return Ok(format!("accessibility skipped: {reason:#}")),
    };
    let root = sources.root().join("book/book");
    let pages = pages::all(&root)?;
    let site = Site::serve(&root, pages::in_frame(FRAME, &pages)?)?;
    site.also(SCRIPT, script);
    let queries: Vec<_> =
        (0..BROWSERS).map(|it| format!("?share={it}&shares={BROWSERS}")).collect();
    // Each browser reports when it has finished its share of the pages.
    let reports = visit_all::<Vec<String>>(sources, &site, &queries, PATIENCE)?;
    let Some(reports) = reports else { return Ok(skipped("accessibility")) };
    let all: BTreeSet<String> = reports.into_iter().flatten().collect();
    problems.extend(all.into_iter().map(|problem| format!("accessibility: {problem}")));
    Ok(format!("axe-core {VERSION} on {} pages", pages.len()))
}

/// Returns axe-core, which is downloaded into the target directory if it is not there.
fn script(sources: &Sources) -> Result<Vec<u8>> {
    let folder = target(sources).join(format!("axe-core-{VERSION}"));
    let script = folder.join("package/axe.min.js");
    if !script.is_file() {
        fs::create_dir_all(&folder)?;
        fetch(&folder)?;
    }
    fs::read(&script).with_context(|| script.display().to_string())
}

/// Downloads and unpacks the package. npm verifies it against the checksum in the registry.
fn fetch(folder: &Path) -> Result<()> {
    let package = format!("axe-core@{VERSION}");
    run(Command::new("npm")
        .args(["pack", &package, "--silent", "--fetch-retries=1", "--fetch-timeout=30000"])
        .current_dir(folder))?;
    let archive = format!("axe-core-{VERSION}.tgz");
    run(Command::new("tar").args(["-xzf", &archive]).current_dir(folder))
}

fn run(command: &mut Command) -> Result<()> {
    let told = format!("{command:?}").replace('"', "");
    let output = command.stdin(Stdio::null()).output().with_context(|| told.clone())?;
    if !output.status.success() {
        bail!("{told} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
