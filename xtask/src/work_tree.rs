//! The current files of the repository, committed or not, as a tree of git.

use crate::git::Git;
use crate::workspace::Workspace;

/// Stores the current files as a git tree, and changes nothing else in the repository.
pub(crate) fn work_tree(workspace: &Workspace) -> anyhow::Result<String> {
    let folder = tempfile::tempdir()?;
    let git = Git::with_index(workspace.root(), &folder.path().join("index"), workspace.root())?;
    git.run(&["read-tree", &workspace.git().tree("HEAD")?])?;
    git.run(&["add", "--all"])?;
    Ok(String::from_utf8_lossy(&git.run(&["write-tree"])?).trim().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::tests::repository;
    use crate::workspace::tests::folder_with;

    /// Regression test: the last commit was proved instead of the current files. Testing before committing reported
    /// success for files that had not been tested.
    #[test]
    fn what_is_proved_is_the_files_as_they_are() {
        let folder = folder_with(&[("chapters/04_a/src/lib.rs", "committed\n")]);
        let git = repository(folder.path());
        let path = "chapters/04_a/src/lib.rs";
        std::fs::write(folder.path().join(path), "work\n").unwrap();
        std::fs::write(folder.path().join("chapters/04_a/src/new.rs"), "new\n").unwrap();
        let tree = work_tree(&Workspace::at(folder.path()).unwrap()).unwrap();
        assert_eq!(git.show(&tree, path).unwrap().as_deref(), Some(&b"work\n"[..]));
        let new = git.show(&tree, "chapters/04_a/src/new.rs").unwrap();
        assert_eq!(new.as_deref(), Some(&b"new\n"[..]));
        // The user's own index is unchanged.
        let status = git.run(&["status", "--porcelain"]).unwrap();
        assert_eq!(
            String::from_utf8_lossy(&status),
            " M chapters/04_a/src/lib.rs\n?? chapters/04_a/src/new.rs\n"
        );
    }
}
