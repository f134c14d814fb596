//! Commands that write files, run as processes. They are killed by a signal that they cannot catch, at several moments
//! during the run, and nothing may be lost.
//!
//! Most of a run is planning, and the files are written in a few milliseconds: a kill hits that time only by luck, so it
//! also comes when a certain file has been written. The unit tests of `carry` and `saved` interrupt the runs at each of
//! their steps.

#![cfg(unix)]

mod carry;
mod saved;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use wire::environment;

/// The number of moments at which a run is killed, in addition to the moments at which files are written.
const MOMENTS: u32 = 8;

type Tree = BTreeMap<PathBuf, Vec<u8>>;

fn git(root: &Path, args: &[&str]) -> Vec<u8> {
    let name = ["-c", "user.name=Test", "-c", "user.email=test@example.org"];
    let output =
        environment::command("git").args(name).args(args).current_dir(root).output().unwrap();
    assert!(output.status.success(), "{args:?}");
    output.stdout
}

/// Makes a repository with these files in one commit.
fn repository(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    git(folder.path(), &["init", "-q"]);
    git(folder.path(), &["add", "-A"]);
    git(folder.path(), &["commit", "-q", "-m", "a step"]);
    folder
}

/// A text of 2,000 lines, of which line 7 is another.
fn text(line_7: &str) -> String {
    (0..2000)
        .map(|line| if line == 7 { format!("{line_7}\n") } else { format!("line {line}\n") })
        .collect()
}

fn xtask(root: &Path, args: &[&str]) -> Command {
    let mut command = environment::command(env!("CARGO_BIN_EXE_xtask"));
    // The program finds the repository from its working directory.
    command.args(args).current_dir(root).env_remove("CARGO_MANIFEST_DIR").stdin(Stdio::null());
    command
}

fn run(root: &Path, args: &[&str]) -> Output {
    xtask(root, args).output().unwrap()
}

/// Runs a command that must succeed, and returns its output.
fn printed(root: &Path, args: &[&str]) -> String {
    let output = run(root, args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// All files below a directory, without those of git and of the commands themselves.
fn tree(folder: &Path) -> Tree {
    let mut all = Tree::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        let is_hidden =
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if path.is_dir() && !is_hidden {
            all.extend(tree(&path));
        } else if !is_hidden {
            all.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    all
}

/// Runs a command once, undoes it, and then kills it at each moment. `undo` restores the files after a killed run.
fn killed_at_every_moment(root: &Path, args: &[&str], mut undo: impl FnMut(&Tree, &Tree)) {
    let before = tree(root);
    let started = Instant::now();
    printed(root, args);
    let takes = started.elapsed();
    let after = tree(root);
    undo(&before, &after);
    assert!(tree(root) == before, "the files are not back after a whole run");
    let times = (0..MOMENTS).map(|moment| (takes * moment / (MOMENTS - 1), None));
    let written = after.keys().filter(|path| before.get(*path) != after.get(*path)).step_by(4);
    let moments: Vec<_> = times.chain(written.map(|path| (takes * 10, Some(path)))).collect();
    for (number, (time, path)) in moments.into_iter().enumerate() {
        let mut command = xtask(root, args);
        let mut child = command.process_group(0).stdout(Stdio::null()).spawn().unwrap();
        let is_written =
            || path.is_some_and(|path| fs::read(path).ok().as_ref() == after.get(path));
        let end = Instant::now() + time;
        while Instant::now() < end && !is_written() && child.try_wait().unwrap().is_none() {
            thread::sleep(Duration::from_micros(100));
        }
        if number % 2 == 0 {
            child.kill().unwrap();
        } else {
            // With git. It may have ended already.
            let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
        }
        child.wait().unwrap();
        undo(&before, &after);
        assert!(tree(root) == before, "the files are not back, moment {number}");
    }
}
