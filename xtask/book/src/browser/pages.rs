//! Opens the pages of the built book, as they are published, with the content security policy.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::program::{skipped, visit};
use super::site::Site;
use crate::sources::{Sources, target};
use crate::{files, publish};

/// Opens all pages of a list, or shows one of them.
pub(super) const FRAME: &str = include_str!("frame.html");

/// What mdBook writes into a page that redirects.
const REDIRECT: &str = "<meta http-equiv=\"refresh\"";

/// Opens every page in the light theme at the width of a desktop, and in the dark theme at the width of a phone.
/// Returns a line for the summary.
pub(crate) fn look(sources: &Sources, problems: &mut Vec<String>) -> Result<String> {
    let root = target(sources).join("published/pages");
    publish::run(sources, &root)?;
    let pages = all(&root)?;
    let site = Site::serve(&root, in_frame(FRAME, &pages)?)?;
    let Some(seen) = visit::<Vec<String>>(sources, &site)? else { return Ok(skipped("browser")) };
    problems.extend(seen.into_iter().map(|problem| format!("browser: {problem}")));
    problems.extend(site.missing("browser"));
    Ok(format!("{} pages in a browser", pages.len()))
}

/// Inserts the list of pages into a frame page.
pub(super) fn in_frame(frame: &str, pages: &[String]) -> Result<String> {
    let absolute: Vec<String> = pages.iter().map(|page| format!("/{page}")).collect();
    insert(frame, "/*pages*/[]", &serde_json::to_string(&absolute)?)
}

/// Inserts JSON in this place of a frame page.
pub(super) fn insert(frame: &str, place: &str, json: &str) -> Result<String> {
    ensure!(frame.contains(place), "the frame page has no {place}");
    Ok(frame.replacen(place, json, 1))
}

/// The pages of the built book, except the print page, which contains all others, and the pages that redirect to another.
pub(super) fn all(root: &Path) -> Result<Vec<String>> {
    let mut pages = files::below(root, "html").context("build the book first")?;
    pages.retain(|page| {
        !["print.html", "toc.html", "404.html"].contains(&page.as_str())
            && !files::read(root, page).is_ok_and(|html| html.contains(REDIRECT))
    });
    Ok(pages)
}
