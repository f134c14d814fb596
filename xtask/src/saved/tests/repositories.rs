//! Where the course can be: in a fork, in a larger repository, in none, in one with odd settings or a newer version.

use std::fs;

use super::reader::{CHAPTER, Reader, SHIPPED, after_reset, commit};
use crate::git::{CLONE, Git};
use crate::saved::restore::listed;
use crate::saved::shipped;

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
    assert!(said.contains("This repository has no remote"), "{said}");
    assert!(said.ends_with("There is nothing to reset.\n"), "{said}");
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
    assert!(error.contains("has no course/chapters/04_router"), "{error}");
    assert!(error.contains(CLONE), "{error}");
    assert_eq!(reader.tree(), work);
}

/// Commits of the reader are work. A fork's `origin` has these commits, once they are pushed.
#[test]
fn what_is_shipped_is_what_the_course_has_and_not_a_fork() {
    let reader = Reader::at_work();
    let work = reader.tree();
    reader.is_shipped("refs/remotes/upstream/main");
    commit(&Git::at(&reader.root), "mine");
    reader.is_shipped("refs/remotes/origin/HEAD");
    let said = reader.reset().unwrap();
    assert!(said.contains("chapters/04_router is as it was shipped, in commit "), "{said}");
    assert_eq!(reader.tree(), after_reset());
    reader.restore("refs/saved/02_time/1").unwrap();
    assert_eq!(reader.tree(), work);
}

/// The course has changed since the work was saved.
#[test]
fn work_comes_back_on_top_of_a_newer_version_of_the_course() {
    let restored = |shipped: &str| {
        let reader = Reader::got_from_the_course();
        reader.reset().unwrap();
        reader.write("src/lib.rs", shipped.as_bytes());
        commit(&Git::at(&reader.root), "a newer version");
        reader.is_shipped("refs/remotes/origin/HEAD");
        let result = reader.restore("02_time/1");
        result.map(|_| reader.tree()).map_err(|error| (error.to_string(), reader.tree()))
    };
    let tree = restored(&SHIPPED.replace('9', "nine")).unwrap();
    assert_eq!(tree["src/lib.rs"], b"mine\n2\n3\n4\n5\n6\n7\n8\nnine\n");
    assert_eq!(tree["src/mine.rs"], b"no line end");

    let (error, tree) = restored(&SHIPPED.replace('1', "one")).unwrap_err();
    assert!(error.contains("cannot merge 02_time/1 with the chapter as it is shipped"), "{error}");
    assert!(error.contains("`git cherry-pick --no-commit refs/saved/02_time/1`"), "{error}");
    assert!(error.contains("Merge conflict in chapters/04_router/src/lib.rs"), "{error}");
    assert_eq!(tree["src/lib.rs"], b"one\n2\n3\n4\n5\n6\n7\n8\n9\n");
    assert!(!tree.contains_key("src/mine.rs"));
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
    reader.apply().unwrap();
    assert_eq!(reader.tree()["src/time.rs"], b"time\n");
    reader.restore("02_time/1").unwrap();
    assert_eq!(reader.tree(), work);
}

#[test]
fn without_a_repository_nothing_is_written_and_the_way_out_is_named() {
    let reader = Reader::at_work();
    let work = reader.tree();
    let git = reader.root.join(".git");
    fs::remove_dir_all(&git).unwrap();
    for error in
        [reader.reset(), reader.apply(), reader.restore("x"), listed(reader.workspace.git())]
    {
        let error = format!("{:#}", error.unwrap_err());
        assert!(error.contains("not a git repository") && error.contains(CLONE), "{error}");
    }
    // A repository without a commit.
    Git::at(&reader.root).run(&["init", "-q"]).unwrap();
    let error = reader.reset().unwrap_err().to_string();
    assert!(error.contains("has no commit yet") && error.contains(CLONE), "{error}");
    assert_eq!(reader.tree(), work);
}

/// A repository of another user used to be called no git repository.
#[test]
fn what_git_says_about_a_repository_is_passed_on() {
    let reader = Reader::at_work();
    let git = Git::at(&reader.root).with_variable("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1");
    let error = format!("{:#}", shipped(&git, CHAPTER).unwrap_err());
    assert!(error.contains("git config --global --add safe.directory "), "{error}");
    assert!(!error.contains(CLONE), "{error}");
}
