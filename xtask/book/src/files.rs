//! Lists the files below a directory.

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
