//! Builds the book and checks the result: listings, figures, links, and how pages work in a browser.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use wire::side_by_side;

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
    let is_browser = |part: &Part| matches!(part, Part::Browser | Part::Labs | Part::Accessibility);
    let (mut browsers, others): (Vec<Part>, Vec<Part>) =
        chosen.iter().copied().partition(is_browser);
    let (mut problems, mut done) = (Vec::new(), Vec::new());
    for part in others {
        let before = problems.len();
        done.push(part.check(&sources, show, &mut problems)?);
        // The remaining checks read the built book.
        if part == Part::Build && problems.len() > before {
            browsers.clear();
            break;
        }
    }
    // They run in parallel, because a browser mostly waits for its pages.
    let looks = side_by_side(browsers.len(), &browsers, |part| {
        let mut problems = Vec::new();
        let did = part.check(&Sources::find()?, show, &mut problems)?;
        anyhow::Ok((problems, did))
    });
    for look in looks {
        let (found, did) = look?;
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
    ) -> Result<String> {
        let root = sources.root();
        Ok(match self {
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
            Part::Browser => browser::pages::look(sources, problems)?,
            Part::Labs => browser::labs::use_all(sources, problems)?,
            Part::Accessibility => browser::accessibility::check(sources, problems)?,
        })
    }
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
