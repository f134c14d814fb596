//! Checks the fenced blocks of the pages.

use std::path::Path;

use anyhow::Result;

use crate::files;
use crate::page::fences;

/// The expected number of code blocks that are written in the prose instead of taken from a crate: compile errors, and
/// variants of the code. All are marked.
const SKETCHES: usize = 12;

/// Checks that the prose has no code, because every listing is taken from a crate. Returns the number of sketches.
pub(crate) fn check(root: &Path, problems: &mut Vec<String>) -> Result<usize> {
    let mut sketches = 0;
    for (page, text) in files::pages(root)? {
        for fence in fences(&text) {
            let place = format!("book/src/{page}:{}", fence.line);
            match fence.kind() {
                "rust" if fence.info.split([' ', ',']).any(|word| word == "sketch") => {
                    sketches += 1;
                }
                "rust" => problems.push(format!(
                    "{place}: code in a page drifts; use {{{{#item …}}}} to take it from a chapter"
                )),
                "" => problems.push(format!("{place}: say what this block is, such as ```text")),
                _ => {}
            }
        }
    }
    if sketches > SKETCHES {
        problems.push(format!("{sketches} sketches of code in the prose are more than {SKETCHES}"));
    }
    Ok(sketches)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn code_without_a_mark_a_block_without_a_name_and_too_many_sketches_are_found() {
        let root = tempfile::tempdir().unwrap();
        let pages = root.path().join("book/src");
        fs::create_dir_all(&pages).unwrap();
        let sketches = "```rust,sketch\nx\n```\n".repeat(SKETCHES);
        let found = |page: &str| {
            fs::write(pages.join("a.md"), page).unwrap();
            let mut problems = Vec::new();
            check(root.path(), &mut problems).unwrap();
            problems
        };
        assert_eq!(found(&format!("# A\n\n```text\nx\n```\n{sketches}")), [""; 0]);
        for (block, expected) in [
            ("```rust\nfn a() {}\n```\n", "book/src/a.md:1: code in a page drifts; "),
            ("```\nx\n```\n", "book/src/a.md:1: say what this block is, "),
            ("```rust,sketch\nx\n```\n", "13 sketches of code in the prose are more than 12"),
        ] {
            let problems = found(&format!("{block}{sketches}"));
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert!(problems[0].starts_with(expected), "{problems:?}");
        }
    }
}
