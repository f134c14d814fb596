//! Groups the texts into sets that are counted together. All of them must meet the targets.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::rules::Only;
use super::text;
use crate::front::{self, Front};
use crate::source::{Source, Sources};
use crate::{core, files};

/// A file's text, and its set.
pub(crate) struct Text {
    pub(crate) file: String,
    pub(crate) set: String,
    /// The targets for pages that apply to it.
    pub(crate) kind: Option<Only>,
    /// The text, with the same line numbers as the file.
    pub(crate) lines: String,
}

/// Crates whose comments are counted.
const COMMENTED: [(&str, &str); 3] =
    [("chapters", "comments 1-6"), ("final", "comments final"), ("xtask", "comments xtask")];

/// Pages that are not in the book, counted together: the shorter ones have only a few hundred words.
const DOCUMENTS: [&str; 4] = ["README.md", "CONTRIBUTING.md", "AGENTS.md", "CHANGELOG.md"];

/// All texts of the repository that people read.
pub(crate) fn all(sources: &Sources) -> Result<Vec<Text>> {
    let root = sources.root();
    let mut texts = pages(root)?;
    let counted = |file: &str, set: &str, lines: String| Text {
        file: file.to_string(),
        set: set.to_string(),
        kind: None,
        lines,
    };
    for file in DOCUMENTS {
        texts.push(counted(file, "documents", text::of_page(&read(root, file)?)));
    }
    for file in below(root, "xtask", "md")? {
        if file.ends_with("/README.md") && !file.contains("/target/") {
            texts.push(counted(&file, "READMEs of xtask", text::of_page(&read(root, &file)?)));
        }
    }
    for file in below(root, "chapters", "md")? {
        if file.ends_with("/task.md") || file.ends_with("/hints.md") {
            texts.push(counted(&file, "exercises", text::of_page(&read(root, &file)?)));
        }
    }
    let stages = below(root, "xtask/wire/src/climb", "rs")?;
    let checks = below(root, "chapters", "rs")?;
    let checks = checks.into_iter().filter(|file| file.ends_with("/check.rs"));
    for file in stages.into_iter().chain(checks) {
        let content = read(root, &file)?;
        let source = Source::new(&file, &content)?;
        texts.push(counted(&file, "checks", text::strings(&source, &content)));
    }
    for file in below(root, "xtask/src", "rs")? {
        let content = read(root, &file)?;
        let source = Source::new(&file, &content)?;
        texts.push(counted(&file, "--help", text::help(&source, &content)));
    }
    let settings = "final/src/config/settings.rs";
    let content = read(root, settings)?;
    let source = Source::new(settings, &content)?;
    texts.push(counted(settings, "--help", text::strings(&source, &content)));
    texts.extend(comments(root)?);
    texts.retain(|text| !text.lines.trim().is_empty());
    Ok(texts)
}

/// The pages of the book. Core pages are counted by part.
fn pages(root: &Path) -> Result<Vec<Text>> {
    let mut texts = Vec::new();
    for page in below(root, "book/src", "md")? {
        let path = page.trim_start_matches("book/src/");
        if path == "SUMMARY.md" || path.starts_with("generated/") {
            continue;
        }
        let content = read(root, &page)?;
        // Mistakes in the front matter are found when the book is built.
        let front = Front::read(path, &content).unwrap_or_default();
        let (set, kind) = match front.path {
            Some(front::Path::Core) => (core::row(path), Some(Only::Core)),
            Some(front::Path::Interview) => ("interview".to_string(), Some(Only::Prose)),
            _ if path == "appendix/glossary.md" => ("glossary".to_string(), None),
            Some(front::Path::Deeper) => ("deeper pages".to_string(), Some(Only::Prose)),
            None => ("other pages".to_string(), Some(Only::Prose)),
        };
        texts.push(Text { set, kind, lines: text::of_page(&content), file: page });
    }
    Ok(texts)
}

/// The comments of the code. A file is left out if it equals a file that came before.
fn comments(root: &Path) -> Result<Vec<Text>> {
    let mut texts: Vec<Text> = Vec::new();
    for (folder, set) in COMMENTED {
        for file in below(root, folder, "rs")? {
            let lines = text::comments(&read(root, &file)?);
            if file.contains("/target/") || texts.iter().any(|it| it.lines == lines) {
                continue;
            }
            texts.push(Text { file, set: set.to_string(), kind: None, lines });
        }
    }
    Ok(texts)
}

/// The core and interview pages, unchanged, with their paths in the book.
pub(crate) fn taught(root: &Path) -> Result<Vec<(String, String)>> {
    let mut pages = Vec::new();
    for page in below(root, "book/src", "md")? {
        let path = page.trim_start_matches("book/src/").to_string();
        let content = read(root, &page)?;
        let front = Front::read(&path, &content).unwrap_or_default();
        if matches!(front.path, Some(front::Path::Core | front::Path::Interview)) {
            pages.push((path, content));
        }
    }
    Ok(pages)
}

fn below(root: &Path, folder: &str, extension: &str) -> Result<Vec<String>> {
    if !root.join(folder).is_dir() {
        return Ok(Vec::new());
    }
    let files = files::below(&root.join(folder), extension)?;
    Ok(files.into_iter().map(|file| format!("{folder}/{file}")).collect())
}

fn read(root: &Path, file: &str) -> Result<String> {
    fs::read_to_string(root.join(file)).with_context(|| file.to_string())
}
