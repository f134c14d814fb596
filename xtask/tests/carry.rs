//! `cargo xtask carry` as a process that is killed, by a signal it cannot see, at moments of its whole run.

#![cfg(unix)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use wire::environment;

/// How many moments of the run are tried.
const MOMENTS: u32 = 12;

fn git(root: &Path, args: &[&str]) {
    let name = ["-c", "user.name=Test", "-c", "user.email=test@example.org"];
    let status =
        environment::command("git").args(name).args(args).current_dir(root).status().unwrap();
    assert!(status.success(), "{args:?}");
}

fn xtask(root: &Path, args: &[&str]) -> Command {
    let mut command = environment::command(env!("CARGO_BIN_EXE_xtask"));
    // It finds the repository from the folder it runs in.
    command.args(args).current_dir(root).env_remove("CARGO_MANIFEST_DIR");
    command
}

fn run(root: &Path, args: &[&str]) -> Output {
    xtask(root, args).output().unwrap()
}

/// Forty files in four chapters, and a change of each that is not committed.
fn repository() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let lines: Vec<String> = (0..2000).map(|line| format!("line {line}\n")).collect();
    let text = lines.concat();
    for chapter in ["chapters/02_a", "chapters/03_b", "chapters/04_c", "final"] {
        fs::create_dir_all(root.join(chapter).join("src")).unwrap();
        fs::write(root.join(chapter).join("Cargo.toml"), "\n").unwrap();
        for number in 0..10 {
            fs::write(root.join(chapter).join(format!("src/{number}.txt")), &text).unwrap();
        }
    }
    fs::write(root.join(".gitignore"), "/.carry\n").unwrap();
    git(root, &["init", "-q"]);
    git(root, &["add", "-A"]);
    git(root, &["commit", "-q", "-m", "a step"]);
    for number in 0..10 {
        let changed = text.replace("line 7\n", "a fix\n");
        fs::write(root.join(format!("chapters/02_a/src/{number}.txt")), changed).unwrap();
        let mine = text.replace("line 1000\n", "work that is committed nowhere\n");
        fs::write(root.join(format!("chapters/03_b/src/{number}.txt")), mine).unwrap();
    }
    folder
}

fn files(root: &Path) -> BTreeMap<String, String> {
    let listed = environment::command("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let read = |name: &str| (name.to_string(), fs::read_to_string(root.join(name)).unwrap());
    listed.lines().map(read).collect()
}

fn kill_after(mut child: Child, time: Duration) {
    thread::sleep(time);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_kill_at_any_moment_loses_nothing() {
    let whole = repository();
    let before = files(whole.path());
    let started = Instant::now();
    let output = run(whole.path(), &["carry", "2"]);
    let takes = started.elapsed();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let after = files(whole.path());
    assert!(after["chapters/03_b/src/3.txt"].contains("a fix\n"));
    assert!(after["chapters/03_b/src/3.txt"].contains("work that is committed nowhere\n"));
    assert!(after["final/src/3.txt"].contains("a fix\n"));
    assert!(!after["final/src/3.txt"].contains("work that"));

    let repository = repository();
    let root = repository.path();
    for moment in 0..MOMENTS {
        let child = xtask(root, &["carry", "2"]).stdout(Stdio::null()).spawn().unwrap();
        kill_after(child, takes * moment / (MOMENTS - 1));
        for (name, content) in files(root) {
            assert!(content == before[&name] || content == after[&name], "{name} at {moment}");
        }
        if moment % 2 == 0 {
            // Killed before there was a plan, or done: then there is nothing to go on with.
            if !run(root, &["carry", "--continue"]).status.success() {
                run(root, &["carry", "2"]);
            }
            assert_eq!(files(root), after, "moment {moment}");
        }
        let taken_back = run(root, &["carry", "--abort"]);
        let said = String::from_utf8_lossy(&taken_back.stderr);
        assert!(taken_back.status.success() || said.contains("no carry is under way"), "{said}");
        assert_eq!(files(root), before, "moment {moment}");
        assert!(!root.join(".carry/kept").exists());
    }
}
