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
    let summary = files::read(root, "book/src/SUMMARY.md")?;
    let files = files::below(&root.join("book/src"), "md")?;
    let redirects = Config::read(root)?.redirects;
    problems.extend(compare(&summary, &files, &redirects, &files::read(root, ADDRESSES)?));
    Ok(redirects.len())
}

fn compare(
    summary: &str,
    files: &[String],
    redirects: &BTreeMap<String, String>,
    addresses: &str,
) -> Vec<String> {
    // `part1/index.html`
    let pages = regex!(r"\]\(([^)#]+)\.md\)").captures_iter(summary);
    let pages: BTreeSet<String> = pages.map(|found| format!("{}.html", &found[1])).collect();
    // Files in `generated/` are shown on other pages, by a directive. (mdBook itself reports a page of `SUMMARY.md` that
    // does not exist.)
    let files =
        files.iter().filter(|file| !file.starts_with("generated/") && *file != "SUMMARY.md");
    let unlisted = files
        .filter(|file| !pages.contains(&file.replace(".md", ".html")))
        .map(|file| format!("book/src/{file}: not in SUMMARY.md, so nobody finds it"));
    // A redirect to nothing is a page with a dead link, and `check links` finds these.
    let hidden = redirects
        .iter()
        .filter(|(from, _)| pages.contains(from.trim_start_matches('/')))
        .map(|(from, to)| format!("book/book.toml: {from} is a page, and redirects to {to}"));
    let lost = addresses
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .filter(|line| !pages.contains(*line) && !redirects.contains_key(&format!("/{line}")))
        .map(|line| format!("{ADDRESSES}: {line} is no page any more, and has no redirect"));
    unlisted.chain(hidden).chain(lost).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_listed_and_an_address_is_a_page_or_redirects() {
        let summary = "- [A](a.md)\n    - [B](b/index.md)\n";
        let files = ["SUMMARY.md", "a.md", "b/c.md", "b/index.md", "generated/t.md"];
        let redirects = ["/b/index.html", "/c.html"].map(|from| (from.into(), "a.html".into()));
        let addresses = "# Why.\na.html\nc.html\n\ne.html\n";
        let found = compare(summary, &files.map(str::to_string), &redirects.into(), addresses);
        let expected = [
            "book/src/b/c.md: not in SUMMARY.md, so nobody finds it",
            "book/book.toml: /b/index.html is a page, and redirects to a.html",
            "book/addresses.txt: e.html is no page any more, and has no redirect",
        ];
        assert_eq!(found, expected);
    }
}
