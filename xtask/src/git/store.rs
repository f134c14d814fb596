//! Stores files without touching the person's files, index or branch.

use std::fs;

use anyhow::Context;

use super::Git;
use crate::patch::{self, Files};

impl Git {
    /// A tree with other contents of some files, whose paths are relative to this directory. With [`Git::with_bytes`]
    /// they are stored byte for byte.
    pub(crate) fn tree_with(&self, tree: &str, files: &Files) -> anyhow::Result<String> {
        let scratch = tempfile::tempdir()?;
        let root = scratch.path().join("files");
        fs::create_dir(&root)?;
        // From the root of the repository, which may be above this directory.
        let prefix = self.prefix()?;
        let mut update: Vec<String> =
            ["update-index", "--add", "--remove", "--"].map(String::from).into();
        for (path, content) in files {
            let path = format!("{prefix}{path}");
            if let Some(content) = content {
                patch::write(&root, &path, content)?;
            }
            update.push(path);
        }
        let mut git = self.and_index(&scratch.path().join("index"));
        git.variables.push(("GIT_WORK_TREE", root));
        git.run(&["read-tree", tree])?;
        git.run(&update)?;
        git.text(&["write-tree"])
    }

    /// Removes the locks of names below `names` that a killed git has left behind. The caller owns the file of
    /// [`Git::with_bytes`], so no git that could still hold one of them is running.
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
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::git::Git;
    use crate::git::tests::repository;
    use crate::patch::Files;
    use crate::workspace::tests::folder_with;

    /// Line ends, odd names and a directory of a larger repository.
    #[test]
    fn what_is_stored_comes_back_byte_for_byte() {
        let folder =
            folder_with(&[("course/old", "1\n"), (".gitattributes", "* text=auto eol=lf\n")]);
        repository(folder.path());
        let git = Git::at(&folder.path().join("course"));
        git.run(&["config", "core.autocrlf", "true"]).unwrap();
        let names = ["a \"b\"\\c", "ä/\u{1f600}", "crlf"];
        let contents: [&[u8]; 3] = [b"", b"\0\xff", b"a\r\nb"];
        let pairs = names.iter().zip(contents);
        let mut files: Files =
            pairs.map(|(name, content)| (name.to_string(), Some(content.to_vec()))).collect();
        files.insert("old".to_string(), None);
        let scratch = tempfile::tempdir().unwrap();
        let lock = fs::File::create(scratch.path().join("lock")).unwrap();
        let bytes = git.with_bytes(&scratch.path().join("index"), lock).unwrap();
        let tree = bytes.tree_with("HEAD", &files).unwrap();
        for (path, content) in &files {
            assert_eq!(git.show(&tree, path).unwrap(), *content, "{path}");
        }
        assert_eq!(git.text(&["status", "--porcelain"]).unwrap(), "");
    }
}
