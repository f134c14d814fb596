//! A headless browser, which is one of the programs that the machine has. It does the work of a frame page, and the page
//! sends a report.

use std::collections::BTreeSet;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;
use wire::clients::{BROWSER_OPTIONS, BROWSERS};

use super::site::Site;
use crate::sources::{Sources, temporary};

/// How long a browser may take for its pages, even while other tests run.
const PATIENCE: Duration = Duration::from_secs(1200);

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
        for name in BROWSERS {
            let child = Command::new(name)
                .args(BROWSER_OPTIONS.split(' '))
                .arg("--hide-scrollbars")
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

/// The report of a frame page.
#[derive(serde::Deserialize)]
struct Report {
    /// How many pages, labs or responses it has checked.
    count: usize,
    problems: Vec<String>,
}

/// Opens the frame page of a check in browsers that share the work. Adds the problems that they report. Returns what
/// they `did` for the summary, from how much they have checked, or that no browser is installed.
pub(super) fn visit(
    check: &str,
    sources: &Sources,
    site: &Site,
    shares: usize,
    problems: &mut Vec<String>,
    did: impl FnOnce(usize) -> String,
) -> Result<String> {
    let mut browsers = Vec::new();
    for share in 0..shares {
        let Some(browser) = Browser::start(sources, &[], &site.frame(share, shares))? else {
            let names = BROWSERS.join(", ");
            return Ok(format!("{check} skipped: none of {names} is installed"));
        };
        browsers.push(browser);
    }
    let (mut count, mut found) = (0, BTreeSet::new());
    for _ in &browsers {
        let report = site.report(PATIENCE);
        let report =
            report.with_context(|| format!("the browser has not finished after {PATIENCE:?}"))?;
        let report: Report = serde_json::from_str(&report).context("the report of the browser")?;
        count += report.count;
        found.extend(report.problems);
    }
    problems.extend(found.into_iter().map(|problem| format!("{check}: {problem}")));
    Ok(did(count))
}
