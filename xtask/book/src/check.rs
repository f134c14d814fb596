//! Builds the book and checks the result: listings, figures, links, and how pages work in a browser.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::thread;

use anyhow::{Context, Result, anyhow, bail};
use clap::ValueEnum;

use crate::sources::Sources;
use crate::{
    addresses, browser, core, counts, drawings, exercise, export, fences, files, links, words,
};

/// mdBook warns above 10 MB. A page fetches the index only when its reader opens the search, and a search over all pages
/// is worth that.
const EXPECTED_WARNING: &str = "search index is very large";

/// The checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Part {
    /// `mdbook build book` prints no warning.
    Build,
    /// Code on a page comes from a chapter, every exercise is on a page, and counts in the prose are right.
    Listings,
    /// Links have a target, every page is in SUMMARY.md, and a page that has moved redirects.
    Links,
    /// Pictures have an alternative text, and the kept drawings match their pages.
    Figures,
    /// The pages can be written as an EPUB.
    Epub,
    /// The core path keeps its budgets of words, code and minutes, and its pages have what a core page needs.
    Core,
    /// Plain English and the terms of the field: the patterns of `words.toml` are rare, and its terms are taught.
    Words,
    /// No script fails, nothing is missing, no page is too wide for a phone.
    Browser,
    /// Each lab works when a real browser clicks and types into it.
    Labs,
    /// Each row of the wire tables has the same response in a page as over a socket.
    Rows,
    /// axe-core finds nothing serious, in light and in dark.
    Accessibility,
}

/// Runs these checks, and prints a summary as the last line.
pub(crate) fn run(chosen: &[Part], show: Option<&str>) -> Result<()> {
    let sources = Sources::find()?;
    // `cargo xtask test page` compares the rows: they need the chapters and not the book.
    let usual: Vec<Part> =
        Part::value_variants().iter().copied().filter(|part| *part != Part::Rows).collect();
    let chosen = if chosen.is_empty() { &usual } else { chosen };
    let (mut problems, mut done, mut is_built) = (Vec::new(), Vec::new(), true);
    for part in chosen {
        let before = problems.len();
        done.extend(part.check(&sources, show, &mut problems)?);
        // The remaining checks read the built book.
        if *part == Part::Build && problems.len() > before {
            is_built = false;
            break;
        }
    }
    for (found, did) in if is_built { in_browsers(chosen)? } else { Vec::new() } {
        problems.extend(found);
        done.push(did);
    }
    let mut told = BTreeSet::new();
    problems.retain(|problem| told.insert(problem.clone()));
    if !problems.is_empty() {
        bail!("{} problems in the book\n{}", problems.len(), problems.join("\n"));
    }
    println!("book: {}", done.join(", "));
    Ok(())
}

impl Part {
    /// Adds the problems that it finds. Returns a few words for the summary.
    fn check(
        self,
        sources: &Sources,
        show: Option<&str>,
        problems: &mut Vec<String>,
    ) -> Result<Option<String>> {
        let root = sources.root();
        Ok(Some(match self {
            Part::Build => build(root, problems)?,
            Part::Listings => {
                let sketches = fences::check(root, problems)?;
                let exercises = exercise::check(sources, &files::pages(root)?, problems)?;
                let counts = counts::check(sources, problems)?;
                format!(
                    "{sketches} sketches of code in the prose, {exercises} exercises on pages, {counts} counts compared"
                )
            }
            Part::Links => {
                let count = links::check(&root.join("book/book"), problems)?;
                let moved = addresses::check(root, problems)?;
                format!("{count} internal links, {moved} redirects")
            }
            Part::Figures => {
                let count = links::figures(&root.join("book/book"), problems)?;
                drawings::check(root, problems)?;
                format!("{count} pictures")
            }
            Part::Epub => export::check(root, problems)?,
            Part::Core => core::check(sources, problems)?,
            Part::Words => words::check(root, show, problems)?,
            Part::Rows => browser::rows::compare(sources, problems)?,
            // They run in parallel, after the others.
            Part::Browser | Part::Labs | Part::Accessibility => return Ok(None),
        }))
    }
}

/// Runs the checks that need a browser. They run in parallel, because a browser mostly waits for its pages. The
/// problems and the summary of each check are in the order of `chosen`.
fn in_browsers(chosen: &[Part]) -> Result<Vec<(Vec<String>, String)>> {
    let looks = chosen.iter().filter_map(|part| match part {
        Part::Browser => Some(browser::pages::look as fn(&Sources, &mut Vec<String>) -> _),
        Part::Labs => Some(browser::labs::use_all),
        Part::Accessibility => Some(browser::accessibility::check),
        _ => None,
    });
    thread::scope(|scope| {
        let start = |look: fn(&Sources, &mut Vec<String>) -> Result<String>| {
            scope.spawn(move || {
                let mut problems = Vec::new();
                look(&Sources::find()?, &mut problems).map(|did| (problems, did))
            })
        };
        let threads: Vec<_> = looks.map(start).collect();
        let ends = threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| anyhow!("a look at the book has panicked"))?);
        ends.collect()
    })
}

/// Runs `mdbook build book`, which must print no warning.
fn build(root: &Path, problems: &mut Vec<String>) -> Result<String> {
    let mut mdbook = Command::new("mdbook");
    let output = mdbook.args(["build", "book"]).current_dir(root).output();
    let output = output.context("mdbook is not installed: `cargo install mdbook --locked`")?;
    let log = String::from_utf8_lossy(&output.stderr);
    let is_problem = |line: &str| {
        (line.contains("WARN") || line.contains("ERROR")) && !line.contains(EXPECTED_WARNING)
    };
    if !output.status.success() || log.lines().any(is_problem) {
        problems.push(format!("mdbook build book:\n{}", log.trim()));
    }
    Ok("the book builds".to_string())
}
