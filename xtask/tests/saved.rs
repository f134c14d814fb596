//! Runs `cargo xtask reset` and `solution --apply` as processes that are killed, by a signal that they cannot catch, at
//! several moments during the run. The reader's work must be in its place, or the command that is printed must restore
//! it.
//!
//! Git writes the files in a few milliseconds, so a kill hits that time only by luck, and with or without git: every
//! other time the whole process group is killed. `saved::tests` interrupts the runs at each of their steps.

#![cfg(unix)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use wire::environment;

/// The number of moments at which the run is killed, in addition to the moments at which files are written.
const MOMENTS: u32 = 8;
const CHAPTER: &str = "chapters/04_router";
const FILES: usize = 20;

type Tree = BTreeMap<String, Vec<u8>>;

fn git(root: &Path, args: &[&str]) -> Vec<u8> {
    let name = ["-c", "user.name=Test", "-c", "user.email=test@example.org"];
    let output =
        environment::command("git").args(name).args(args).current_dir(root).output().unwrap();
    assert!(output.status.success(), "{args:?}");
    output.stdout
}

fn xtask(root: &Path, args: &[&str]) -> Command {
    let mut command = environment::command(env!("CARGO_BIN_EXE_xtask"));
    // The program finds the repository from its working directory.
    command.args(args).current_dir(root).env_remove("CARGO_MANIFEST_DIR").stdin(Stdio::null());
    command
}

/// Runs the command to its end, and returns its output.
fn run(root: &Path, args: &[&str]) -> String {
    let output = xtask(root, args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn text(line_9: &str) -> String {
    let lines = (0..2000).map(|line| match line {
        9 => format!("{line_9}\n"),
        line => format!("line {line}\n"),
    });
    lines.collect()
}

/// A chapter with many files. The reader has changed all files but one, added some and deleted one; the solution
/// changes another line in half of them.
fn reader() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let file = |number: usize| root.join(CHAPTER).join(format!("src/{number}.txt"));
    let exercise = root.join(CHAPTER).join("exercises/02_time");
    fs::create_dir_all(root.join(CHAPTER).join("src")).unwrap();
    fs::create_dir_all(&exercise).unwrap();
    fs::write(root.join(CHAPTER).join("Cargo.toml"), "\n").unwrap();
    fs::write(exercise.join("task.md"), "# The time\n").unwrap();
    (0..FILES).for_each(|number| fs::write(file(number), text("line 9")).unwrap());
    git(root, &["init", "-q"]);
    git(root, &["add", "-A"]);
    for number in (0..FILES).step_by(2) {
        let solved = text("line 9").replace("line 1500\n", "solved\n");
        fs::write(file(number), solved).unwrap();
    }
    fs::write(exercise.join("solution.patch"), git(root, &["diff"])).unwrap();
    git(root, &["checkout", "-q", "--", "."]);
    fs::write(root.join(".gitignore"), "/.saved\n/.progress\n").unwrap();
    git(root, &["add", "-A"]);
    git(root, &["commit", "-q", "-m", "as it is shipped"]);
    for number in 1..FILES {
        fs::write(file(number), text("mine")).unwrap();
    }
    for number in FILES..FILES + 3 {
        fs::write(file(number), text("a file of my own")).unwrap();
    }
    fs::remove_file(file(1)).unwrap();
    folder
}

/// All files below a directory.
fn tree(folder: &Path) -> Tree {
    let mut all = Tree::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(tree(&path));
        } else {
            all.insert(path.to_string_lossy().into_owned(), fs::read(&path).unwrap());
        }
    }
    all
}

/// The saved work: the ids and names of commits.
fn names(root: &Path) -> Vec<String> {
    let printed = String::from_utf8(git(root, &["for-each-ref", "refs/saved"])).unwrap();
    printed.lines().map(String::from).collect()
}

/// Restores the work as a reader would, with the command that `cargo xtask` prints, or else with the command for the
/// first saved work, because the same work is not saved twice.
fn bring_back(root: &Path, work: &Tree) {
    let told = run(root, &[]);
    let told = told.split("`cargo xtask restore ").nth(1).and_then(|rest| rest.split('`').next());
    match told {
        Some(name) => drop(run(root, &["restore", name])),
        None if tree(&root.join(CHAPTER)) == *work => {}
        None => drop(run(root, &["restore", "02_time/1"])),
    }
}

/// A moment at which the run is killed.
enum Moment {
    /// After this time.
    Time(Duration),
    /// When this file has its new content.
    Written(PathBuf),
}

impl Moment {
    fn wait(&self, child: &mut Child, after: &Tree) {
        match self {
            Moment::Time(time) => thread::sleep(*time),
            Moment::Written(path) => {
                let after = after.get(&*path.to_string_lossy());
                while fs::read(path).ok().as_ref() != after && child.try_wait().unwrap().is_none() {
                    thread::yield_now();
                }
            }
        }
    }
}

fn loses_nothing(args: &[&str]) {
    let reader = reader();
    let root = reader.path();
    let chapter = root.join(CHAPTER);
    let work = tree(&chapter);
    let started = Instant::now();
    run(root, args);
    let takes = started.elapsed();
    let after = tree(&chapter);
    bring_back(root, &work);
    assert!(tree(&chapter) == work, "the work is not back after a whole run");

    let written = work.keys().filter(|name| work.get(*name) != after.get(*name)).step_by(4);
    let moments = (0..MOMENTS).map(|moment| Moment::Time(takes * moment / (MOMENTS - 1)));
    let moments: Vec<Moment> =
        moments.chain(written.map(|name| Moment::Written(name.into()))).collect();
    for (number, moment) in moments.iter().enumerate() {
        let saved = names(root);
        let mut command = xtask(root, args);
        let mut child = command.process_group(0).stdout(Stdio::null()).spawn().unwrap();
        moment.wait(&mut child, &after);
        if number % 2 == 0 {
            child.kill().unwrap();
        } else {
            // It may have ended already.
            let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
        }
        child.wait().unwrap();
        bring_back(root, &work);
        assert!(tree(&chapter) == work, "the work is not back, moment {number}");
        let now = names(root);
        assert!(saved.iter().all(|name| now.contains(name)), "moment {number}: {saved:?}, {now:?}");
    }
    assert!(!run(root, &[]).contains("interrupted"));
}

#[test]
fn a_reset_that_is_killed_loses_nothing() {
    loses_nothing(&["reset", "2"]);
}

#[test]
fn a_solution_that_is_killed_while_it_is_put_in_loses_nothing() {
    loses_nothing(&["solution", "2", "--apply", "--yes"]);
}
