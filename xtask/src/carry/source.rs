//! The chapter whose change is carried, and the commit before the change.

use crate::git::Git;
use crate::workspace::{Chapter, Workspace};

pub(super) struct Source<'a> {
    pub workspace: &'a Workspace,
    pub git: &'a Git,
    /// The id of the commit before the change.
    pub revision: String,
    /// The id of the last commit.
    pub head: String,
    pub chapter: &'a Chapter,
}
