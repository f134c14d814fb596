//! Lets a browser do the work of a frame page, and reads the report that the page sends.

use std::time::Duration;

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;

use super::program::{Browser, NAMES, PATIENCE};
use super::site::Site;
use crate::sources::Sources;

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
