//! Builds the book and checks the result: listings, figures, links, and how pages work in a browser.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::thread::{self, ScopedJoinHandle};

use anyhow::{Context, Result, anyhow, bail};

use crate::page::{self, parts};
use crate::source::Sources;
use crate::{
    browser, core, counts, coverage, drawings, export, files, gate, links, redirects, transcript,
    words,
};

/// The expected number of code blocks that are written in the prose instead of taken from a crate: compile errors, and
/// variants of the code. All are marked.
const SKETCHES: usize = 12;

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
    /// Each row of the wire tables has the same response in a page as over a socket, in node and in a real browser.
    Rows,
    /// axe-core finds nothing serious, in light and in dark.
    Accessibility,
    /// Every line of a chapter is shown.
    Coverage,
    /// Transcripts match the output of the programs.
    Transcripts,
}

/// The default checks of `check`, which need no other program than a browser.
const USUAL: [Part; 10] = [
    Part::Build,
    Part::Listings,
    Part::Links,
    Part::Figures,
    Part::Epub,
    Part::Core,
    Part::Words,
    Part::Browser,
    Part::Labs,
    Part::Accessibility,
];

/// Runs these checks, and prints a summary as the last line.
pub(crate) fn run(chosen: &[Part], wanted: &words::Wanted) -> Result<()> {
    let sources = Sources::find()?;
    let chosen = if chosen.is_empty() { &USUAL } else { chosen };
    let (mut problems, mut done, mut built) = (Vec::new(), Vec::new(), true);
    for part in chosen {
        let before = problems.len();
        match part {
            Part::Build => {
                build(&sources, &mut problems)?;
                done.push("the book builds".to_string());
            }
            Part::Listings => {
                let sketches = listings(&sources, &mut problems)?;
                let exercises = counts::exercises(&sources, &mut problems)?;
                let counts = counts::check(&sources, &mut problems)?;
                done.push(format!("{sketches} sketches of code in the prose"));
                done.push(format!("{exercises} exercises on pages, {counts} counts compared"));
            }
            Part::Links => {
                let count = links::check(&sources.root().join("book/book"), &mut problems)?;
                unreachable(&sources, &mut problems)?;
                let moved = redirects::check(sources.root(), &mut problems)?;
                done.push(format!("{count} internal links, {moved} redirects"));
            }
            Part::Figures => {
                let count = links::figures(&sources.root().join("book/book"), &mut problems)?;
                drawings::check(sources.root(), &mut problems)?;
                done.push(format!("{count} pictures"));
            }
            Part::Epub => done.push(export::check(&sources, &mut problems)?),
            Part::Core => {
                let mut found = Vec::new();
                done.push(core::check(&sources, &mut found)?);
                gate::keep(&sources, "core-gate", found, &mut problems)?;
            }
            Part::Words => {
                let mut found = Vec::new();
                done.push(words::check(&sources, wanted, &mut found)?);
                gate::keep(&sources, "words-gate", found, &mut problems)?;
            }
            // They run below, in parallel.
            Part::Browser | Part::Labs | Part::Accessibility => {}
            Part::Rows => done.push(browser::rows::compare(&sources, &mut problems)?),
            Part::Coverage => coverage::run(false)?,
            Part::Transcripts => transcript::run(&[], false, transcript::JOBS)?,
        }
        // The remaining checks read the built book.
        if *part == Part::Build && problems.len() > before {
            built = false;
            break;
        }
    }
    for (found, did) in if built { in_browsers(chosen)? } else { Vec::new() } {
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

/// Runs the checks that need a browser. They run in parallel, because a browser mostly waits for its pages. The
/// problems and the summary of each check are in the order of `chosen`.
fn in_browsers(chosen: &[Part]) -> Result<Vec<(Vec<String>, String)>> {
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for part in chosen {
            let look = match part {
                Part::Browser => browser::look,
                Part::Labs => browser::labs::use_all,
                Part::Accessibility => browser::accessibility::check,
                _ => continue,
            };
            let work = move || {
                let mut problems = Vec::new();
                let did = look(&Sources::find()?, &mut problems)?;
                anyhow::Ok((problems, did))
            };
            let builder = thread::Builder::new().name("browser".to_string());
            threads.push(builder.spawn_scoped(scope, work)?);
        }
        let join = |thread: ScopedJoinHandle<'_, _>| {
            thread.join().map_err(|_| anyhow!("a look at the book has panicked"))?
        };
        threads.into_iter().map(join).collect()
    })
}

/// Checks that the prose has no code: every listing is taken from a crate.
fn listings(sources: &Sources, problems: &mut Vec<String>) -> Result<usize> {
    let root = sources.root().join("book/src");
    let mut sketches = 0;
    for page in files::below(&root, "md")? {
        for part in parts(&fs::read_to_string(root.join(&page))?) {
            let page::Part::Fence { line, info, .. } = part else { continue };
            let mut words = info.split([' ', ',']);
            match words.next().unwrap_or_default() {
                "rust" if words.any(|word| word == "sketch") => sketches += 1,
                "rust" => problems.push(format!(
                    "book/src/{page}:{line}: code in a page drifts; use {{{{#item …}}}} to take it from a chapter"
                )),
                "" => problems.push(format!("book/src/{page}:{line}: say what this block is, such as ```text")),
                _ => {}
            }
        }
    }
    if sketches > SKETCHES {
        problems.push(format!("{sketches} sketches of code in the prose are more than {SKETCHES}"));
    }
    Ok(sketches)
}

/// Runs `mdbook build book`, which must print no warning.
fn build(sources: &Sources, problems: &mut Vec<String>) -> Result<()> {
    let output = Command::new("mdbook")
        .args(["build", "book"])
        .current_dir(sources.root())
        .output()
        .context("mdbook is not installed: `cargo install mdbook --locked`")?;
    let log = String::from_utf8_lossy(&output.stderr);
    let is_problem = |line: &str| {
        (line.contains("WARN") || line.contains("ERROR")) && !line.contains(EXPECTED_WARNING)
    };
    if !output.status.success() || log.lines().any(is_problem) {
        problems.push(format!("mdbook build book:\n{}", log.trim()));
    }
    Ok(())
}

/// Finds pages that no reader can reach. (mdBook itself reports a page of SUMMARY.md that does not exist.)
fn unreachable(sources: &Sources, problems: &mut Vec<String>) -> Result<()> {
    let root = sources.root().join("book/src");
    let summary = fs::read_to_string(root.join("SUMMARY.md")).context("book/src/SUMMARY.md")?;
    for page in files::below(&root, "md")? {
        // Files in `generated/` are shown on other pages, by a directive.
        let is_page = page != "SUMMARY.md" && !page.starts_with("generated/");
        if is_page && !summary.contains(&format!("]({page})")) {
            problems.push(format!("book/src/{page}: not in SUMMARY.md, so nobody finds it"));
        }
    }
    Ok(())
}
