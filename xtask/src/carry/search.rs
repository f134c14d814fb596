//! The lines that `git grep` finds in the files of the repository.

use anyhow::bail;

use crate::git::Git;

/// A line, and the offset at which the match begins.
pub(super) struct Line {
    pub path: String,
    pub number: usize,
    pub at: usize,
    pub text: String,
}

/// Finds a pattern, with its options, in the files that git knows below these places.
pub(super) fn lines(git: &Git, pattern: &[&str], places: &[&str]) -> anyhow::Result<Vec<Line>> {
    let args = [&["grep", "-I", "-n", "--column"], pattern, &["--"], places].concat();
    let output = git.output(&args)?;
    // Status 1 means that there is none.
    if output.status.code().is_none_or(|code| code > 1) {
        bail!("git cannot search: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let line = |printed: &str| {
        let fields: Vec<&str> = printed.splitn(4, ':').collect();
        let [path, number, column, text] = fields[..] else { return None };
        let at = column.parse::<usize>().ok()?.checked_sub(1)?;
        Some(Line { path: path.into(), number: number.parse().ok()?, at, text: text.into() })
    };
    Ok(String::from_utf8_lossy(&output.stdout).lines().filter_map(line).collect())
}
