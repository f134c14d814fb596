//! Opens the pages of the built book, as they are published, with the content security policy.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use super::program::visit;
use super::site::Site;
use crate::sources::{Sources, target};
use crate::{files, publish};

/// Opens all pages of a list, or shows one of them.
const FRAME: &str = include_str!("frame.html");

/// What mdBook writes into a page that redirects.
const REDIRECT: &str = "<meta http-equiv=\"refresh\"";

/// Opens every page in the light theme at the width of a desktop, and in the dark theme at the width of a phone.
/// Returns a line for the summary.
pub(crate) fn look(sources: &Sources, problems: &mut Vec<String>) -> Result<String> {
    let root = target(sources).join("published/pages");
    publish::run(sources, &root)?;
    let site = Site::serve(&root, with_data(FRAME, &all(&root)?.into())?, None, None)?;
    let did = |count| format!("{count} pages in a browser");
    let summary = visit("browser", sources, &site, 1, problems, did)?;
    problems.extend(site.missing("browser"));
    Ok(summary)
}

/// Inserts its data into a frame page.
pub(super) fn with_data(frame: &str, data: &Value) -> Result<String> {
    let place = frame.split_once("/*data*/null");
    let (before, after) = place.context("the frame page has no place for its data")?;
    Ok(format!("{before}{data}{after}"))
}

/// The addresses of the pages of the built book, except the pages that redirect to another.
pub(super) fn all(root: &Path) -> Result<Vec<String>> {
    let mut pages = files::built_pages(root)?;
    pages.retain(|page| !files::read(root, page).is_ok_and(|html| html.contains(REDIRECT)));
    Ok(pages.iter().map(|page| format!("/{page}")).collect())
}
