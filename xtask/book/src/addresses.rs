//! The addresses of the book. `SUMMARY.md` lists every page, and every address that the book has ever had is a page, or
//! redirects to a page.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;

use crate::config::Config;
use crate::files;
use crate::pattern::regex;

/// The list of the addresses that the book has had.
const ADDRESSES: &str = "book/addresses.txt";

/// Compares the pages in `SUMMARY.md` with the files in `book/src`, the redirects in `book.toml`, and the former
/// addresses. Returns the number of redirects.
pub(crate) fn check(root: &Path, problems: &mut Vec<String>) -> Result<usize> {
    let pages = pages(&files::read(root, "book/src/SUMMARY.md")?);
    let config = Config::read(root)?;
    problems.extend(unlisted(&pages, &files::below(&root.join("book/src"), "md")?));
    problems.extend(hidden(&pages, &config.redirects));
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

/// Redirects that a page hides. (A redirect to nothing is a page with a dead link, and `check links` finds these.)
fn hidden(pages: &BTreeSet<String>, redirects: &BTreeMap<String, String>) -> Vec<String> {
    let hidden = redirects.iter().filter(|(from, _)| pages.contains(from.trim_start_matches('/')));
    hidden
        .map(|(from, to)| format!("book/book.toml: {from} is a page, and redirects to {to}"))
        .collect()
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
    fn an_address_is_a_page_or_redirects() {
        let pages = pages("- [A](a.md)\n    - [B](b/index.md)\n");
        let redirects = ["/b/index.html", "/c.html"].map(|from| (from.into(), "a.html".into()));
        let redirects = BTreeMap::from(redirects);
        assert_eq!(
            hidden(&pages, &redirects),
            ["book/book.toml: /b/index.html is a page, and redirects to a.html"]
        );
        assert_eq!(
            lost("# Why.\na.html\nc.html\n\ne.html\n", &pages, &redirects),
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
