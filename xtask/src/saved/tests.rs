//! Reset, solution and restore; [`killed`] interrupts them.

mod killed;
mod reader;

use std::fs;
use std::path::Path;

use self::reader::{CHAPTER, Reader, SHIPPED, after_reset, commit};
use super::Work;
use super::restore::listed;
use crate::git::Git;
use crate::progress::Progress;
use crate::reset;

#[test]
fn reset_saves_the_work_and_says_how_it_comes_back() {
    let reader = Reader::at_work();
    let work = reader.tree();
    let mut progress = Progress::default();
    progress.note(&reader.exercise(), 8, 8);
    progress.save(&reader.workspace).unwrap();

    let said = reader.reset().unwrap();
    assert!(said.contains("saved as 02_time/1:\n"), "{said}");
    assert!(said.ends_with("back: `cargo xtask restore 02_time/1`\n"), "{said}");
    assert_eq!(reader.tree(), after_reset());
    let mut progress = Progress::load(&reader.workspace).unwrap();
    // The tick stays, for the work has only been put aside.
    assert!(progress.of(&reader.exercise()).solved);
    assert_eq!(progress.of(&reader.exercise()).checks, 0);

    assert!(reader.reset().unwrap().contains("nothing to reset"));
    reader.restore("02_time/1").unwrap();
    assert_eq!(reader.tree(), work);
}

#[test]
fn git_alone_brings_the_work_back_too() {
    let reader = Reader::at_work();
    let work = reader.tree();
    reader.reset().unwrap();
    Git::at(&reader.root).run(&["cherry-pick", "--no-commit", "refs/saved/02_time/1"]).unwrap();
    assert_eq!(reader.tree(), work);
}

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

#[test]
fn the_solution_is_put_upon_the_work_and_taken_off_again() {
    let reader = Reader::at_work();
    let work = reader.tree();
    let said = reader.apply().unwrap();
    assert!(said.contains("To undo it: `cargo xtask restore 02_time/1`"), "{said}");
    let tree = reader.tree();
    assert_eq!(tree["src/lib.rs"], b"mine\n2\n3\n4\n5\n6\n7\n8\nsolved\n");
    assert_eq!(tree["src/time.rs"], b"time\n");
    reader.restore("02_time/1").unwrap();
    assert_eq!(reader.tree(), work);
    // What the reader may have made of the solution is saved as well.
    assert_eq!(reader.saved(), ["02_time/1", "02_time/2"]);
}

#[test]
fn a_solution_that_does_not_fit_changes_nothing() {
    let reader = Reader::new();
    reader.write("src/lib.rs", b"all mine\n");
    let work = reader.tree();
    let error = reader.apply().unwrap_err();
    assert!(error.to_string().contains("`cargo xtask reset 2` saves your work"), "{error:#}");
    assert_eq!(reader.tree(), work);
}

#[test]
fn a_name_that_is_not_saved_is_told_those_that_are() {
    let reader = Reader::at_work();
    assert!(reader.restore("x").unwrap_err().to_string().contains("nor is anything else"));
    reader.reset().unwrap();
    let error = reader.restore("x").unwrap_err().to_string();
    assert_eq!(error, "nothing is saved as `x`; there are: 02_time/1");
}

/// Three attempts can be told apart: by their date, exercise, files and result, or by a name.
#[test]
fn what_is_saved_is_listed_with_its_exercise_files_and_result() {
    let reader = Reader::new();
    assert!(listed(&reader.workspace).unwrap().contains("Nothing is saved"));
    for (passed, file) in [(0, "one"), (3, "two")] {
        reader.write(&format!("src/{file}.rs"), b"x\n");
        let mut progress = Progress::default();
        progress.note(&reader.exercise(), passed, 8);
        progress.save(&reader.workspace).unwrap();
        reader.reset().unwrap();
    }
    reader.write("src/lib.rs", b"third\n");
    reset::reset(&reader.workspace, &reader.exercise(), Some("own-parser")).unwrap();
    let text = listed(&reader.workspace).unwrap();
    let dates = |line: &str| match line.split_once("  ").filter(|_| !line.starts_with(' ')) {
        Some((name, rest)) if rest.trim().len() > 16 => {
            let (date, rest) = rest.trim_start().split_at(16);
            format!(
                "{name} | {}{rest}\n",
                date.replace(|letter: char| letter.is_ascii_digit(), "d")
            )
        }
        _ => format!("{line}\n"),
    };
    assert_eq!(
        text.lines().map(dates).collect::<String>(),
        "\
02_time/1 | dddd-dd-dd dd:dd  0 of 8 checks pass
    chapters/04_router/src/one.rs
02_time/2 | dddd-dd-dd dd:dd  3 of 8 checks pass
    chapters/04_router/src/two.rs
02_time/own-parser | dddd-dd-dd dd:dd  not checked
    chapters/04_router/src/lib.rs

`cargo xtask restore NAME` brings one back, and `git show refs/saved/NAME` shows it.
"
    );
}

#[test]
fn a_name_that_is_taken_or_impossible_is_refused_before_anything_is_written() {
    let reader = Reader::at_work();
    let named = |name| reset::reset(&reader.workspace, &reader.exercise(), Some(name));
    let work = reader.tree();
    for name in ["", "-x", "a b", "a/b", "a..b"] {
        let error = named(name).unwrap_err().to_string();
        assert!(error.contains("use letters, digits"), "{name}: {error}");
    }
    named("first").unwrap();
    reader.restore("02_time/first").unwrap();
    let error = named("first").unwrap_err().to_string();
    assert_eq!(error, "something is saved as `02_time/first` already; choose another name");
    assert_eq!(reader.tree(), work);
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

#[test]
fn what_cannot_be_saved_stops_it_before_anything_is_written() {
    let reader = Reader::at_work();
    let nested = reader.root.join(CHAPTER).join("nested");
    fs::create_dir(&nested).unwrap();
    let git = Git::at(&nested);
    git.run(&["init", "-q"]).unwrap();
    fs::write(nested.join("file"), "").unwrap();
    commit(&git, "another repository");
    let work = reader.tree();
    let error = reader.reset().unwrap_err().to_string();
    assert!(error.contains("04_router/nested is a git repository of its own"), "{error}");
    assert_eq!(reader.tree(), work);
}

/// Links could not be saved once, and a program lost its executable bit.
#[cfg(unix)]
#[test]
fn links_and_executable_files_come_back_as_they_were() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let reader = Reader::at_work();
    let [link, script] = ["link.rs", "run"].map(|name| reader.root.join(CHAPTER).join(name));
    symlink("src/lib.rs", &link).unwrap();
    fs::write(&script, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap();
    reader.reset().unwrap();
    assert!(link.symlink_metadata().is_err() && !script.exists());
    reader.restore("02_time/1").unwrap();
    assert_eq!(fs::read_link(link).unwrap(), Path::new("src/lib.rs"));
    assert_eq!(fs::metadata(script).unwrap().permissions().mode() & 0o111, 0o111);
}

/// An editor may save a file after the work was kept, and that is then the only copy.
#[test]
fn a_file_that_changes_in_between_is_left_alone_and_so_are_the_others() {
    let reader = Reader::at_work();
    let exercise = reader.exercise();
    let work = Work::find(&reader.workspace, &exercise).unwrap();
    reader.write("src/mine.rs", b"edited\n");
    let files = reader.tree();
    let error = format!("{:#}", work.put(&work.base, "back").unwrap_err());
    assert!(error.starts_with("your files have changed in this moment"), "{error}");
    assert!(error.contains("src/mine.rs"), "{error}");
    assert_eq!(reader.tree(), files);
}

#[test]
fn one_process_at_a_time_writes_files() {
    let reader = Reader::at_work();
    let exercise = reader.exercise();
    let _work = Work::find(&reader.workspace, &exercise).unwrap();
    let error = reader.reset().unwrap_err().to_string();
    assert!(error.contains("another `cargo xtask` is writing files"), "{error}");
}
