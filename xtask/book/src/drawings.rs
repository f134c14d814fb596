//! Keeps the drawings in `book/figures` in sync with the pages.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, bail, ensure};

use crate::figure::{DRAW, folder, name};
use crate::page::fences;
use crate::sources::Sources;
use crate::{cargo, files};

/// A drawing on a page.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Drawing {
    /// `book/src/part1/layers.md:12`
    place: String,
    art: String,
}

/// Drawings by the names of their files.
type Drawings = BTreeMap<String, Drawing>;

/// Draws the missing drawings, and removes the files that no page shows.
pub(crate) fn run() -> Result<()> {
    let sources = Sources::find()?;
    let root = sources.root();
    let wanted = on_pages(root)?;
    let kept = kept(root)?;
    let missing: Vec<_> = wanted.iter().filter(|(name, _)| !kept.contains(name)).collect();
    let arts: Vec<&str> = missing.iter().map(|(_, drawing)| drawing.art.as_str()).collect();
    for ((name, _), svg) in missing.iter().zip(draw(root, &arts)?) {
        fs::create_dir_all(folder(root))?;
        fs::write(folder(root).join(name), svg)?;
    }
    let mut removed = 0;
    for name in kept.iter().filter(|name| !wanted.contains_key(*name)) {
        fs::remove_file(folder(root).join(name))?;
        removed += 1;
    }
    println!("figures: {} drawn, {removed} removed, {} in all", missing.len(), wanted.len());
    Ok(())
}

/// Finds drawings without a file, and files that no page shows. Returns the number of drawings on pages.
pub(crate) fn check(root: &Path, problems: &mut Vec<String>) -> Result<usize> {
    let wanted = on_pages(root)?;
    let kept = kept(root)?;
    for (_, Drawing { place, .. }) in wanted.iter().filter(|(name, _)| !kept.contains(name)) {
        problems.push(format!("{place}: this drawing is new or has changed; `{DRAW}` draws it"));
    }
    for name in kept.iter().filter(|name| !wanted.contains_key(*name)) {
        problems.push(format!("book/figures/{name}: on no page; `{DRAW}` removes it"));
    }
    Ok(wanted.len())
}

/// The drawings of all pages.
fn on_pages(root: &Path) -> Result<Drawings> {
    let mut drawings = Drawings::new();
    for (page, text) in files::pages(root)? {
        for fence in fences(&text).filter(|fence| fence.kind() == "svgbob") {
            let (place, art) = (format!("book/src/{page}:{}", fence.line), fence.body.join("\n"));
            drawings.entry(name(&art)).or_insert(Drawing { place, art });
        }
    }
    Ok(drawings)
}

/// The names of the kept files.
fn kept(root: &Path) -> Result<Vec<String>> {
    let folder = folder(root);
    if folder.is_dir() { files::below(&folder, "svg") } else { Ok(Vec::new()) }
}

/// Draws these drawings with the tool, which is in a separate workspace. Without drawings, the tool is not started.
fn draw(root: &Path, arts: &[&str]) -> Result<Vec<String>> {
    if arts.is_empty() {
        return Ok(Vec::new());
    }
    let mut tool = cargo::command(root)
        .args(["run", "--quiet", "--locked", "--manifest-path", "xtask/figures/Cargo.toml"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cargo cannot be started")?;
    let mut input = tool.stdin.take().context("the input is piped")?;
    // The tool reads all of its input before it writes. If it does not start, cargo has printed the reason.
    let written = input.write_all(format!("{}\0", arts.join("\0")).as_bytes());
    drop(input);
    let output = tool.wait_with_output()?;
    ensure!(output.status.success(), "the drawing tool, xtask/figures, has failed");
    written?;
    let text = String::from_utf8(output.stdout)?;
    let svgs: Vec<String> = text.split_terminator('\0').map(|svg| format!("{svg}\n")).collect();
    if svgs.len() != arts.len() {
        bail!("the drawing tool was given {} drawings and made {}", arts.len(), svgs.len());
    }
    Ok(svgs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_that_is_not_kept_and_one_on_no_page_are_found_without_drawing() {
        let root = tempfile::tempdir().unwrap();
        let (root, pages) = (root.path(), root.path().join("book/src"));
        fs::create_dir_all(&pages).unwrap();
        fs::create_dir_all(folder(root)).unwrap();
        fs::write(pages.join("a.md"), "# A\n\n```svgbob alt=\"an arrow\"\n-->\n```\n").unwrap();
        let found = || {
            let mut problems = Vec::new();
            check(root, &mut problems).unwrap();
            problems
        };
        assert_eq!(
            found(),
            [format!("book/src/a.md:3: this drawing is new or has changed; `{DRAW}` draws it")]
        );
        fs::write(folder(root).join(name("-->")), "<svg>").unwrap();
        assert_eq!(found(), [""; 0]);
        fs::write(pages.join("a.md"), "# A\n").unwrap();
        assert_eq!(
            found(),
            [format!("book/figures/{}: on no page; `{DRAW}` removes it", name("-->"))]
        );
    }
}
