//! The served files, in a temporary directory.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::TempDir;

use crate::workspace::Workspace;

const KIB: usize = 1024;

/// The directory: `public` is served, the rest is for the tools.
pub(crate) struct Files {
    folder: TempDir,
}

impl Files {
    pub(crate) fn create(workspace: &Workspace) -> anyhow::Result<Files> {
        let folder = tempfile::tempdir().context("no folder for the files to serve")?;
        let files = Files { folder };
        fs::create_dir(files.public())?;
        let text = text(workspace)?;
        let write = |name: &str, length: usize| {
            let content: Vec<u8> = text.iter().copied().cycle().take(length).collect();
            fs::write(files.public().join(name), content).with_context(|| name.to_string())
        };
        write("1k.txt", KIB)?;
        write("100k.txt", 100 * KIB)?;
        write("text100k.txt", 100 * KIB)?;
        write("10m.txt", 10 * KIB * KIB)?;
        // Started by root, nginx runs its workers as another user.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(files.path(), fs::Permissions::from_mode(0o755))?;
        }
        Ok(files)
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The directory that the servers serve.
    pub(crate) fn public(&self) -> PathBuf {
        self.path().join("public")
    }

    /// The path of a server's log.
    pub(crate) fn log(&self, server: &str) -> PathBuf {
        self.path().join(format!("{server}.log"))
    }
}

/// Prose, because generated text compresses too well: the pages of the book, one after another.
fn text(workspace: &Workspace) -> anyhow::Result<Vec<u8>> {
    let text: Vec<u8> = workspace.pages()?.into_values().flat_map(String::into_bytes).collect();
    anyhow::ensure!(text.len() >= 100 * KIB, "the book has only {} bytes of prose", text.len());
    // ASCII only, so that a cut at any byte leaves valid UTF-8.
    Ok(text.into_iter().filter(u8::is_ascii).collect())
}
