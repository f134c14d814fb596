//! Groups the texts into sets that are counted together. All of them must meet the targets.

use std::path::Path;

use anyhow::Result;

use super::rules::{Kind, Text};
use super::text;
use crate::front::{self, Front};
use crate::{core, files};

/// Pages that are not in the book, counted together: the shorter ones have only a few hundred words.
const DOCUMENTS: [&str; 4] = ["README.md", "CONTRIBUTING.md", "AGENTS.md", "CHANGELOG.md"];

/// Extracts the text for people from a file.
type Extract = fn(&str) -> String;

/// Sets with the directory of their files, the ends of the files' paths, and how to read them. The help of `xtask` is in
/// its doc comments, the help of `final` in the strings of its settings.
const SETS: [(&str, &str, &[&str], Extract); 8] = [
    ("READMEs of xtask", "xtask", &["/README.md"], text::of_page),
    ("exercises", "chapters", &["/task.md", "/hints.md"], text::of_page),
    ("messages", "xtask/wire/src/climb", &[".rs"], text::strings),
    ("messages", "chapters", &["/check.rs"], text::strings),
    ("messages", "final/src/config", &["/settings.rs"], text::strings),
    ("comments 1-6", "chapters", &[".rs"], text::comments),
    ("comments final", "final", &[".rs"], text::comments),
    ("comments xtask", "xtask", &[".rs"], text::comments),
];

/// All texts of the repository that people read. A text is left out if it equals an earlier text, such as the
/// comments of a file that the next chapter has too.
pub(super) fn all(root: &Path) -> Result<Vec<Text>> {
    let mut texts = pages(root)?;
    let mut add = |set: &'static str, file: String, extract: Extract| {
        let lines = extract(&files::read(root, &file)?);
        if !lines.trim().is_empty() && !texts.iter().any(|it| it.lines == lines) {
            texts.push(Text { file, set, kind: Kind::Any, lines });
        }
        anyhow::Ok(())
    };
    for file in DOCUMENTS {
        add("documents", file.to_string(), text::of_page)?;
    }
    for (set, folder, ends, extract) in SETS {
        for file in files::all(&root.join(folder))? {
            let file = format!("{folder}/{file}");
            if ends.iter().any(|end| file.ends_with(end)) && !file.contains("/target/") {
                add(set, file, extract)?;
            }
        }
    }
    Ok(texts)
}

/// The pages of the book. Core pages are counted by part.
fn pages(root: &Path) -> Result<Vec<Text>> {
    let mut texts = Vec::new();
    for (path, content) in files::pages(root)? {
        if path == "SUMMARY.md" || path.starts_with("generated/") {
            continue;
        }
        // Mistakes in the front matter are found when the book is built.
        let front = Front::read(&path, &content).unwrap_or_default();
        let (set, kind) = match front.path {
            Some(front::Path::Core) => (core::row(&path), Kind::Core),
            Some(front::Path::Interview) => ("interview", Kind::Prose),
            _ if path == "appendix/glossary.md" => ("glossary", Kind::Any),
            Some(front::Path::Deeper) => ("deeper pages", Kind::Prose),
            None => ("other pages", Kind::Prose),
        };
        let (file, lines) = (format!("book/src/{path}"), text::of_page(&content));
        texts.push(Text { file, set, kind, lines });
    }
    Ok(texts)
}
