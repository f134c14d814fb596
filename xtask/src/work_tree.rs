//! The current files of the repository, committed or not, as a tree of git.

use crate::git::Git;
use crate::workspace::Workspace;

/// Stores the current files as a git tree, and changes nothing else in the repository.
pub(crate) fn work_tree(workspace: &Workspace) -> anyhow::Result<String> {
    let folder = tempfile::tempdir()?;
    let git = Git::with_index(workspace.root(), &folder.path().join("index"), workspace.root())?;
    git.run(&["read-tree", &workspace.git().tree("HEAD")?])?;
    git.run(&["add", "--all"])?;
    git.text(&["write-tree"])
}
