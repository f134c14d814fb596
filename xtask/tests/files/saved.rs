//! `reset` and `solution --apply`: the reader's work must be in its place, or the command that is printed must restore
//! it.

use std::fs;
use std::path::Path;

use super::{git, killed_at_every_moment, printed, repository, text, tree};

const CHAPTER: &str = "chapters/04_router";
const EXERCISE: &str = "chapters/04_router/exercises/02_time";
const FILES: usize = 20;

fn file(root: &Path, number: usize) -> std::path::PathBuf {
    root.join(CHAPTER).join(format!("src/{number}.txt"))
}

/// A chapter with many files. The reader has changed all files but one, added some and deleted one; the solution
/// changes another line in half of them.
fn reader() -> tempfile::TempDir {
    let shipped = text("line 7");
    let paths: Vec<String> =
        (0..FILES).map(|number| format!("{CHAPTER}/src/{number}.txt")).collect();
    let (manifest, task) = (format!("{CHAPTER}/Cargo.toml"), format!("{EXERCISE}/task.md"));
    let mut files: Vec<(&str, &str)> = paths.iter().map(|path| (&path[..], &shipped[..])).collect();
    files.extend([(&manifest[..], "\n"), (&task, "# The time\n")]);
    files.push((".gitignore", "/.saved\n/.progress\n"));
    let folder = repository(&files);
    let root = folder.path();
    for number in (0..FILES).step_by(2) {
        let solved = shipped.replace("line 1500\n", "solved\n");
        fs::write(file(root, number), solved).unwrap();
    }
    fs::write(root.join(EXERCISE).join("solution.patch"), git(root, &["diff"])).unwrap();
    git(root, &["checkout", "-q", "--", "."]);
    git(root, &["add", "-A"]);
    git(root, &["commit", "-q", "-m", "as it is shipped"]);
    for number in 1..FILES + 3 {
        fs::write(file(root, number), text("mine")).unwrap();
    }
    fs::remove_file(file(root, 1)).unwrap();
    folder
}

/// The saved work: the ids and names of commits.
fn names(root: &Path) -> Vec<String> {
    let printed = String::from_utf8(git(root, &["for-each-ref", "refs/saved"])).unwrap();
    printed.lines().map(String::from).collect()
}

fn loses_nothing(args: &[&str]) {
    let reader = reader();
    let root = reader.path();
    let mut saved = Vec::new();
    killed_at_every_moment(root, args, |work, _| {
        // As a reader would, with the command that `cargo xtask` prints, or else with the command for the first saved
        // work, because the same work is not saved twice.
        let told = printed(root, &[]);
        let told =
            told.split("`cargo xtask restore ").nth(1).and_then(|rest| rest.split('`').next());
        match told {
            Some(name) => drop(printed(root, &["restore", name])),
            None if tree(root) == *work => {}
            None => drop(printed(root, &["restore", "02_time/1"])),
        }
        let now = names(root);
        assert!(saved.iter().all(|name| now.contains(name)), "{saved:?}, {now:?}");
        saved = now;
    });
    assert!(!printed(root, &[]).contains("interrupted"));
}

#[test]
fn a_reset_that_is_killed_loses_nothing() {
    loses_nothing(&["reset", "2"]);
}

#[test]
fn a_solution_that_is_killed_while_it_is_put_in_loses_nothing() {
    loses_nothing(&["solution", "2", "--apply", "--yes"]);
}
