//! Where the programs of the servers are.

use std::path::{Path, PathBuf};

use crate::workspace::Workspace;

/// Where programs are built, and how.
#[derive(Clone, Copy)]
pub(crate) struct Builds<'a> {
    pub workspace: &'a Workspace,
    /// The profile for `final`. The peers change only with their versions, so they are always built for release.
    pub profile: &'a str,
    /// An earlier build of `final/examples/bench.rs`.
    pub before: Option<&'a Path>,
}

impl Builds<'_> {
    /// A program of `final`, by its path in the profile's directory.
    pub(super) fn of_final(&self, path: &str) -> PathBuf {
        self.workspace.target().join(self.profile).join(path)
    }

    /// A peer's program. The peers are built apart from everything else.
    pub(super) fn of_peer(&self, name: &str) -> PathBuf {
        self.target_of_peers().join("release").join(name)
    }

    pub(super) fn target_of_peers(&self) -> PathBuf {
        self.workspace.target().join("bench")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profile_is_that_of_final_and_the_peers_are_built_for_release() {
        let workspace = Workspace::find().unwrap();
        let builds = Builds { workspace: &workspace, profile: "fast-build", before: None };
        assert!(builds.of_final("examples/bench").ends_with("fast-build/examples/bench"));
        assert!(builds.of_peer("limit").ends_with("bench/release/limit"));
    }
}
