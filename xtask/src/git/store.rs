//! Stores commits without touching the person's files, index or branch: one `git fast-import` for all of them.
//!
//! The contents are stored byte for byte: no filter, line end or hook changes them.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;

use super::Git;
use crate::disk;
use crate::patch::Files;

/// A commit to be stored under a name of its own.
pub(crate) struct Commit<'a> {
    /// The whole name, such as `refs/worktree/carry/start`.
    pub name: &'a str,
    /// Names of commits, and `:1` for the first commit of the same call, `:2` for the second.
    pub parents: &'a [&'a str],
    pub message: &'a str,
    /// How it differs from its first parent. The paths are relative to the directory in which git is run.
    pub files: &'a Files,
}

impl Git {
    /// Stores these commits. The names exist when this returns, or if the process is killed, none or some of them: the
    /// order is git's.
    pub(crate) fn store(&self, commits: &[Commit<'_>]) -> anyhow::Result<()> {
        disk::step()?;
        let form =
            ["-c", "fastimport.unpackLimit=1", "fast-import", "--quiet", "--force", "--done"];
        let mut stream = self.stream(commits)?;
        // Without this line git has not got everything, and stores nothing.
        stream.extend(b"done\n");
        self.run_with_input(&form, &stream)?;
        disk::step()
    }

    /// The commits as fast-import reads them.
    fn stream(&self, commits: &[Commit<'_>]) -> anyhow::Result<Vec<u8>> {
        let prefix = self.prefix()?;
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut stream = Vec::new();
        for (number, commit) in (1..).zip(commits) {
            let now = since_1970.as_secs();
            let head = format!(
                "commit {}\nmark :{number}\ncommitter cargo xtask <xtask@localhost> {now} +0000\ndata {}\n{}\n",
                commit.name,
                commit.message.len(),
                commit.message
            );
            stream.extend(head.into_bytes());
            for (number, parent) in commit.parents.iter().enumerate() {
                let word = if number == 0 { "from" } else { "merge" };
                stream.extend(format!("{word} {parent}\n").into_bytes());
            }
            for (path, content) in commit.files {
                let path = quoted(&format!("{prefix}{path}"));
                let Some(content) = content else {
                    stream.extend(format!("D {path}\n").into_bytes());
                    continue;
                };
                let head = format!("M 100644 inline {path}\ndata {}\n", content.len());
                stream.extend(head.into_bytes());
                stream.extend(content);
                stream.push(b'\n');
            }
        }
        Ok(stream)
    }

    /// Removes the locks of names below `names` that a killed git has left behind. The caller owns the file of
    /// [`Git::with_lock`], so no git that could still hold one of them is running.
    pub(crate) fn remove_locks(&self, names: &str) -> anyhow::Result<()> {
        let folder = self.text(&["rev-parse", "--path-format=absolute", "--git-path", names])?;
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "lock") {
                fs::remove_file(&path).with_context(|| path.display().to_string())?;
            }
        }
        Ok(())
    }

    /// Gives and takes names away, in the lines of `git update-ref --stdin`.
    pub(crate) fn update_names(&self, lines: &str) -> anyhow::Result<()> {
        self.run_with_input(&["update-ref", "--stdin"], lines.as_bytes())?;
        disk::step()
    }
}

/// A path as fast-import reads it, whatever characters are in it.
fn quoted(path: &str) -> String {
    let escaped = path.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::tests::folder_with;

    /// Line ends, odd names and a directory of a larger repository.
    #[test]
    fn what_is_stored_comes_back_byte_for_byte() {
        let folder =
            folder_with(&[("course/old", "1\n"), (".gitattributes", "* text=auto eol=lf\n")]);
        let git = Git::at(&folder.path().join("course"));
        git.run(&["init", "-q", ".."]).unwrap();
        git.run(&["add", "-A", ".."]).unwrap();
        let name = ["-c", "user.name=Test", "-c", "user.email=test@example.org"];
        git.run(&[&name[..], &["commit", "-q", "-m", "first"]].concat()).unwrap();
        git.run(&["config", "core.autocrlf", "true"]).unwrap();
        let names = ["a \"b\"\\c", "ä/\u{1f600}", "crlf"];
        let contents: [&[u8]; 3] = [b"", b"\0\xff", b"a\r\nb"];
        let pairs = names.iter().zip(contents);
        let mut files: Files =
            pairs.map(|(name, content)| (name.to_string(), Some(content.to_vec()))).collect();
        files.insert("old".to_string(), None);
        let store = |name, parent| Commit { name, parents: parent, message: "äx", files: &files };
        git.store(&[store("refs/a", &["HEAD"]), store("refs/b", &["HEAD", ":1"])]).unwrap();
        for (path, content) in &files {
            assert_eq!(git.show("refs/b", path).unwrap(), *content, "{path}");
        }
        assert_eq!(
            git.text(&["rev-parse", "refs/b^2"]).unwrap(),
            git.commit("refs/a").unwrap().unwrap()
        );
        assert_eq!(git.text(&["status", "--porcelain"]).unwrap(), "");
        git.update_names("delete refs/a\n").unwrap();
        assert_eq!(git.commit("refs/a").unwrap(), None);
    }
}
