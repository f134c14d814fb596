//! The files of a chapter, read into memory.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context;

/// The files of a directory by their path in it, with slashes.
pub(crate) type Tree = BTreeMap<String, Vec<u8>>;

/// Reads the files of a directory that are in `scope`: files, or directories with all their files. Hidden files and
/// `target` are left out.
///
/// # Errors
/// When a file or a directory cannot be read.
pub(crate) fn read_tree(folder: &Path, scope: &[&str]) -> anyhow::Result<Tree> {
    let mut tree = Tree::new();
    for path in scope {
        read_into(folder, path, &mut tree)?;
    }
    Ok(tree)
}

fn read_into(folder: &Path, path: &str, tree: &mut Tree) -> anyhow::Result<()> {
    let full = folder.join(path);
    if full.is_file() {
        let content = fs::read(&full).with_context(|| full.display().to_string())?;
        tree.insert(path.to_string(), content);
    } else if full.is_dir() {
        for entry in fs::read_dir(&full).with_context(|| full.display().to_string())? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if !name.starts_with('.') && name != "target" {
                read_into(folder, &format!("{path}/{name}"), tree)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::tests::folder_with;

    #[test]
    fn exercises_and_hidden_files_are_left_out() {
        let folder = folder_with(&[
            ("Cargo.toml", ""),
            ("exercises/01_curl/check.rs", ""),
            ("src/core/mod.rs", ""),
            ("src/.lib.rs.swp", ""),
            ("src/lib.rs", ""),
        ]);
        let paths = |scope: &[&str]| -> Vec<String> {
            read_tree(folder.path(), scope).unwrap().into_keys().collect()
        };
        assert_eq!(
            paths(&["Cargo.toml", "src", "tests"]),
            ["Cargo.toml", "src/core/mod.rs", "src/lib.rs"]
        );
        assert_eq!(paths(&["src/core"]), ["src/core/mod.rs"]);
    }
}
