//! Which files of the chapter have changed, as git sees them: with their modes, and with renames found.

use anyhow::bail;

use super::source::Source;

/// Git's modes of a symbolic link and of an executable file.
const LINK: &str = "120000";
const EXECUTABLE: &str = "100755";

const BY_HAND: &str = "and carry carries only text: make this change in every chapter by hand, commit it, and \
                       carry the rest";

/// One changed file; the paths are from the root.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Changed {
    /// Before and after; zeros where there is no file.
    modes: [String; 2],
    pub path: String,
    /// Its path before a rename.
    pub was: Option<String>,
}

impl Changed {
    /// # Errors
    /// When a merge of texts would lose the change: a link, or the executable bit.
    pub(super) fn must_be_text(&self) -> anyhow::Result<()> {
        let [old, new] = self.modes.each_ref().map(String::as_str);
        let what = if [old, new].contains(&LINK) {
            "is a symbolic link"
        } else if new == EXECUTABLE && old != EXECUTABLE {
            "has become executable"
        } else if old == EXECUTABLE && new.starts_with("1006") {
            "is no longer executable"
        } else {
            return Ok(());
        };
        bail!("{} {what}, {BY_HAND}", self.path)
    }
}

/// # Errors
/// When carry would replace a symbolic link.
pub(super) fn must_be_no_link(source: &Source<'_>, path: &str) -> anyhow::Result<()> {
    if source.workspace.path(path).is_symlink() {
        bail!("{path} is a symbolic link, {BY_HAND}");
    }
    Ok(())
}

/// All files of the chapter that differ from the commit before the change, new files included.
pub(super) fn since(source: &Source<'_>) -> anyhow::Result<Vec<Changed>> {
    // With an index of our own, git also finds renames to files that are not tracked yet, and the person's index
    // stays as it is.
    let scratch = tempfile::tempdir()?;
    let git = source.git.and_index(&scratch.path().join("index"));
    let folder = source.chapter.folder.as_str();
    git.run(&["read-tree", "HEAD"])?;
    git.run(&["add", "--all", "--", folder])?;
    let form = ["diff", "--cached", "--raw", "--find-renames", "--relative", "--no-abbrev", "-z"];
    let printed = git.run(&[&form[..], &[&source.revision, "--", folder]].concat())?;
    Ok(parse(&String::from_utf8_lossy(&printed)))
}

/// Reads `:100644 100644 ID ID M`, then the path; with `R`, the old path and the new path.
fn parse(printed: &str) -> Vec<Changed> {
    let mut changed = Vec::new();
    let mut fields = printed.split('\0');
    while let Some(head) = fields.next().and_then(|field| field.strip_prefix(':')) {
        let words: Vec<&str> = head.split(' ').collect();
        let [old, new, _, _, status] = words[..] else { break };
        let renamed = status.starts_with('R');
        let was = if renamed { fields.next().map(String::from) } else { None };
        let Some(path) = fields.next() else { break };
        let modes = [old, new].map(String::from);
        changed.push(Changed { modes, path: path.to_string(), was });
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_git_are_read() {
        let printed = ":100644 100755 a b M\0c/a.rs\0:100644 100644 a b R090\0c/old.rs\0c/new.rs\0";
        let modes = |old: &str, new: &str| [old.to_string(), new.to_string()];
        let expected = [
            Changed { modes: modes("100644", "100755"), path: "c/a.rs".to_string(), was: None },
            Changed {
                modes: modes("100644", "100644"),
                path: "c/new.rs".to_string(),
                was: Some("c/old.rs".to_string()),
            },
        ];
        assert_eq!(parse(printed), expected);
        assert_eq!(parse(""), []);
    }

    #[test]
    fn only_a_change_that_a_merge_would_lose_is_refused() {
        for (old, new, refused) in [
            ("100644", "100644", false),
            ("100755", "100755", false),
            ("100755", "000000", false),
            ("000000", "100644", false),
            ("000000", "100755", true),
            ("100644", "100755", true),
            ("100755", "100644", true),
            ("000000", "120000", true),
            ("120000", "100644", true),
            ("120000", "000000", true),
        ] {
            let modes = [old, new].map(String::from);
            let changed = Changed { modes, path: "a".to_string(), was: None };
            assert_eq!(changed.must_be_text().is_err(), refused, "{old} {new}");
        }
    }
}
