//! A headless browser, which is one of the programs that the machine has. It does the work of a frame page, and the page
//! sends a report.

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;
use tempfile::TempDir;

use super::site::Site;
use crate::sources::{Sources, temporary};

/// The names of the browser's program on different systems.
pub(super) const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// How long the browser may take for all pages.
const PATIENCE: Duration = Duration::from_secs(600);

/// It loads only our own pages, and may run as root in CI, where its sandbox cannot start.
const OPTIONS: &str = "--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
    --disable-background-networking --disable-component-update --disable-sync --disable-extensions --hide-scrollbars";

/// A browser that runs. It is killed when the value is dropped.
pub(super) struct Browser {
    child: Child,
    /// Deleted after the browser has ended.
    _profile: TempDir,
}

impl Browser {
    /// `None` if no browser is installed.
    pub(super) fn start(
        sources: &Sources,
        options: &[String],
        url: &str,
    ) -> Result<Option<Browser>> {
        let profile = temporary(sources, "browser")?;
        for name in NAMES {
            let child = Command::new(name)
                .args(OPTIONS.split(' '))
                .arg(format!("--user-data-dir={}", profile.path().display()))
                .args(options)
                .arg(url)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn();
            if let Ok(child) = child {
                return Ok(Some(Browser { child, _profile: profile }));
            }
        }
        Ok(None)
    }

    /// Waits until the browser has written its output.
    pub(super) fn wait(mut self) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        while self.child.try_wait()?.is_none() {
            if Instant::now() >= until {
                bail!("the browser has not finished after {PATIENCE:?}");
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Opens the frame page. Returns `None` if no browser is installed.
pub(super) fn visit<T: DeserializeOwned>(sources: &Sources, site: &Site) -> Result<Option<T>> {
    let reports = visit_all(sources, site, &[String::new()], PATIENCE)?;
    Ok(reports.and_then(|mut reports| reports.pop()))
}

/// Opens the frame page once with each query, at the same time. The reports are in the order in which they arrive.
pub(super) fn visit_all<T: DeserializeOwned>(
    sources: &Sources,
    site: &Site,
    queries: &[String],
    patience: Duration,
) -> Result<Option<Vec<T>>> {
    let mut browsers = Vec::new();
    for query in queries {
        match Browser::start(sources, &[], &site.frame(query))? {
            Some(browser) => browsers.push(browser),
            None => return Ok(None),
        }
    }
    let mut reports = Vec::new();
    for _ in &browsers {
        let report = site.report(patience);
        let report =
            report.with_context(|| format!("the browser has not finished after {patience:?}"))?;
        reports.push(serde_json::from_str(&report).context("the report of the browser")?);
    }
    Ok(Some(reports))
}

/// The summary of a check without a browser.
pub(super) fn skipped(name: &str) -> String {
    format!("{name} skipped: none of {} is installed", NAMES.join(", "))
}
