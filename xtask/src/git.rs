//! Runs git.

mod objects;
mod settings;
mod store;

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, bail};
use wire::environment;

use self::objects::{Object, Objects};
use self::settings::SETTINGS;

/// A repository, or a directory in it, in which git is run.
#[derive(Debug, Clone)]
pub(crate) struct Git {
    folder: PathBuf,
    /// Variables that git reads.
    variables: Vec<(&'static str, PathBuf)>,
    /// A locked file that each run of git keeps open: if this process is killed, it stays locked until git has ended.
    lock: Option<Arc<File>>,
    /// Copies share it, so that git is started less often.
    objects: Arc<Mutex<Option<Objects>>>,
}

impl Git {
    /// Runs git in this directory.
    pub(crate) fn at(folder: &Path) -> Git {
        Git::with(folder.to_owned(), Vec::new())
    }

    /// Runs git in this directory as if no repository were around it.
    pub(crate) fn outside_of_repositories(folder: &Path) -> Git {
        // git compares resolved paths, and a temporary directory is often behind a link.
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let above = folder.parent().unwrap_or(&folder).to_owned();
        Git::with(folder, vec![("GIT_CEILING_DIRECTORIES", above)])
    }

    /// Runs git with the history of one repository on the files of another directory, which has an index of
    /// its own: the repository's own files and index are left alone. Paths are relative to that directory, so what is
    /// read into the index must be a tree of [`Git::tree`].
    pub(crate) fn with_index(repository: &Path, index: &Path, files: &Path) -> anyhow::Result<Git> {
        let own = Git::at(repository).run(&["rev-parse", "--absolute-git-dir"])?;
        let own = PathBuf::from(String::from_utf8_lossy(&own).trim_end());
        let variables = vec![
            ("GIT_DIR", own),
            ("GIT_INDEX_FILE", index.to_owned()),
            ("GIT_WORK_TREE", files.to_owned()),
        ];
        Ok(Git::with(files.to_owned(), variables))
    }

    /// Runs git in the same directory, but with another index, which need not exist yet.
    pub(crate) fn and_index(&self, index: &Path) -> Git {
        let mut git = self.clone();
        git.variables.push(("GIT_INDEX_FILE", index.to_owned()));
        git
    }

    /// Like [`Git::and_index`], and files keep their bytes on the way into the index and out of it: no attribute
    /// changes line ends (from git 2.41 on). Each run of git keeps `lock` open.
    pub(crate) fn with_bytes(&self, index: &Path, lock: File) -> anyhow::Result<Git> {
        let mut git = self.and_index(index);
        let no_attributes = self.text(&["hash-object", "-t", "tree", "--stdin"])?;
        git.variables.push(("GIT_ATTR_SOURCE", no_attributes.into()));
        git.lock = Some(Arc::new(lock));
        Ok(git)
    }

    fn with(folder: PathBuf, variables: Vec<(&'static str, PathBuf)>) -> Git {
        Git { folder, variables, lock: None, objects: Arc::default() }
    }

    #[cfg(test)]
    pub(crate) fn with_variable(mut self, name: &'static str, value: &str) -> Git {
        self.variables.push((name, value.into()));
        Git::with(self.folder, self.variables)
    }

    fn command<S: AsRef<OsStr>>(&self, args: &[S]) -> Command {
        let mut command = Command::new("git");
        command.args(SETTINGS.iter().flat_map(|setting| ["-c", setting]));
        if cfg!(test) {
            command.args(["-c", "core.fsync=none"]);
        } else if self.lock.is_some() {
            // A reader's work is on the disk before git reports success.
            command.args(["-c", "core.fsync=committed,reference", "-c", "core.fsyncMethod=batch"]);
        }
        command.args(args).current_dir(&self.folder);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        // Among others GIT_DIR: a hook that runs us has its own idea of where the repository is.
        environment::clean(&mut command);
        command
    }

    /// Runs git. Its failure is in the output's status.
    pub(crate) fn output<S: AsRef<OsStr>>(&self, args: &[S]) -> anyhow::Result<Output> {
        let mut command = self.command(args);
        if let Some(lock) = &self.lock {
            command.stdin(lock.try_clone()?);
        }
        command.output().context(NOT_STARTED)
    }

    /// Runs git with this input, which it must read before it prints much. What git prints is lost if there is a lock.
    ///
    /// # Errors
    /// When git fails, with its message.
    pub(crate) fn run_with_input(&self, args: &[&str], input: &[u8]) -> anyhow::Result<Vec<u8>> {
        let mut command = self.command(args);
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(lock) = &self.lock {
            piped.stdout(lock.try_clone()?);
        }
        let mut child = piped.spawn().context(NOT_STARTED)?;
        // When git fails early, its message says more than the broken pipe.
        let _ = child.stdin.take().map(|mut pipe| pipe.write_all(input));
        succeeded(args, child.wait_with_output()?)
    }

    /// Runs git and returns what it printed.
    ///
    /// # Errors
    /// When git fails, with its message.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, args: &[S]) -> anyhow::Result<Vec<u8>> {
        succeeded(args, self.output(args)?)
    }

    /// Runs git and returns its output as text, without the last line end.
    ///
    /// # Errors
    /// When git fails, with its message.
    pub(crate) fn text(&self, args: &[&str]) -> anyhow::Result<String> {
        Ok(String::from_utf8_lossy(&self.run(args)?).trim_end().to_string())
    }

    /// The object with this name, such as `HEAD` or `HEAD:./README.md`; `None` when there is none.
    ///
    /// # Errors
    /// When this is no repository, or git does not trust its owner.
    pub(crate) fn object(&self, name: &str) -> anyhow::Result<Option<Object>> {
        let mut objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        if objects.is_none() {
            let command = self.command(&["cat-file", "--batch"]);
            *objects = Some(Objects::start(command).context(NOT_STARTED)?);
        }
        let object = objects.as_mut().map_or(Ok(None), |objects| objects.read(name));
        object.or_else(|error| {
            *objects = None;
            // Fails with git's own reason, unless the process was ended by something else.
            self.run(&["rev-parse", "--git-dir"])?;
            Err(error).with_context(|| format!("git cannot read {name}"))
        })
    }

    /// The id of the commit that a person calls by this name; `None` when there is none.
    pub(crate) fn commit(&self, name: &str) -> anyhow::Result<Option<String>> {
        Ok(self.object(&format!("{name}^{{commit}}"))?.map(|object| object.id))
    }

    /// The content of a file at a revision; `None` when it has no such file. The path is relative to this directory,
    /// which may be inside a larger repository.
    pub(crate) fn show(&self, revision: &str, path: &str) -> anyhow::Result<Option<Vec<u8>>> {
        let object = self.object(&format!("{revision}:./{path}"))?;
        Ok(object.filter(|object| object.kind == "blob").map(|object| object.content))
    }

    /// The tree that this directory has at a revision. In a larger repository, that is a part of the commit's tree.
    pub(crate) fn tree(&self, revision: &str) -> anyhow::Result<String> {
        let object = self.object(&format!("{revision}:./"))?;
        object.map(|object| object.id).with_context(|| format!("git has no {revision}:./"))
    }

    /// Where this directory is in its repository: empty for the root, or `course/`.
    pub(crate) fn prefix(&self) -> anyhow::Result<String> {
        self.text(&["rev-parse", "--show-prefix"])
    }

    /// The files in which two trees or commits differ. The paths are relative to this directory, and files outside of it
    /// are left out.
    pub(crate) fn changed_between(&self, old: &str, new: &str) -> anyhow::Result<Vec<String>> {
        let form = ["diff-tree", "-r", "-z", "--name-only", "--no-renames", "--relative"];
        Ok(split_zero(&self.run(&[&form[..], &[old, new]].concat())?))
    }

    /// The files below a directory that differ from a revision: changed, deleted, and new ones that are not ignored.
    /// The paths are relative to this directory.
    pub(crate) fn changed_since(
        &self,
        revision: &str,
        folder: &str,
    ) -> anyhow::Result<Vec<String>> {
        // Outside of a repository, `git diff` compares files and calls the revision one that it cannot find.
        self.commit(revision)?.with_context(|| format!("`{revision}` is no commit"))?;
        let form = ["diff", "--name-only", "--no-renames", "--relative", "-z"];
        let tracked = self.run(&[&form[..], &[revision, "--", folder]].concat())?;
        let new = self.run(&["ls-files", "--others", "--exclude-standard", "-z", "--", folder])?;
        let mut paths = split_zero(&tracked);
        paths.extend(split_zero(&new));
        paths.sort();
        paths.dedup();
        Ok(paths)
    }
}

const NOT_STARTED: &str = "git cannot be started; is it installed?";

/// The way out of a copy of the course without its history.
pub(crate) const CLONE: &str =
    "clone the course as a repository of its own (see \"Get the course\" in the book)";

fn succeeded<S: AsRef<OsStr>>(args: &[S], output: Output) -> anyhow::Result<Vec<u8>> {
    if !output.status.success() {
        let words: Vec<_> = args.iter().map(|word| word.as_ref().to_string_lossy()).collect();
        let said = String::from_utf8_lossy(&output.stderr);
        // For a repository of another user, git names the way out itself.
        let is_none = said.contains("not a git repository");
        let way_out = if is_none { format!("\n{CLONE}") } else { String::new() };
        bail!("`git {}` failed: {}{way_out}", words.join(" "), said.trim());
    }
    Ok(output.stdout)
}

/// Splits what git prints with `-z`.
pub(crate) fn split_zero(printed: &[u8]) -> Vec<String> {
    let names = printed.split(|&byte| byte == 0).filter(|name| !name.is_empty());
    names.map(|name| String::from_utf8_lossy(name).into_owned()).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Makes a repository of a directory, with one commit of all its files.
    pub(crate) fn repository(folder: &Path) -> Git {
        let git = Git::at(folder);
        git.run(&["init", "-q"]).unwrap();
        git.run(&["add", "-A"]).unwrap();
        git.run(&["commit", "-q", "-m", "first"]).unwrap();
        git
    }
}
