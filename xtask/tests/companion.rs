//! Runs the commands on the page about the companion, which must have the described effect.

#![cfg(unix)]

use std::fs;
use std::path::Path;
use std::process::Command;

use wire::environment;

const PAGE: &str = "book/src/appendix/companion.md";
/// An exercise whose solution has new files.
const SOLUTION: &str = "chapters/06_handlers/exercises/09_cache/solution.patch";

fn run(root: &Path, mut command: Command) -> String {
    let output = command.current_dir(root).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

fn git(root: &Path, args: &[&str]) -> String {
    let mut command = environment::command("git");
    command.args(args);
    run(root, command)
}

/// Regression test: the page taught `git commit -am`, which commits no file that a solution adds.
#[test]
fn the_commands_that_commit_the_work_leave_nothing_out() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = fs::read_to_string(here.join(PAGE)).unwrap();
    let fences: Vec<&str> = page.split("```text\n").skip(1).collect();
    let fence = fences.iter().find(|fence| fence.starts_with("git switch -c ")).unwrap();
    let commands = fence.split("```").next().unwrap();

    // Uses the user's own git settings, which may have `safe.directory`. The prefix is empty at the root of a
    // repository; a course inside a larger repository cannot be cloned.
    let own = |args: &[&str]| Command::new("git").args(args).current_dir(here).output().unwrap();
    let prefix = own(&["rev-parse", "--show-prefix", "HEAD"]);
    if !prefix.status.success() || !prefix.stdout.starts_with(b"\n") {
        let said = String::from_utf8_lossy(&prefix.stderr);
        eprintln!(
            "skipped: this is not the root of a git repository with a commit, so it cannot be cloned\n{said}"
        );
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("course");
    let (from, to) = (here.to_str().unwrap(), root.to_str().unwrap());
    let cloned = own(&["clone", "--quiet", "--shared", from, to]);
    assert!(cloned.status.success(), "{}", String::from_utf8_lossy(&cloned.stderr));
    git(&root, &["apply", here.join(SOLUTION).to_str().unwrap()]);
    let changed = git(&root, &["status", "--porcelain", "--untracked-files=all"]);
    assert!(changed.contains("\n?? "), "the solution of exercise 9 adds no file:\n{changed}");
    // The companion's own files are not the reader's work.
    fs::write(root.join(".progress"), "").unwrap();
    fs::create_dir(root.join(".saved")).unwrap();
    fs::write(root.join(".saved/06_handlers-1.patch"), "").unwrap();

    for (name, value) in [("user.name", "Test"), ("user.email", "test@example.org")] {
        git(&root, &["config", name, value]);
    }
    let mut shell = environment::command("sh");
    shell.args(["-e", "-c", commands]);
    run(&root, shell);
    assert_eq!(git(&root, &["status", "--porcelain"]), "", "{PAGE} says:\n{commands}");
    let committed = git(&root, &["diff", "--name-only", "HEAD~1"]);
    assert_eq!(committed.lines().count(), changed.lines().count(), "{committed}");
}
