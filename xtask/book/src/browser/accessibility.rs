//! Checks the pages with axe-core: a reader must be able to use them with a screen reader, with a keyboard, and with
//! low vision.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::site::Site;
use super::{Browser, NAMES, pages, with_pages};
use crate::source::{Sources, target};

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
    let script = match script(sources)? {
        Ok(script) => script,
        Err(reason) => return Ok(format!("accessibility skipped: {reason}")),
    };
    let root = sources.root().join("book/book");
    let pages = pages(&root)?;
    let site = Site::serve(&root, with_pages(FRAME, &pages)?)?;
    site.also(SCRIPT, fs::read(script)?);
    let mut browsers = Vec::new();
    for share in 0..BROWSERS {
        let url = site.frame(&format!("?share={share}&shares={BROWSERS}"));
        let Some(browser) = Browser::start(sources, &[], &url)? else {
            return Ok(format!("accessibility skipped: none of {} is installed", NAMES.join(", ")));
        };
        browsers.push(browser);
    }
    // Each browser reports when it has finished its share of the pages.
    let mut all = BTreeSet::new();
    for _ in &browsers {
        let report = site
            .report(PATIENCE)
            .with_context(|| format!("axe-core has not finished after {PATIENCE:?}"))?;
        let found: Vec<String> = serde_json::from_str(&report).context("the report of axe-core")?;
        all.extend(found);
    }
    drop(browsers);
    problems.extend(all.into_iter().map(|problem| format!("accessibility: {problem}")));
    Ok(format!("axe-core {VERSION} on {} pages", pages.len()))
}

/// Returns the path of axe-core in the target directory, and downloads it if it is missing. The inner error is the
/// reason why it is not available.
fn script(sources: &Sources) -> Result<Result<PathBuf, String>> {
    let folder = target(sources).join(format!("axe-core-{VERSION}"));
    let script = folder.join("package/axe.min.js");
    if script.is_file() {
        return Ok(Ok(script));
    }
    fs::create_dir_all(&folder)?;
    if let Err(reason) = fetch(&folder) {
        return Ok(Err(format!("{reason:#}")));
    }
    if !script.is_file() {
        bail!("axe-core {VERSION} has no axe.min.js in {}", folder.display());
    }
    Ok(Ok(script))
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
