//! Replays the complete example of CONTRIBUTING.md, and the commands with which a reader commits the work, in copies of
//! the repository.

#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

const SECTION: &str = "## A fix in chapter 2, carried forward";

/// `cargo xtask` runs the program of this build. Nothing is compiled, because other tests do that.
const CARGO: &str = "#!/bin/sh\n[ \"$1\" = xtask ] || exit 0\nshift\nexec \"$XTASK\" \"$@\"\n";

/// The page's instructions.
enum Step {
    /// A command, and the lines that it prints.
    Run(String, Vec<String>),
    /// A line of a file, and its replacement.
    Edit { file: String, old: String, new: String },
}

/// The blocks of a section: lines with four spaces before them.
fn blocks(section: &str) -> Vec<Vec<String>> {
    let mut blocks = vec![Vec::new()];
    for line in section.lines() {
        let block = blocks.last_mut().unwrap();
        match line.strip_prefix("    ") {
            Some(line) => block.push(line.to_string()),
            // A block may contain an empty line.
            None if line.is_empty() => block.push(String::new()),
            None => blocks.push(Vec::new()),
        }
    }
    for block in &mut blocks {
        block.drain(..block.iter().take_while(|line| line.is_empty()).count());
    }
    blocks.retain(|block| !block.is_empty());
    blocks
}

/// Reads a block. A file is named before the lines that change in it, and an empty line ends both.
fn steps(block: &[String]) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut file: Option<&str> = None;
    let mut removed: Option<&str> = None;
    for line in block {
        match (file, line.get(..1), &mut steps[..]) {
            _ if line.starts_with("$ ") => steps.push(Step::Run(line[2..].to_string(), Vec::new())),
            (Some(_), Some("-"), _) => removed = Some(&line[1..]),
            (Some(file), Some("+"), _) => steps.push(Step::Edit {
                file: file.to_string(),
                old: removed.take().expect("a line `-` is before the line `+`").to_string(),
                new: line[1..].to_string(),
            }),
            (None, _, [.., Step::Run(command, printed)]) if !is_quiet(command) => {
                printed.push(line.clone());
            }
            _ => file = Some(line).filter(|line| !line.is_empty()).map(String::as_str),
        }
    }
    steps
}

/// Whether a command prints nothing. Then an edit may follow in the same block.
fn is_quiet(command: &str) -> bool {
    command.contains("--quiet")
}

/// Whether the output matches the page, where `...` matches any lines and `[..]` any text within a line.
fn is_as_shown(shown: &[&str], printed: &[&str]) -> bool {
    match (shown, printed) {
        ([], []) => true,
        ([line, rest @ ..], _) if line.trim() == "..." => {
            (0..=printed.len()).any(|skipped| is_as_shown(rest, &printed[skipped..]))
        }
        ([line, shown @ ..], [other, printed @ ..]) => {
            is_line_as_shown(line, other) && is_as_shown(shown, printed)
        }
        _ => false,
    }
}

fn is_line_as_shown(shown: &str, printed: &str) -> bool {
    let mut parts = shown.split("[..]");
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = printed.strip_prefix(first) else { return false };
    let mut exact = true;
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        exact = !part.is_empty();
    }
    rest.is_empty() || !exact
}

fn git(root: &Path, args: &[&str]) -> Output {
    Command::new("git").args(args).current_dir(root).output().unwrap()
}

fn replay(root: &Path, tools: &Path, step: &Step) {
    match step {
        Step::Run(command, shown) => {
            let path = std::env::var("PATH").unwrap_or_default();
            let output = Command::new("sh")
                .args(["-c", command])
                .current_dir(root)
                .env("PATH", format!("{}:{path}", tools.display()))
                .env("CARGO", tools.join("cargo"))
                .env("XTASK", env!("CARGO_BIN_EXE_xtask"))
                // The program finds the repository from its working directory.
                .env_remove("CARGO_MANIFEST_DIR")
                .output()
                .unwrap();
            let printed = String::from_utf8(output.stdout).unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            let shown = shown.join("\n");
            let [expected, lines] = [&shown, &printed].map(|text| text.trim_end().lines());
            assert!(
                is_as_shown(&expected.collect::<Vec<_>>(), &lines.collect::<Vec<_>>()),
                "CONTRIBUTING.md shows of `{command}`:\n{shown}\nit prints:\n{printed}{said}"
            );
        }
        Step::Edit { file, old, new } => {
            let text = fs::read_to_string(root.join(file)).unwrap();
            let count = text.lines().filter(|line| line == old).count();
            assert_eq!(count, 1, "CONTRIBUTING.md changes this line of {file}: {old}");
            let changed = text.replacen(&format!("{old}\n"), &format!("{new}\n"), 1);
            fs::write(root.join(file), changed).unwrap();
        }
    }
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
    let cloned = git(here, &["clone", "--quiet", "--shared", places[0], places[1]]);
    assert!(cloned.status.success(), "{}", String::from_utf8_lossy(&cloned.stderr));
    for (name, value) in
        [("user.name", "Test"), ("user.email", "test@example.org"), ("commit.gpgsign", "false")]
    {
        git(root, &["config", name, value]);
    }
    true
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

    let mut count = 0;
    for block in blocks(section) {
        let steps = steps(&block);
        assert!(!steps.is_empty(), "nothing to replay in this block:\n{}", block.join("\n"));
        count += steps.len();
        for step in &steps {
            replay(&root, &tools, step);
        }
    }
    assert_eq!(count, 9, "the steps of the example");
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
    assert!(is_as_shown(&["a", "  ...", "b[..]c"], &["a", "x", "y", "bc"]));
    assert!(is_as_shown(&["..."], &[]));
    assert!(is_line_as_shown("a[..]", "a and more"));
    for (shown, printed) in [("a", "b"), ("a", "ab"), ("a[..]c", "ab"), ("a[..]c", "acd")] {
        assert!(!is_line_as_shown(shown, printed), "{shown} {printed}");
    }
    assert!(!is_as_shown(&["a"], &["a", "b"]));
    assert!(!is_as_shown(&["a", "b"], &["a"]));
}
