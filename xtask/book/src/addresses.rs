//! The addresses of the book. `SUMMARY.md` lists every page, and every address that the book has ever had is a page, or
//! redirects to a page.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;

use crate::config::Config;
use crate::pattern::regex;
use crate::{files, links};

/// The list of the addresses that the book has had.
const ADDRESSES: &str = "book/addresses.txt";

/// Compares the pages in `SUMMARY.md` with the files in `book/src`, the redirects in `book.toml`, and the former
/// addresses. Returns the number of redirects.
pub(crate) fn check(root: &Path, problems: &mut Vec<String>) -> Result<usize> {
    let pages = pages(&files::read(root, "book/src/SUMMARY.md")?);
    let config = Config::read(root)?;
    problems.extend(unlisted(&pages, &files::below(&root.join("book/src"), "md")?));
    problems.extend(wrong(&pages, &config.redirects));
    problems.extend(lost(&files::read(root, ADDRESSES)?, &pages, &config.redirects));
    Ok(config.redirects.len())
}

/// The addresses of the pages: `part1/index.html`.
fn pages(summary: &str) -> BTreeSet<String> {
    let links = regex!(r"\]\(([^)#]+)\.md\)").captures_iter(summary);
    links.map(|found| format!("{}.html", &found[1])).collect()
}

/// Pages that no reader can reach. (mdBook itself reports a page of `SUMMARY.md` that does not exist.)
fn unlisted(pages: &BTreeSet<String>, files: &[String]) -> Vec<String> {
    let is_listed = |file: &str| pages.contains(&format!("{}.html", file.trim_end_matches(".md")));
    // Files in `generated/` are shown on other pages, by a directive.
    let files =
        files.iter().filter(|file| !file.starts_with("generated/") && *file != "SUMMARY.md");
    let lost = files.filter(|file| !is_listed(file));
    lost.map(|file| format!("book/src/{file}: not in SUMMARY.md, so nobody finds it")).collect()
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
        let pages = pages("- [A](a.md)\n    - [B](b/index.md)\n");
        let redirects = [
            ("/a/old.html", "../a.html#x"),
            ("/c.html", "/b/index.html"),
            ("/b/index.html", "../a.html"),
            ("/d.html", "gone.html"),
        ];
        let redirects = &redirects.map(|(from, to)| (from.to_string(), to.to_string())).into();
        assert_eq!(
            wrong(&pages, redirects),
            [
                "book/book.toml: /b/index.html is a page, and redirects to ../a.html",
                "book/book.toml: /d.html redirects to gone.html, which is no page"
            ]
        );
        let addresses = "# Why.\na.html\nc.html\n\ne.html\n";
        assert_eq!(
            lost(addresses, &pages, redirects),
            ["book/addresses.txt: e.html is no page any more, and has no redirect"]
        );
    }
    #[test]
    fn a_page_that_is_not_listed_is_found() {
        let files = ["SUMMARY.md", "a.md", "b/index.md", "generated/t.md"].map(str::to_string);
        assert_eq!(
            unlisted(&pages("- [A](a.md)\n"), &files),
            ["book/src/b/index.md: not in SUMMARY.md, so nobody finds it"]
        );
    }
}
