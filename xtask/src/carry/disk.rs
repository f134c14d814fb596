//! Where carry writes: the files of the repository, by way of its own folder.

use std::path::Path;

use anyhow::Context;

#[cfg(test)]
pub(super) use crate::disk::tests;
pub(super) use crate::disk::{read, remove, replace};

/// What carry keeps for itself, from the root. Ignored by git.
pub(super) const FOLDER: &str = ".carry";

/// Gives a file of the repository this content, or removes it. What is new is complete on the disk before
/// it takes the place of the old.
pub(super) fn put(root: &Path, path: &str, content: Option<&[u8]>) -> anyhow::Result<()> {
    let full = root.join(path);
    match content {
        Some(content) => replace(&root.join(FOLDER), &full, content),
        None => remove(&full),
    }
    .with_context(|| path.to_string())
}
