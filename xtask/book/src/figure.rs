//! Converts ASCII drawings to SVG.
//!
//! The drawing library brings 70 packages that no other code needs, so each drawing is kept as a file in
//! `book/figures`. The file's name is a hash of the drawing's text and of the tool. If no such file exists, the drawing
//! is new or has changed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::html::escaped;

/// The inputs of the tool that affect a drawing, namely its source and its `Cargo.lock`.
const TOOL: [&str; 2] =
    [include_str!("../../figures/src/main.rs"), include_str!("../../figures/Cargo.lock")];

/// The command that draws the missing drawings.
pub(crate) const DRAW: &str = "cargo run -q --bin book_tools -- figures";

/// Shows a drawing. `info` is the text after the fence: `svgbob alt="…"`.
pub(crate) fn render(root: &Path, info: &str, art: &str) -> Result<String> {
    let alt = info
        .split_once("alt=\"")
        .and_then(|(_, rest)| rest.rsplit_once('"'))
        .map(|(alt, _)| alt.trim());
    let Some(alt) = alt.filter(|alt| !alt.is_empty()) else {
        bail!("a picture needs a text for those who cannot see it: ```svgbob alt=\"…\"");
    };
    let file = folder(root).join(name(art));
    if !file.is_file() {
        bail!("this drawing is new or has changed; `{DRAW}` draws it");
    }
    let svg = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    Ok(format!(
        "<div class=\"figure\" role=\"img\" aria-label=\"{}\">{}</div>\n",
        escaped(alt),
        svg.trim_end()
    ))
}

/// The directory of the drawings. It is outside of `book/src`, because mdBook would copy it into the built book.
pub(crate) fn folder(root: &Path) -> PathBuf {
    root.join("book/figures")
}

/// The name of the file in which a drawing is kept.
pub(crate) fn name(art: &str) -> String {
    named(&TOOL, art)
}

fn named(tool: &[&str], art: &str) -> String {
    // FNV-1a, because the hash of the standard library may change with any release of Rust.
    let parts = tool.iter().copied().chain([art]);
    let bytes = parts.flat_map(|part| part.bytes().chain([0]));
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}.svg")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALT: &str = "svgbob alt=\"a <box>\"";

    #[test]
    fn a_kept_drawing_is_shown_with_its_text() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder(root.path())).unwrap();
        fs::write(folder(root.path()).join(name("+--+")), "<svg>\n</svg>\n").unwrap();
        assert_eq!(
            render(root.path(), ALT, "+--+").unwrap(),
            "<div class=\"figure\" role=\"img\" aria-label=\"a &lt;box&gt;\"><svg>\n</svg></div>\n"
        );
        let error = render(root.path(), ALT, "+---+").unwrap_err().to_string();
        assert!(
            error.contains("has changed; `cargo run -q --bin book_tools -- figures`"),
            "{error}"
        );
    }

    #[test]
    fn another_text_and_another_tool_give_another_name() {
        let drawn = named(&["fn main", "svgbob 1"], "-->");
        assert_eq!(drawn, named(&["fn main", "svgbob 1"], "-->"));
        assert_ne!(drawn, named(&["fn main", "svgbob 1"], "--->"));
        assert_ne!(drawn, named(&["fn main", "svgbob 2"], "-->"));
        assert_ne!(drawn, named(&["fn main ", "svgbob 1"], "-->"));
    }
}
