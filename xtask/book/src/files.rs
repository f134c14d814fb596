//! The files below a directory, and the pages of the book.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// All files below a directory with the extension `.extension`, sorted, relative to it, with `/` as the separator.
pub(crate) fn below(root: &Path, extension: &str) -> Result<Vec<String>> {
    let mut files = all(root)?;
    files.retain(|file| has_extension(file, extension));
    Ok(files)
}

/// Whether the name of a file ends in `.extension`.
pub(crate) fn has_extension(file: &str, extension: &str) -> bool {
    Path::new(file).extension().is_some_and(|it| it == extension)
}

/// All files below a directory, sorted, relative to it, with `/` as the separator.
pub(crate) fn all(root: &Path) -> Result<Vec<String>> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path.strip_prefix(root)?.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    files.sort();
    Ok(files)
}

/// The Markdown files below `book/src`, sorted by their paths there, with their texts.
pub(crate) fn pages(root: &Path) -> Result<Vec<(String, String)>> {
    let mut pages = Vec::new();
    for path in below(&root.join("book/src"), "md")? {
        let text = read(root, &format!("book/src/{path}"))?;
        pages.push((path, text));
    }
    Ok(pages)
}

/// The pages of the built book, without those that consist of other pages.
pub(crate) fn built_pages(book: &Path) -> Result<Vec<String>> {
    let mut pages = below(book, "html").context("build the book first")?;
    pages.retain(|page| !["print.html", "toc.html", "404.html"].contains(&page.as_str()));
    Ok(pages)
}

/// The text of a file, by its path from `root`.
pub(crate) fn read(root: &Path, file: &str) -> Result<String> {
    fs::read_to_string(root.join(file)).with_context(|| file.to_string())
}
