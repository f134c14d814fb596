//! The names of saved work, such as `refs/saved/02_api_time/1`.

use anyhow::bail;

use super::shipped;
use crate::git::Git;
use crate::workspace::Workspace;

/// The names of git begin with this.
pub(super) const NAMES: &str = "refs/saved/";

/// Work that is saved.
#[derive(Debug)]
pub(super) struct Saved {
    /// The exercise, and a number or the reader's word: `02_api_time/1`.
    pub name: String,
    pub tree: String,
    /// The commit that had the chapter as it was shipped then.
    pub base: String,
    /// `2026-11-30 01:15`, in local time.
    pub date: String,
    /// The result of the last check before it was saved.
    pub result: String,
}

impl Saved {
    /// All that is saved, by exercise.
    ///
    /// # Errors
    /// When there is no repository, or git cannot read it.
    pub(super) fn all(workspace: &Workspace) -> anyhow::Result<Vec<Saved>> {
        let git = workspace.git();
        let why = "work is saved in git, which cannot be read";
        git.commit("HEAD").map_err(|error| shipped::needs_git(why, &error))?;
        let format = "--format=%(refname:lstrip=2)%00%(tree)%00%(parent)%00\
                      %(committerdate:format-local:%Y-%m-%d %H:%M)%00%(contents:subject)";
        let printed = git.text(&["for-each-ref", "--sort=version:refname", format, NAMES])?;
        let saved = |line: &str| {
            let mut fields = line.split('\0').map(String::from);
            let mut next = || fields.next();
            let (name, tree, base, date) = (next()?, next()?, next()?, next()?);
            let result = next()?.split_once(": ")?.1.to_string();
            Some(Saved { name, tree, base, date, result })
        };
        Ok(printed.lines().filter_map(saved).collect())
    }

    /// The files in which it differs from the chapter as it was shipped.
    pub(super) fn paths(&self, git: &Git) -> anyhow::Result<Vec<String>> {
        git.changed_between(&self.base, &self.tree)
    }

    /// Puts the saved files on top of the course at another commit, and returns the tree.
    ///
    /// # Errors
    /// When both have changed the same lines.
    pub(super) fn on_top_of(&self, git: &Git, base: &str) -> anyhow::Result<String> {
        if self.base == base {
            return Ok(self.tree.clone());
        }
        let full = format!("{NAMES}{}", self.name);
        let form = ["merge-tree", "--write-tree", "-z", "--name-only", "--no-messages"];
        let output = git.output(&[&form[..], &[base, &full]].concat())?;
        let printed = crate::git::split_zero(&output.stdout);
        let problem = match (output.status.code(), &printed[..]) {
            (Some(0), [tree, ..]) => return Ok(tree.clone()),
            (Some(1), [_, path, ..]) => {
                let prefix = git.prefix()?;
                let path = path.strip_prefix(&*prefix).unwrap_or(path);
                format!("{path} of {} does not fit the chapter as it is shipped now", self.name)
            }
            _ => {
                let said = String::from_utf8_lossy(&output.stderr);
                format!("git 2.38 or newer is needed to merge {}: {}", self.name, said.trim())
            }
        };
        bail!(
            "{problem}; nothing was changed. `git cherry-pick --no-commit {full}` puts both versions where they differ"
        )
    }
}
