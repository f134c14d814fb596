//! Runs git.

mod objects;
mod store;

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex, OnceLock};

use anyhow::{Context, bail};
use wire::environment;

use self::objects::Objects;
pub(crate) use self::store::Commit;

/// Settings with which a person's git would print or do something else than we expect, at their defaults.
const SETTINGS: [&str; 22] = [
    "apply.ignoreWhitespace=no",
    "apply.whitespace=nowarn",
    "color.ui=false",
    "commit.gpgSign=false",
    "core.abbrev=auto",
    "core.attributesFile=/dev/null",
    "core.autocrlf=false",
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.quotePath=false",
    "core.safecrlf=false",
    "diff.algorithm=myers",
    "diff.context=3",
    "diff.interHunkContext=0",
    "diff.noprefix=false",
    "diff.orderFile=/dev/null",
    "diff.relative=false",
    "diff.suppressBlankEmpty=false",
    "i18n.logOutputEncoding=UTF-8",
    "init.defaultObjectFormat=sha1",
    "log.follow=false",
    "log.showSignature=false",
];

/// A repository, or a directory in it, in which git is run.
#[derive(Debug, Clone)]
pub(crate) struct Git {
    folder: PathBuf,
    /// Variables that git reads.
    variables: Vec<(&'static str, PathBuf)>,
    shared: Arc<Shared>,
}

/// What copies of a [`Git`] share, so that git is started less often.
#[derive(Debug, Default)]
struct Shared {
    objects: Mutex<Option<Objects>>,
    prefix: OnceLock<String>,
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
        let variables = [&self.variables[..], &[("GIT_INDEX_FILE", index.to_owned())]].concat();
        Git { folder: self.folder.clone(), variables, shared: Arc::clone(&self.shared) }
    }

    fn with(folder: PathBuf, variables: Vec<(&'static str, PathBuf)>) -> Git {
        Git { folder, variables, shared: Arc::default() }
    }

    #[cfg(test)]
    pub(crate) fn with_variable(mut self, name: &'static str, value: &str) -> Git {
        self.variables.push((name, value.into()));
        Git::with(self.folder, self.variables)
    }

    fn command<S: AsRef<OsStr>>(&self, args: &[S]) -> Command {
        let mut command = Command::new("git");
        #[cfg(test)]
        command.args(["-c", "core.fsync=none"]);
        command.args(SETTINGS.iter().flat_map(|setting| ["-c", setting]));
        command.args(args).current_dir(&self.folder);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        // Among others GIT_DIR: a hook that runs us has its own idea of where the repository is.
        environment::clean(&mut command);
        command
    }

    /// Runs git. Its failure is in the output's status.
    pub(crate) fn output<S: AsRef<OsStr>>(&self, args: &[S]) -> anyhow::Result<Output> {
        self.command(args).output().context(NOT_STARTED)
    }

    /// Runs git with this input, which it must read before it prints much.
    ///
    /// # Errors
    /// When git fails, with its message.
    pub(crate) fn run_with_input(&self, args: &[&str], input: &[u8]) -> anyhow::Result<Vec<u8>> {
        let mut command = self.command(args);
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().context(NOT_STARTED)?;
        // When git fails early, its message says more than the broken pipe.
        let _ = child.stdin.take().map(|mut pipe| pipe.write_all(input));
        succeeded(args, child.wait_with_output()?)
    }

    /// Runs git and returns what it printed.
    ///
    /// # Errors
    /// When git fails, with what it said.
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
    pub(crate) fn prefix(&self) -> anyhow::Result<&str> {
        if let Some(prefix) = self.shared.prefix.get() {
            return Ok(prefix);
        }
        // Most directories are the root of their repository, and git need not be asked.
        let is_root = self.folder.join(".git").exists();
        let prefix =
            if is_root { String::new() } else { self.text(&["rev-parse", "--show-prefix"])? };
        Ok(self.shared.prefix.get_or_init(|| prefix))
    }

    /// The files below a directory that differ from a revision: changed, deleted, and new ones that are not ignored.
    /// The paths are relative to this directory.
    pub(crate) fn changed_since(
        &self,
        revision: &str,
        folder: &str,
    ) -> anyhow::Result<Vec<String>> {
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

fn succeeded<S: AsRef<OsStr>>(args: &[S], output: Output) -> anyhow::Result<Vec<u8>> {
    if !output.status.success() {
        let words: Vec<_> = args.iter().map(|word| word.as_ref().to_string_lossy()).collect();
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("`git {}` failed: {}", words.join(" "), said.trim());
    }
    Ok(output.stdout)
}

/// Splits what git prints with `-z`.
pub(crate) fn split_zero(printed: &[u8]) -> Vec<String> {
    let names = printed.split(|&byte| byte == 0).filter(|name| !name.is_empty());
    names.map(|name| String::from_utf8_lossy(name).into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::tests::folder_with;

    /// The settings are also those of a repository, which no variable takes away.
    #[test]
    fn a_person_s_settings_change_nothing() {
        let folder = folder_with(&[("f", "1\n2\n3\n4\n5\n6\n7\n8\n")]);
        let git = Git::at(folder.path());
        git.run(&["init", "-q"]).unwrap();
        git.run(&["add", "-A"]).unwrap();
        std::fs::write(folder.path().join("f"), "1\n2\n3\n4\nfive\n6\n7\n8\n").unwrap();
        let diff = ["diff", "--no-ext-diff"];
        let before = git.run(&diff).unwrap();
        for (name, value) in [
            ("diff.context", "0"),
            ("diff.noprefix", "true"),
            ("diff.orderFile", "/no/such/file"),
            ("color.ui", "always"),
            ("core.abbrev", "40"),
            ("core.autocrlf", "true"),
            ("core.hooksPath", "."),
            ("commit.gpgSign", "true"),
            ("gpg.program", "false"),
        ] {
            git.run(&["config", name, value]).unwrap();
        }
        let hook = folder.path().join("pre-commit");
        std::fs::write(&hook, "#!/bin/sh\nexit 1\n").unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(hook, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        assert_eq!(git.run(&diff).unwrap(), before);
        let name = ["-c", "user.name=Test", "-c", "user.email=test@example.org"];
        git.run(&[&name[..], &["commit", "-q", "-a", "-m", "a step"]].concat()).unwrap();
    }
}
