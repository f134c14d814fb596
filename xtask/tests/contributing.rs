//! Replays the complete example of CONTRIBUTING.md, and the commands with which a reader commits the work, in copies of
//! the repository.

#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const SECTION: &str = "## A fix in chapter 2, carried forward";

/// `cargo xtask` runs the program of this build. Nothing is compiled, because other tests do that.
const CARGO: &str = "#!/bin/sh\n[ \"$1\" = xtask ] || exit 0\nshift\nexec \"$XTASK\" \"$@\"\n";

/// Whether the output matches the page, where `[..]` and a line `...` match any text.
fn is_as_shown(shown: &str, printed: &str) -> bool {
    let shown = shown.replace("  ...\n", "[..]");
    let mut parts = shown.split("[..]");
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = printed.strip_prefix(first) else { return false };
    let mut is_open = false;
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        is_open = part.is_empty();
    }
    rest.is_empty() || is_open
}

fn git(root: &Path, args: &[&str]) -> Output {
    Command::new("git").args(args).current_dir(root).output().unwrap()
}

/// The output of a command of the page.
fn run(root: &Path, tools: &Path, command: &str) -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("sh")
        .args(["-c", command])
        .current_dir(root)
        .env("PATH", format!("{}:{path}", tools.display()))
        .env("CARGO", tools.join("cargo"))
        .env("XTASK", env!("CARGO_BIN_EXE_xtask"))
        // The program finds the repository from its working directory.
        .env_remove("CARGO_MANIFEST_DIR")
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Replaces the line `old` of a file.
fn edit(file: &Path, old: &str, new: &str) {
    let text = fs::read_to_string(file).unwrap();
    let count = text.lines().filter(|line| *line == old).count();
    assert_eq!(count, 1, "CONTRIBUTING.md changes this line of {}: {old}", file.display());
    fs::write(file, text.replacen(&format!("{old}\n"), &format!("{new}\n"), 1)).unwrap();
}

/// Clones the repository. Returns false where that is not possible: this is said, and the test proves nothing.
fn is_cloned(here: &Path, root: &Path) -> bool {
    // The prefix is empty at the root of a repository; a course inside a larger repository cannot be cloned.
    let prefix = git(here, &["rev-parse", "--show-prefix", "HEAD"]);
    if !prefix.status.success() || !prefix.stdout.starts_with(b"\n") {
        let said = String::from_utf8_lossy(&prefix.stderr);
        eprintln!(
            "skipped: this is not the root of a git repository with a commit, so it cannot be cloned\n{said}"
        );
        return false;
    }
    let places = [here, root].map(|path| path.to_str().unwrap());
    let author = ["-c", "user.name=Test", "-c", "user.email=test@example.org"];
    let form = ["clone", "--quiet", "--shared", "-c", "commit.gpgsign=false"];
    let cloned = git(here, &[&form[..], &author, &places].concat());
    assert!(cloned.status.success(), "{}", String::from_utf8_lossy(&cloned.stderr));
    true
}

/// Does what the page says: commands, and below the name of a file the lines that change in it. Returns how many there
/// were.
fn replay(section: &str, root: &Path, tools: &Path) -> (usize, usize) {
    let (mut commands, mut edits) = (0, 0);
    let (mut command, mut printed, mut shown) = ("", String::new(), String::new());
    let (mut file, mut removed) = ("", "");
    // The command at the end has the output of the last one compared.
    for line in section.lines().chain(["    $ true"]) {
        // Between the blocks, which are indented, are explanations.
        let Some(line) = line.strip_prefix("    ").or((line.is_empty()).then_some("")) else {
            continue;
        };
        if let Some(next) = line.strip_prefix("$ ") {
            assert!(
                is_as_shown(shown.trim_end(), printed.trim_end()),
                "CONTRIBUTING.md shows of `{command}`:\n{shown}\nit prints:\n{printed}"
            );
            (command, printed, shown) = (next, run(root, tools, next), String::new());
            commands += 1;
        } else if let Some(old) = line.strip_prefix('-') {
            removed = old;
        } else if let Some(new) = line.strip_prefix('+') {
            edit(&root.join(file), removed, new);
            edits += 1;
        } else if root.join(line).is_file() {
            file = line;
        } else {
            shown += line;
            shown.push('\n');
        }
    }
    // Without the command at the end.
    (commands - 1, edits)
}

#[test]
fn the_worked_example_is_true() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = fs::read_to_string(here.join("CONTRIBUTING.md")).unwrap();
    let section = page.split(SECTION).nth(1).expect(SECTION);
    let section = section.split("\n## ").next().unwrap();

    let folder = tempfile::tempdir().unwrap();
    let (root, tools) = (folder.path().join("copy"), folder.path().join("tools"));
    if !is_cloned(here, &root) {
        return;
    }
    fs::create_dir(&tools).unwrap();
    fs::write(tools.join("cargo"), CARGO).unwrap();
    fs::set_permissions(tools.join("cargo"), fs::Permissions::from_mode(0o755)).unwrap();

    assert_eq!(replay(section, &root, &tools), (5, 4), "the steps of the example");
}

/// Regression test: the page taught `git commit -am`, which commits no file that a solution adds.
#[test]
fn the_commands_that_commit_the_work_leave_nothing_out() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = fs::read_to_string(here.join("book/src/appendix/companion.md")).unwrap();
    let commands = page.split("```text\n").find(|text| text.starts_with("git switch -c ")).unwrap();
    let commands = commands.split("```").next().unwrap();

    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("copy");
    if !is_cloned(here, &root) {
        return;
    }
    // Its solution has new files.
    let solution = here.join("chapters/06_handlers/exercises/09_cache/solution.patch");
    assert!(git(&root, &["apply", solution.to_str().unwrap()]).status.success());
    // A file of the companion is not the reader's work.
    fs::write(root.join(".progress"), "").unwrap();
    let status = ["status", "--porcelain", "--untracked-files=all"];
    let changed = String::from_utf8(git(&root, &status).stdout).unwrap();
    assert!(changed.contains("\n?? "), "the solution adds no file:\n{changed}");

    let output = Command::new("sh").args(["-e", "-c", commands]).current_dir(&root).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(git(&root, &status).stdout, b"", "the page says:\n{commands}");
    let committed =
        String::from_utf8(git(&root, &["diff", "--name-only", "HEAD~1"]).stdout).unwrap();
    assert_eq!(committed.lines().count(), changed.lines().count(), "{committed}");
}

#[test]
fn what_is_left_out_may_be_anything_and_nothing_else_may() {
    for (shown, printed, is_right) in [
        ("a\n  ...\nb[..]c", "a\nx\ny\nbc", true),
        ("[..]", "", true),
        ("a[..]", "a and more", true),
        ("a", "b", false),
        ("a", "ab", false),
        ("a\nb", "a", false),
        ("a[..]c", "ab", false),
        ("a[..]c", "acd", false),
    ] {
        assert_eq!(is_as_shown(shown, printed), is_right, "{shown} {printed}");
    }
}
