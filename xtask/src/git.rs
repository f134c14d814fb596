//! Runs git.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, bail};

/// A repository, or a folder in it, in which git is run.
#[derive(Debug, Clone)]
pub(crate) struct Git {
    folder: PathBuf,
    /// Variables that git reads.
    variables: Vec<(&'static str, PathBuf)>,
}

impl Git {
    /// Runs git in this folder.
    pub(crate) fn at(folder: &Path) -> Git {
        Git { folder: folder.to_owned(), variables: Vec::new() }
    }

    /// Runs git in this folder as if no repository were around it.
    pub(crate) fn outside_of_repositories(folder: &Path) -> Git {
        // git compares resolved paths, and a temporary folder is often behind a link.
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let above = folder.parent().unwrap_or(&folder).to_owned();
        Git { folder, variables: vec![("GIT_CEILING_DIRECTORIES", above)] }
    }

    /// Runs git with the history of one repository on the files of another folder, which has an index of
    /// its own: the repository's own files and index are left alone.
    pub(crate) fn with_index(repository: &Path, index: &Path, files: &Path) -> anyhow::Result<Git> {
        let own = Git::at(repository).run(&["rev-parse", "--absolute-git-dir"])?;
        let own = PathBuf::from(String::from_utf8_lossy(&own).trim_end());
        let variables = vec![
            ("GIT_DIR", own),
            ("GIT_INDEX_FILE", index.to_owned()),
            ("GIT_WORK_TREE", files.to_owned()),
        ];
        Ok(Git { folder: files.to_owned(), variables })
    }

    /// Runs git, whatever it answers.
    pub(crate) fn output<S: AsRef<OsStr>>(&self, args: &[S]) -> anyhow::Result<Output> {
        let mut command = Command::new("git");
        command.args(["-c", "core.quotePath=false", "-c", "core.autocrlf=false"]);
        command.args(args).current_dir(&self.folder);
        // A hook that runs us has its own idea of where the repository is.
        for name in ["GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"] {
            command.env_remove(name);
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.output().context("git cannot be started; is it installed?")
    }

    /// Runs git and returns what it printed.
    ///
    /// # Errors
    /// When git fails, with what it said.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, args: &[S]) -> anyhow::Result<Vec<u8>> {
        let output = self.output(args)?;
        if !output.status.success() {
            let words: Vec<_> = args.iter().map(|word| word.as_ref().to_string_lossy()).collect();
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("`git {}` failed: {}", words.join(" "), said.trim());
        }
        Ok(output.stdout)
    }

    /// The content of a file at a revision; `None` when it has no such file.
    pub(crate) fn show(&self, revision: &str, path: &str) -> anyhow::Result<Option<Vec<u8>>> {
        let output = self.output(&["cat-file", "blob", &format!("{revision}:{path}")])?;
        Ok(output.status.success().then_some(output.stdout))
    }

    /// The files below a folder that differ from a revision: changed, deleted, and new ones that are not ignored.
    pub(crate) fn changed_since(
        &self,
        revision: &str,
        folder: &str,
    ) -> anyhow::Result<Vec<String>> {
        let tracked =
            self.run(&["diff", "--name-only", "--no-renames", "-z", revision, "--", folder])?;
        let new = self.run(&["ls-files", "--others", "--exclude-standard", "-z", "--", folder])?;
        let mut paths = split_zero(&tracked);
        paths.extend(split_zero(&new));
        paths.sort();
        paths.dedup();
        Ok(paths)
    }
}

/// Splits what git prints with `-z`.
pub(crate) fn split_zero(printed: &[u8]) -> Vec<String> {
    let names = printed.split(|&byte| byte == 0).filter(|name| !name.is_empty());
    names.map(|name| String::from_utf8_lossy(name).into_owned()).collect()
}
