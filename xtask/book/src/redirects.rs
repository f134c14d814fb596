//! Pages that have moved. Every address that the book has ever had is a page, or redirects to a page.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use regex::Regex;

use crate::links;

/// The list of the addresses that the book has had.
const ADDRESSES: &str = "book/addresses.txt";

/// Compares the redirects in `book.toml` and the former addresses with the pages in `SUMMARY.md`. Returns the number of
/// redirects.
pub(crate) fn check(root: &Path, problems: &mut Vec<String>) -> Result<usize> {
    let read = |file: &str| fs::read_to_string(root.join(file)).with_context(|| file.to_string());
    let pages = pages(&read("book/src/SUMMARY.md")?)?;
    let redirects = redirects(&read("book/book.toml")?)?;
    problems.extend(wrong(&pages, &redirects));
    problems.extend(lost(&read(ADDRESSES)?, &pages, &redirects));
    Ok(redirects.len())
}

/// The addresses of the pages: `part1/index.html`.
fn pages(summary: &str) -> Result<BTreeSet<String>> {
    let link = Regex::new(r"\]\(([^)#]+)\.md\)")?;
    Ok(link.captures_iter(summary).map(|found| format!("{}.html", &found[1])).collect())
}

/// Each former address with the target of its redirect, as in the file.
fn redirects(config: &str) -> Result<BTreeMap<String, String>> {
    let config: toml::Table = toml::from_str(config).context("book/book.toml")?;
    let html = config.get("output").and_then(|output| output.get("html"));
    let Some(redirects) = html.and_then(|html| html.get("redirect")) else {
        return Ok(BTreeMap::new());
    };
    Ok(redirects.clone().try_into()?)
}

fn wrong(pages: &BTreeSet<String>, redirects: &BTreeMap<String, String>) -> Vec<String> {
    let mut problems = Vec::new();
    for (from, to) in redirects {
        let address = from.trim_start_matches('/');
        if pages.contains(address) {
            problems.push(format!("book/book.toml: {from} is a page, and redirects to {to}"));
        }
        let target = to.split('#').next().unwrap_or_default();
        let target = match target.strip_prefix('/') {
            Some(absolute) => absolute.to_string(),
            None => links::resolve(Path::new(address), target).display().to_string(),
        };
        if !pages.contains(&target.replace('\\', "/")) {
            problems.push(format!("book/book.toml: {from} redirects to {to}, which is no page"));
        }
    }
    problems
}

/// The former addresses without a page or a redirect.
fn lost(
    addresses: &str,
    pages: &BTreeSet<String>,
    redirects: &BTreeMap<String, String>,
) -> Vec<String> {
    let addresses = addresses.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let lost = addresses.filter(|address| {
        !pages.contains(*address) && !redirects.contains_key(&format!("/{address}"))
    });
    lost.map(|address| format!("{ADDRESSES}: {address} is no page any more, and has no redirect"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_leads_to_a_page() {
        let pages = pages("- [A](a.md)\n    - [B](b/index.md)\n").unwrap();
        let config = "[output.html.redirect]\n'/a/old.html' = '../a.html#x'\n'/c.html' = '/b/index.html'\n\
            '/b/index.html' = '../a.html'\n'/d.html' = 'gone.html'\n";
        let redirects = redirects(config).unwrap();
        assert_eq!(
            wrong(&pages, &redirects),
            [
                "book/book.toml: /b/index.html is a page, and redirects to ../a.html",
                "book/book.toml: /d.html redirects to gone.html, which is no page"
            ]
        );
        let addresses = "# Why.\na.html\nc.html\n\ne.html\n";
        assert_eq!(
            lost(addresses, &pages, &redirects),
            ["book/addresses.txt: e.html is no page any more, and has no redirect"]
        );
    }
}
