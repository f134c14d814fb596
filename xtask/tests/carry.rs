//! Runs `cargo xtask carry` as a process. It must compile the files that it wrote. It is also killed, by a signal that
//! it cannot catch, at several moments during its run.

#![cfg(unix)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use wire::environment;

/// The number of moments at which it is killed.
const MOMENTS: u32 = 12;

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
    command.args(args).current_dir(root).env_remove("CARGO_MANIFEST_DIR");
    command
}

fn run(root: &Path, args: &[&str]) -> Output {
    xtask(root, args).output().unwrap()
}

/// Forty files in four chapters, each with a change that is not committed.
fn repository() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let lines: Vec<String> = (0..2000).map(|line| format!("line {line}\n")).collect();
    let text = lines.concat();
    let own = text.replace("line 1000\n", "a line of its own\n");
    for chapter in ["chapters/02_a", "chapters/03_b", "chapters/04_c", "final"] {
        let text = if chapter == "chapters/03_b" { &own } else { &text };
        fs::create_dir_all(root.join(chapter).join("src")).unwrap();
        fs::write(root.join(chapter).join("Cargo.toml"), "\n").unwrap();
        for number in 0..10 {
            fs::write(root.join(chapter).join(format!("src/{number}.txt")), text).unwrap();
        }
    }
    fs::write(root.join(".gitignore"), "/.carry\n").unwrap();
    git(root, &["init", "-q"]);
    git(root, &["add", "-A"]);
    git(root, &["commit", "-q", "-m", "a step"]);
    for number in 0..10 {
        let changed = text.replace("line 7\n", "a fix\n");
        fs::write(root.join(format!("chapters/02_a/src/{number}.txt")), changed).unwrap();
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
    let output = run(whole.path(), &["carry", "2", "--no-check"]);
    let takes = started.elapsed();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let after = files(whole.path());
    assert!(after["chapters/03_b/src/3.txt"].contains("a fix\n"));
    assert!(after["chapters/03_b/src/3.txt"].contains("a line of its own\n"));
    assert!(after["final/src/3.txt"].contains("a fix\n"));
    assert!(!after["final/src/3.txt"].contains("its own"));

    let repository = repository();
    let root = repository.path();
    for moment in 0..MOMENTS {
        let child =
            xtask(root, &["carry", "2", "--no-check"]).stdout(Stdio::null()).spawn().unwrap();
        kill_after(child, takes * moment / (MOMENTS - 1));
        for (name, content) in files(root) {
            assert!(content == before[&name] || content == after[&name], "{name} at {moment}");
        }
        if moment % 2 == 0 {
            // The run that was killed is undone, or it was done.
            run(root, &["carry", "2", "--no-check"]);
            assert_eq!(files(root), after, "moment {moment}");
        }
        let taken_back = run(root, &["carry", "--abort"]);
        let said = String::from_utf8_lossy(&taken_back.stderr);
        assert!(taken_back.status.success() || said.contains("no carry is under way"), "{said}");
        assert_eq!(files(root), before, "moment {moment}");
        let names = git(root, &["for-each-ref", "refs/worktree"]);
        assert_eq!(String::from_utf8_lossy(&names), "", "moment {moment}");
    }
}

/// A function, room for tests, and a function.
const LIBRARY: &str = "pub fn a() {}\n\n// 1\n// 2\n// 3\n// 4\n// 5\n// 6\n\npub fn z() {}\n";
const TESTS: &str = "#[cfg(test)]\nmod tests {}\n\n";

/// Two chapters that compile; the second has tests where the first has none.
fn two_crates() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let write = |path: &str, text: &str| {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    for name in ["02_a", "03_b"] {
        let manifest = format!("[package]\nname = \"ch{name}\"\nedition = \"2024\"\n");
        write(&format!("chapters/{name}/Cargo.toml"), &manifest);
    }
    write("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"chapters/*\"]\n");
    write(".gitignore", "/.carry\n/target\n/Cargo.lock\n");
    write("chapters/02_a/src/lib.rs", LIBRARY);
    write("chapters/03_b/src/lib.rs", &LIBRARY.replace("// 1", &format!("{TESTS}// 1")));
    git(root, &["init", "-q"]);
    git(root, &["add", "-A"]);
    git(root, &["commit", "-q", "-m", "a step"]);
    folder
}

#[test]
fn a_merge_without_a_conflict_that_does_not_compile_is_a_failure() {
    let repository = two_crates();
    let root = repository.path();
    let library = root.join("chapters/02_a/src/lib.rs");
    fs::write(&library, format!("{LIBRARY}\n{TESTS}")).unwrap();

    let carried = run(root, &["carry", "2"]);
    let said = String::from_utf8(carried.stdout).unwrap();
    assert_eq!(carried.status.code(), Some(1), "{said}");
    let before = "Compiling it: `cargo check --quiet --keep-going --tests -p ch03_b` (`--no-check` skips this)\n";
    assert!(said.contains(before), "{said}");
    assert!(said.contains("does not compile: chapters/03_b/src/lib.rs\n"), "{said}");
    assert!(said.contains("the name `tests` is defined multiple times"), "{said}");
    assert!(!said.contains("commit everything"), "{said}");

    let carried = run(root, &["carry", "2", "--no-check"]);
    let said = String::from_utf8(carried.stdout).unwrap();
    assert!(carried.status.success() && !said.contains("Compiling"), "{said}");

    // After an edit of a carried file, the same command reports whether the chapter compiles.
    let there = root.join("chapters/03_b/src/lib.rs");
    let both = fs::read_to_string(&there).unwrap();
    assert_eq!(both.matches("mod tests").count(), 2);
    fs::write(&there, both.replacen(TESTS, "", 1)).unwrap();
    let carried = run(root, &["carry", "2"]);
    let said = String::from_utf8(carried.stdout).unwrap();
    assert!(carried.status.success(), "{said}");
    assert!(said.ends_with("and commit everything together.\n"), "{said}");
}
