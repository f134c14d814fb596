//! ASCII drawings on pages, which are shown as SVG.
//!
//! The drawing library brings 70 packages that no other code needs, so each drawing is kept as a file in
//! `book/figures`. The file's name is a hash of the drawing's text and of the tool. If no such file exists, the drawing
//! is new or has changed.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail, ensure};

use crate::html::escaped;
use crate::page::fences;
use crate::sources::Sources;
use crate::{cargo, files};

/// The inputs of the tool that affect a drawing, namely its source and its `Cargo.lock`.
const TOOL: [&str; 2] =
    [include_str!("../../figures/src/main.rs"), include_str!("../../figures/Cargo.lock")];

/// The command that draws the missing drawings.
const DRAW: &str = "cargo run -q --bin book_tools -- figures";

/// A drawing on a page.
struct Drawing {
    /// `book/src/part1/layers.md:12`
    place: String,
    art: String,
}

/// Shows a drawing. `info` is the text after the fence: `svgbob alt="…"`.
pub(crate) fn render(root: &Path, info: &str, art: &str) -> Result<String> {
    let alt = info.split_once("alt=\"").and_then(|(_, rest)| rest.rsplit_once('"'));
    let alt = alt.map_or("", |(alt, _)| alt.trim());
    if alt.is_empty() {
        bail!("a picture needs a text for those who cannot see it: ```svgbob alt=\"…\"");
    }
    let file = folder(root).join(name(&TOOL, art));
    if !file.is_file() {
        bail!("this drawing is new or has changed; `{DRAW}` draws it");
    }
    let svg = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    let (alt, svg) = (escaped(alt), svg.trim_end());
    Ok(format!("<div class=\"figure\" role=\"img\" aria-label=\"{alt}\">{svg}</div>\n"))
}

/// Draws the missing drawings, and removes the files that no page shows.
pub(crate) fn run() -> Result<()> {
    let sources = Sources::find()?;
    let root = sources.root();
    let (wanted, kept) = (on_pages(root)?, kept(root)?);
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

/// Finds drawings without a file, and files that no page shows.
pub(crate) fn check(root: &Path, problems: &mut Vec<String>) -> Result<()> {
    let (wanted, kept) = (on_pages(root)?, kept(root)?);
    for (_, Drawing { place, .. }) in wanted.iter().filter(|(name, _)| !kept.contains(name)) {
        problems.push(format!("{place}: this drawing is new or has changed; `{DRAW}` draws it"));
    }
    for name in kept.iter().filter(|name| !wanted.contains_key(*name)) {
        problems.push(format!("book/figures/{name}: on no page; `{DRAW}` removes it"));
    }
    Ok(())
}

/// The directory of the drawings. It is outside of `book/src`, because mdBook would copy it into the built book.
fn folder(root: &Path) -> PathBuf {
    root.join("book/figures")
}

/// The name of the file in which a drawing of the tool is kept.
fn name(tool: &[&str], art: &str) -> String {
    // FNV-1a, because the hash of the standard library may change with any release of Rust.
    let parts = tool.iter().copied().chain([art]);
    let bytes = parts.flat_map(|part| part.bytes().chain([0]));
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}.svg")
}

/// The drawings of all pages by the names of their files.
fn on_pages(root: &Path) -> Result<BTreeMap<String, Drawing>> {
    let mut drawings = BTreeMap::new();
    for (page, text) in files::pages(root)? {
        for fence in fences(&text).filter(|fence| fence.kind() == "svgbob") {
            let (place, art) = (format!("book/src/{page}:{}", fence.line), fence.body.join("\n"));
            drawings.entry(name(&TOOL, &art)).or_insert(Drawing { place, art });
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
    let mut input = tempfile::tempfile()?;
    write!(input, "{}\0", arts.join("\0"))?;
    input.rewind()?;
    let output = cargo::command(root)
        .args(["run", "--quiet", "--locked", "--manifest-path", "xtask/figures/Cargo.toml"])
        .stdin(input)
        .stderr(Stdio::inherit())
        .output()
        .context("cargo cannot be started")?;
    ensure!(output.status.success(), "the drawing tool, xtask/figures, has failed");
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
    fn a_kept_drawing_is_shown_and_one_that_is_not_kept_or_on_no_page_is_found_without_drawing() {
        let root = tempfile::tempdir().unwrap();
        let (root, pages) = (root.path(), root.path().join("book/src"));
        fs::create_dir_all(&pages).unwrap();
        fs::create_dir_all(folder(root)).unwrap();
        fs::write(pages.join("a.md"), "# A\n\n```svgbob alt=\"an <arrow>\"\n-->\n```\n").unwrap();
        let shown = || render(root, "svgbob alt=\"an <arrow>\"", "-->");
        let found = || {
            let mut problems = Vec::new();
            check(root, &mut problems).unwrap();
            problems
        };
        let missing = format!("this drawing is new or has changed; `{DRAW}` draws it");
        assert_eq!(shown().unwrap_err().to_string(), missing);
        assert_eq!(found(), [format!("book/src/a.md:3: {missing}")]);
        let file = name(&TOOL, "-->");
        fs::write(folder(root).join(&file), "<svg>\n</svg>\n").unwrap();
        assert_eq!(
            shown().unwrap(),
            "<div class=\"figure\" role=\"img\" aria-label=\"an &lt;arrow&gt;\"><svg>\n</svg></div>\n"
        );
        assert_eq!(found(), [""; 0]);
        fs::write(pages.join("a.md"), "# A\n").unwrap();
        assert_eq!(found(), [format!("book/figures/{file}: on no page; `{DRAW}` removes it")]);
    }

    #[test]
    fn another_text_and_another_tool_give_another_name() {
        let drawn = name(&["fn main", "svgbob 1"], "-->");
        assert_eq!(drawn, name(&["fn main", "svgbob 1"], "-->"));
        assert_ne!(drawn, name(&["fn main", "svgbob 1"], "--->"));
        assert_ne!(drawn, name(&["fn main", "svgbob 2"], "-->"));
        assert_ne!(drawn, name(&["fn main ", "svgbob 1"], "-->"));
    }
}
