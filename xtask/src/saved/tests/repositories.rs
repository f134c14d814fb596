//! Where the course can be: in a fork, in a larger repository, in none, in one with odd settings or a newer version.

use std::fs;

use super::reader::{Reader, SHIPPED, after_reset, commit};
use crate::git::Git;
use crate::saved::restore::listed;

#[test]
fn work_that_the_reader_has_committed_is_work() {
    let reader = Reader::at_work();
    let git = Git::at(&reader.root);
    reader.is_shipped();
    let work = reader.tree();
    commit(&git, "mine");
    reader.reset().unwrap();
    assert_eq!(reader.tree(), after_reset());
    reader.restore("refs/saved/02_time/1").unwrap();
    assert_eq!(reader.tree(), work);
}

/// Git names paths from the root of its repository. Once that were other paths than ours: reset said that nothing had
/// changed, and wrote into `course/course`.
#[test]
fn the_course_may_be_a_folder_of_another_repository() {
    let reader = Reader::at_work_inside("course/");
    let work = reader.tree();
    let said = reader.reset().unwrap();
    assert!(said.contains("saved as 02_time/1:\n  chapters/04_router/"), "{said}");
    assert!(said.contains("chapters/04_router is as in commit "), "{said}");
    assert!(said.contains("This repository has no remote of the course"), "{said}");
    assert_eq!(reader.tree(), after_reset());
    assert!(!reader.root.join("course").exists());
    let said = reader.reset().unwrap();
    assert!(said.contains("; there is nothing to reset.\nThis repository has no remote"), "{said}");
    reader.restore("02_time/1").unwrap();
    assert_eq!(reader.tree(), work);
    reader.apply().unwrap();
    assert_eq!(reader.tree()["src/time.rs"], b"time\n");
    reader.restore("02_time/1").unwrap();
    assert_eq!(reader.tree(), work);
}

/// Then all files are new to git, and a reset would delete the chapter.
#[test]
fn a_course_that_is_in_no_commit_is_left_alone() {
    let reader = Reader::at_work_inside("course/");
    let git = Git::at(&reader.root);
    git.run(&["rm", "-r", "-q", "--cached", "."]).unwrap();
    git.run(&["commit", "-q", "--allow-empty", "-m", "without it"]).unwrap();
    let work = reader.tree();
    let error = reader.reset().unwrap_err().to_string();
    assert!(
        error.contains("(the course is its folder course) has no chapters/04_router"),
        "{error}"
    );
    assert!(error.contains("clone the course as a repository of its own"), "{error}");
    assert_eq!(reader.tree(), work);
}

/// A fork's `origin` has the reader's own commits, once they are pushed.
#[test]
fn what_is_shipped_is_what_the_course_has_and_not_a_fork() {
    let reader = Reader::at_work();
    let git = Git::at(&reader.root);
    git.run(&["update-ref", "refs/remotes/upstream/main", "HEAD"]).unwrap();
    commit(&git, "mine");
    reader.is_shipped();
    let said = reader.reset().unwrap();
    assert!(said.contains("chapters/04_router is as it was shipped, in commit "), "{said}");
    assert_eq!(reader.tree(), after_reset());
}

/// The course has changed since the work was saved.
#[test]
fn work_comes_back_on_top_of_a_newer_version_of_the_course() {
    for (shipped, expected) in [
        (
            SHIPPED.replace("9\n", "nine\n"),
            Some(SHIPPED.replace("9\n", "nine\n").replace("1\n", "mine\n")),
        ),
        (SHIPPED.replace("1\n", "one\n"), None),
    ] {
        let reader = Reader::at_work();
        reader.is_shipped();
        reader.reset().unwrap();
        reader.write("src/lib.rs", shipped.as_bytes());
        commit(&Git::at(&reader.root), "a newer version");
        reader.is_shipped();
        let before = reader.tree();
        let result = reader.restore("02_time/1");
        let Some(expected) = expected else {
            let error = result.unwrap_err().to_string();
            assert!(
                error.contains("src/lib.rs of 02_time/1 does not fit the chapter as it is"),
                "{error}"
            );
            assert!(
                error.contains("`git cherry-pick --no-commit refs/saved/02_time/1`"),
                "{error}"
            );
            assert_eq!(reader.tree(), before);
            continue;
        };
        result.unwrap();
        assert_eq!(reader.tree()["src/lib.rs"], expected.as_bytes());
        assert_eq!(reader.tree()["src/mine.rs"], b"no line end");
    }
}

/// Settings of the reader's repository, which no variable takes away.
#[test]
fn odd_settings_of_git_change_nothing() {
    let reader = Reader::at_work();
    reader.write(".gitattributes", b"* text=auto eol=crlf\n");
    let git = Git::at(&reader.root);
    for (name, value) in [
        ("diff.context", "0"),
        ("diff.orderFile", "/no/such/file"),
        ("diff.noprefix", "true"),
        ("core.autocrlf", "true"),
        ("core.excludesFile", "/no/such/file"),
        ("commit.gpgSign", "true"),
        ("user.useConfigOnly", "true"),
        ("transfer.fsckObjects", "true"),
    ] {
        git.run(&["config", name, value]).unwrap();
    }
    let work = reader.tree();
    reader.reset().unwrap();
    assert_eq!(reader.tree(), after_reset());
    reader.restore("02_time/1").unwrap();
    assert_eq!(reader.tree(), work);
}

#[test]
fn without_a_repository_nothing_is_written_and_the_way_out_is_named() {
    let reader = Reader::at_work();
    let work = reader.tree();
    fs::remove_dir_all(reader.root.join(".git")).unwrap();
    for error in [reader.reset(), reader.apply(), reader.restore("x"), listed(&reader.workspace)] {
        let error = error.unwrap_err().to_string();
        assert!(error.contains("not a git repository"), "{error}");
        assert!(error.contains("clone the course as a repository of its own"), "{error}");
    }
    assert_eq!(reader.tree(), work);
}
