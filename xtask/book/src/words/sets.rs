//! Groups the texts into sets that are counted together. All of them must meet the targets.

use std::path::Path;

use anyhow::Result;

use super::rules::Only;
use super::text;
use crate::front::{self, Front};
use crate::source::Source;
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

impl Text {
    pub(crate) fn words(&self) -> usize {
        self.lines.split_whitespace().count()
    }
}

/// Crates whose comments are counted.
const COMMENTED: [(&str, &str); 3] =
    [("chapters", "comments 1-6"), ("final", "comments final"), ("xtask", "comments xtask")];

/// Pages that are not in the book, counted together: the shorter ones have only a few hundred words.
const DOCUMENTS: [&str; 4] = ["README.md", "CONTRIBUTING.md", "AGENTS.md", "CHANGELOG.md"];

/// All texts of the repository that people read.
pub(crate) fn all(root: &Path) -> Result<Vec<Text>> {
    let mut texts = pages(root)?;
    let mut add = |set: &str, file: String, read: fn(&str, &str) -> Result<String>| {
        let lines = read(&file, &files::read(root, &file)?)?;
        texts.push(Text { file, set: set.to_string(), kind: None, lines });
        anyhow::Ok(())
    };
    let page = |_: &str, content: &str| Ok(text::of_page(content));
    let strings = |file: &str, content: &str| {
        Source::new(file, content).map(|source| text::strings(&source, content))
    };
    for file in DOCUMENTS {
        add("documents", file.to_string(), page)?;
    }
    let is_readme = |file: &String| file.ends_with("/README.md") && !file.contains("/target/");
    for file in below(root, "xtask", "md")?.into_iter().filter(is_readme) {
        add("READMEs of xtask", file, page)?;
    }
    let is_task = |file: &String| file.ends_with("/task.md") || file.ends_with("/hints.md");
    for file in below(root, "chapters", "md")?.into_iter().filter(is_task) {
        add("exercises", file, page)?;
    }
    let checks = below(root, "chapters", "rs")?.into_iter();
    let checks = checks.filter(|file| file.ends_with("/check.rs"));
    for file in below(root, "xtask/wire/src/climb", "rs")?.into_iter().chain(checks) {
        add("messages", file, strings)?;
    }
    // The help of `xtask` is in doc comments, the help of `final` in these strings.
    add("messages", "final/src/config/settings.rs".to_string(), strings)?;
    texts.extend(comments(root)?);
    texts.retain(|text| !text.lines.trim().is_empty());
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
            Some(front::Path::Core) => (core::row(&path), Some(Only::Core)),
            Some(front::Path::Interview) => ("interview".to_string(), Some(Only::Prose)),
            _ if path == "appendix/glossary.md" => ("glossary".to_string(), None),
            Some(front::Path::Deeper) => ("deeper pages".to_string(), Some(Only::Prose)),
            None => ("other pages".to_string(), Some(Only::Prose)),
        };
        let (file, lines) = (format!("book/src/{path}"), text::of_page(&content));
        texts.push(Text { file, set, kind, lines });
    }
    Ok(texts)
}

/// The comments of the code. A file is left out if it equals a file that came before.
fn comments(root: &Path) -> Result<Vec<Text>> {
    let mut texts: Vec<Text> = Vec::new();
    for (folder, set) in COMMENTED {
        for file in below(root, folder, "rs")? {
            let lines = text::comments(&files::read(root, &file)?);
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
    let mut pages = files::pages(root)?;
    pages.retain(|(path, content)| {
        let front = Front::read(path, content).unwrap_or_default();
        matches!(front.path, Some(front::Path::Core | front::Path::Interview))
    });
    Ok(pages)
}

/// The files of a directory by their paths from the root, or none if there is no such directory.
fn below(root: &Path, folder: &str, extension: &str) -> Result<Vec<String>> {
    if !root.join(folder).is_dir() {
        return Ok(Vec::new());
    }
    let files = files::below(&root.join(folder), extension)?;
    Ok(files.into_iter().map(|file| format!("{folder}/{file}")).collect())
}
