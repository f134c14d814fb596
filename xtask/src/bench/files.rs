//! The served files, in a temporary directory.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::TempDir;

const KIB: usize = 1024;

/// The directory: `public` is served, the rest is for the tools.
pub(crate) struct Files {
    folder: TempDir,
}

impl Files {
    pub(crate) fn create() -> anyhow::Result<Files> {
        let folder = tempfile::tempdir().context("no folder for the files to serve")?;
        let files = Files { folder };
        fs::create_dir(files.public())?;
        for (name, length) in [("1k", KIB), ("100k", 100 * KIB), ("10m", 10 * KIB * KIB)] {
            fs::write(files.public().join(format!("{name}.txt")), vec![b'a'; length])
                .context(name)?;
        }
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
