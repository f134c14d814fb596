//! Reset, solution and restore; [`killed`] interrupts them, and [`repositories`] runs them in unusual repositories.

mod killed;
mod reader;
mod repositories;

use std::fs;

use self::reader::{CHAPTER, Reader, after_reset, commit};
use super::restore::listed;
use super::{Work, interrupted};
use crate::git::Git;
use crate::progress::Progress;

#[test]
fn reset_saves_the_work_and_says_how_it_comes_back() {
    let reader = Reader::at_work();
    let work = reader.tree();
    let mut progress = Progress::default();
    progress.of(&reader.exercise()).note(8, 8);
    progress.save(&reader.workspace).unwrap();

    let said = reader.reset().unwrap();
    assert!(said.contains("saved as 02_time/1:\n"), "{said}");
    assert!(said.ends_with("back: `cargo xtask restore 02_time/1`\n"), "{said}");
    assert_eq!(reader.tree(), after_reset());
    let mut progress = Progress::load(&reader.workspace).unwrap();
    // The tick stays, for the work has only been put aside.
    assert!(progress.of(&reader.exercise()).solved);
    assert_eq!(progress.of(&reader.exercise()).checks, 0);
    assert!(reader.reset().unwrap().contains("There is nothing to reset"));
    // Git alone brings it back, and so does our command.
    Git::at(&reader.root).run(&["cherry-pick", "--no-commit", "refs/saved/02_time/1"]).unwrap();
    assert_eq!(reader.tree(), work);
    reader.reset().unwrap();
    reader.restore("02_time/1").unwrap();
    assert_eq!(reader.tree(), work);
    assert_eq!(reader.saved(), ["02_time/1"]);
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
    let said = reader.apply().unwrap();
    assert_eq!(said, "Your files have the solution of exercise 2 already.\n");
    assert_eq!(reader.tree(), tree);
    reader.restore("02_time/1").unwrap();
    assert_eq!(reader.tree(), work);
    // The reader's changes to the solution are saved as well.
    assert_eq!(reader.saved(), ["02_time/1", "02_time/2"]);
}

/// Git does not save a file that it ignores, so it must not be overwritten either.
#[test]
fn an_ignored_file_is_never_overwritten() {
    let reader = Reader::at_work();
    reader.write("data.out", b"one");
    reader.reset().unwrap();
    for path in ["data.out", "src/time.rs"] {
        reader.write(".gitignore", format!("{path}\n").as_bytes());
        reader.write(path, b"two");
        let before = reader.tree();
        let error = match path {
            "data.out" => reader.restore("02_time/1").unwrap_err(),
            _ => reader.apply().unwrap_err(),
        };
        assert!(format!("{error:#}").contains(path), "{error:#}");
        assert_eq!(reader.tree(), before);
        assert_eq!(interrupted(&reader.workspace).unwrap(), None);
        fs::remove_file(reader.root.join(CHAPTER).join(path)).unwrap();
    }
}

/// Regression test: two names of the same work within a second were one commit, and listed as one.
#[test]
fn the_same_work_under_two_names_is_listed_twice() {
    let reader = Reader::at_work();
    for name in ["one", "two"] {
        reader.reset_as(name).unwrap();
        reader.restore(&format!("02_time/{name}")).unwrap();
    }
    let text = listed(reader.workspace.git()).unwrap();
    assert!(text.contains("02_time/one") && text.contains("02_time/two"), "{text}");
}

#[test]
fn a_solution_that_does_not_fit_changes_nothing() {
    let reader = Reader::inside("");
    reader.write("src/lib.rs", b"all mine\n");
    let work = reader.tree();
    let error = reader.apply().unwrap_err();
    assert!(error.to_string().contains("`cargo xtask reset 2` saves your work"), "{error:#}");
    assert_eq!(reader.tree(), work);
}

/// Three attempts can be told apart: by their date, exercise, files and result, or by a name.
#[test]
fn what_is_saved_is_listed_with_its_exercise_files_and_result() {
    let reader = Reader::inside("");
    assert!(listed(reader.workspace.git()).unwrap().contains("Nothing is saved"));
    for (passed, file) in [(0, "one"), (3, "two")] {
        reader.write(&format!("src/{file}.rs"), b"x\n");
        let mut progress = Progress::default();
        progress.of(&reader.exercise()).note(passed, 8);
        progress.save(&reader.workspace).unwrap();
        reader.reset().unwrap();
    }
    reader.write("src/lib.rs", b"third\n");
    reader.reset_as("own-parser").unwrap();
    let text = listed(reader.workspace.git()).unwrap();
    for part in [
        "  02_time/1  Work on exercise 2: 0 of 8 checks pass\n\nchapters/04_router/src/one.rs\n",
        "  02_time/2  Work on exercise 2: 3 of 8 checks pass\n\nchapters/04_router/src/two.rs\n",
        "  02_time/own-parser  Work on exercise 2: not checked\n\nchapters/04_router/src/lib.rs\n",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let date = text.split("  ").next().unwrap();
    let shape = date.replace(|letter: char| letter.is_ascii_digit(), "d");
    assert_eq!(shape, "dddd-dd-dd dd:dd");
}

#[test]
fn a_name_that_is_taken_or_impossible_is_refused_before_anything_is_written() {
    let reader = Reader::at_work();
    let work = reader.tree();
    reader.reset_as("first").unwrap();
    reader.restore("02_time/first").unwrap();
    for name in ["", "a b", "a..b", "a/b", "x.lock", "-x", "é"] {
        let error = reader.reset_as(name).unwrap_err().to_string();
        assert!(error.contains(&format!("cannot be saved as `02_time/{name}`")), "{error}");
        assert!(error.contains("only letters, digits"), "{error}");
    }
    let taken = reader.reset_as("first").unwrap_err().to_string();
    assert!(taken.starts_with("something is saved as `02_time/first` already"), "{taken}");
    assert_eq!(reader.tree(), work);
    for name in ["second", "02_time/first~0", "02_time/first:chapters"] {
        let error = reader.restore(name).unwrap_err().to_string();
        let expected =
            format!("nothing is saved as `{name}`; `cargo xtask restore` lists the names");
        assert_eq!(error, expected);
    }
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
    use std::path::Path;

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
