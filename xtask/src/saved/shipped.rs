//! How a chapter was shipped: the commit that counts.

use anyhow::{Context, anyhow, bail};

use crate::git::{CLONE, Git};

/// The commit that the reader got last: where their own commits, if there are any, branch off. And whether it is known to
/// be from the course: inside another repository, or without a remote, it may be the reader's own.
pub(super) fn base(git: &Git, chapter: &str) -> anyhow::Result<(String, bool)> {
    let why = format!("only git knows how {chapter} was shipped, and it cannot be read");
    let head = git.commit("HEAD").map_err(|error| needs_git(&why, &error))?;
    let head = head.with_context(|| {
        format!("this git repository has no commit yet, so how {chapter} was shipped is not known; {CLONE}")
    })?;
    // Readers who have forked the course call it `upstream`, and push their own work to `origin`.
    let course = ["upstream/HEAD", "upstream/main", "origin/HEAD", "@{upstream}"];
    let found = course.into_iter().find_map(|name| git.text(&["merge-base", "HEAD", name]).ok());
    // The prefix is empty in a repository that is only the course.
    let prefix = git.prefix()?;
    let is_published = found.is_some() && prefix.is_empty();
    let base = found.unwrap_or(head);
    if git.object(&format!("{base}:./{chapter}"))?.is_none() {
        let inside = match prefix.trim_end_matches('/') {
            "" => String::new(),
            folder => format!(" (the course is its folder {folder})"),
        };
        bail!(
            "commit {base:.10} of this git repository{inside} has no {chapter}, so how the chapter was shipped is \
             not known; {CLONE}"
        );
    }
    Ok((base, is_published))
}

/// An error with git's own words: they name the way out for a clone that belongs to another user.
pub(super) fn needs_git(why: &str, error: &anyhow::Error) -> anyhow::Error {
    anyhow!("{why}:\n{error:#}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::tests::folder_with;

    /// A repository of another user used to be called no git repository.
    #[test]
    fn what_git_says_about_a_repository_is_passed_on() {
        let folder = folder_with(&[("chapters/04_router/src/lib.rs", "")]);
        let error = |git: &Git| base(git, "chapters/04_router").unwrap_err().to_string();
        let outside = error(&Git::outside_of_repositories(folder.path()));
        assert!(outside.contains("not a git repository") && outside.contains(CLONE), "{outside}");
        let git = Git::at(folder.path());
        git.run(&["init", "-q"]).unwrap();
        assert!(error(&git).contains("no commit yet"), "{}", error(&git));
        let of_another_user = git.with_variable("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1");
        let said = error(&of_another_user);
        assert!(said.contains("git config --global --add safe.directory "), "{said}");
        assert!(!said.contains(CLONE), "{said}");
    }
}
