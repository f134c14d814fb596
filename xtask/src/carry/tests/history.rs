//! Fixes from the history of this repository, carried once more. Each is made in its first chapter, in the files of the
//! parent commit, and the result is compared with the commit.
//!
//! A result that is the same byte for byte builds and passes its tests as the commit does.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::*;
use crate::disk;
use crate::git::split_zero;
use crate::workspace::Chapter;

/// A fix that was made by hand, in all chapters.
struct Fix {
    before: &'static str,
    after: &'static str,
    /// All that is made of the commit, when it is not everything.
    only: Option<&'static str>,
}

/// What carry makes of it.
struct Replayed {
    /// The files of later chapters that it wrote.
    carried: BTreeSet<String>,
    /// Files that are not as they were committed.
    different: Vec<String>,
    conflicts: Vec<String>,
    text: String,
}

/// A clone with the files as they were before the fix. `None` where the history is not, as in a shallow clone: this is
/// said, and the test proves nothing.
fn clone_before(fix: &Fix) -> Option<(tempfile::TempDir, Workspace)> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let git = Git::at(here);
    for revision in [fix.before, fix.after] {
        if commit(&git, revision).is_err() {
            eprintln!("skipped: the commit {revision} is not here (is it a shallow clone?)");
            return None;
        }
    }
    let root = tempfile::tempdir().unwrap();
    let place = root.path().to_str().unwrap();
    git.run(&["clone", "-q", "--shared", "--no-checkout", here.to_str().unwrap(), place]).unwrap();
    let git = Git::at(root.path());
    git.run(&["checkout", "-q", "--detach", fix.before]).unwrap();
    let ignore = root.path().join(".git/info/exclude");
    // A person's template of repositories may have no such directory.
    fs::create_dir_all(ignore.parent().unwrap()).unwrap();
    fs::write(ignore, "/.carry\n").unwrap();
    let workspace = Workspace::at(root.path()).unwrap();
    Some((root, workspace))
}

/// Makes the fix in the first chapter of each changed file, and carries it.
fn replay(fix: &Fix) -> Option<Replayed> {
    let (_root, workspace) = clone_before(fix)?;
    let git = workspace.git();
    let names = ["diff", "--name-only", "--no-renames", "-z", fix.before, fix.after, "--"];
    let names = git.run(&[&names[..], &["chapters", "final"]].concat()).unwrap();
    let mut changed = split_zero(&names);
    changed.retain(|path| fix.only.is_none_or(|only| path == only));
    let mut starts = BTreeMap::new();
    for chapter in workspace.chapters() {
        for path in &changed {
            let Some(within) = path.strip_prefix(&format!("{}/", chapter.folder)) else { continue };
            // A patch is carry's to make; all else of an exercise is a person's.
            if !is_patch(within) {
                starts.entry(within).or_insert((chapter, path));
            }
        }
    }
    for (_, path) in starts.values() {
        let content = git.show(fix.after, path).unwrap();
        put(workspace.root(), path, content.as_deref());
    }
    let (mut conflicts, mut text) = (Vec::new(), String::new());
    for chapter in workspace.chapters() {
        if starts.values().any(|(start, _)| *start == chapter) {
            carry_and_decide(&workspace, chapter, fix, &mut conflicts, &mut text);
        }
    }
    let mut all: BTreeSet<String> = changed.iter().cloned().collect();
    all.extend(git.changed_since("HEAD", "chapters").unwrap());
    all.extend(git.changed_since("HEAD", "final").unwrap());
    let now = |path: &str| essence(path, disk::read(&workspace.path(path)).unwrap());
    let then = |path: &str| essence(path, git.show(fix.after, path).unwrap());
    let different = all.iter().filter(|path| now(path) != then(path)).cloned().collect();
    let made: BTreeSet<&String> = starts.values().map(|(_, path)| *path).collect();
    let carried = all.iter().filter(|path| !made.contains(path)).cloned().collect();
    Some(Replayed { carried, different, conflicts, text })
}

/// Carries the change of one chapter. The person decides as it was decided then.
fn carry_and_decide(
    workspace: &Workspace,
    chapter: &Chapter,
    fix: &Fix,
    conflicts: &mut Vec<String>,
    text: &mut String,
) {
    let mut report = match start(workspace, &chapter.name, "HEAD") {
        // Only exercises have changed.
        Err(error) if error.to_string().starts_with("nothing has changed in") => return,
        report => report.unwrap(),
    };
    *text += &plain(&report.text);
    while !report.conflicts.is_empty() {
        for conflict in &report.conflicts {
            let path = conflict.split([' ', ':']).next().unwrap();
            let content = workspace.git().show(fix.after, path).unwrap();
            put(workspace.root(), path, content.as_deref());
        }
        conflicts.append(&mut report.conflicts);
        report = go_on(workspace).unwrap();
        *text += &plain(&report.text);
    }
}

fn put(root: &Path, path: &str, content: Option<&[u8]>) {
    disk::put(&root.join(".carry"), &root.join(path), content).unwrap();
}

fn is_patch(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "patch")
}

/// A patch without the hashes of its files and without line numbers. git finds the lines without these numbers, so a patch
/// that still applied was not rebuilt by hand.
fn essence(path: &str, content: Option<Vec<u8>>) -> Option<Vec<u8>> {
    let content = content?;
    if !is_patch(path) {
        return Some(content);
    }
    let text = String::from_utf8(content).unwrap();
    let is_content = |line: &&str| !line.starts_with("index ") && !line.starts_with("@@ ");
    Some(text.split_inclusive('\n').filter(is_content).collect::<String>().into())
}

/// A commit of the history, how many files carry wrote of it, and the files about which a person had to decide.
type Case = (Fix, usize, &'static [&'static str]);

const fn fix(before: &'static str, after: &'static str) -> Fix {
    Fix { before, after, only: None }
}

const CASES: [Case; 8] = [
    // An address in a comment is no link.
    (fix("8060fc8", "6547b94"), 2, &[]),
    // A cookie that is not ASCII.
    (fix("8776d71", "f4a09f8"), 1, &[]),
    // Two commits: the fix of chapter 2, and how it was carried by hand.
    (fix("faffe6b", "0b32d34"), 9, &["chapters/03_parser/src/main.rs"]),
    // Begins in two chapters: code in one, its test in the next.
    (fix("0b32d34", "3c365d4"), 3, &[]),
    // New files, and a file that both chapters teach something in.
    (fix("33d81db", "ca84510"), 7, &["chapters/04_router/src/http/mod.rs"]),
    // A new test, with the name of its crate.
    (fix("77753c1", "2bf12ea"), 3, &[]),
    // To the last chapter.
    (fix("464a2d4", "a1af18a"), 2, &[]),
    // The change of the chapter and the exercise came from two branches, and the patches were fixed by hand, in two
    // commits. The line is next to the lines that the solution adds.
    (
        Fix {
            before: "d005a10",
            after: "e92ec58",
            only: Some("chapters/05_middleware/src/middleware/log_format.rs"),
        },
        4,
        &[
            "chapters/05_middleware/exercises/03_log_fields/solution.patch",
            "chapters/05_middleware/exercises/03_log_fields/wrong/dash_in_json.patch",
            "chapters/05_middleware/exercises/03_log_fields/wrong/new_members_in_between.patch",
        ],
    ),
];

#[test]
fn fixes_of_the_past_are_carried_as_they_were_committed() {
    for (fix, files, decided) in CASES {
        let Some(replayed) = replay(&fix) else { continue };
        let name = fix.after;
        assert_eq!(replayed.different, [""; 0], "{name}: {}", replayed.text);
        assert_eq!(replayed.carried.len(), files, "{name}: {:#?}", replayed.carried);
        let asked = replayed.conflicts.iter().filter_map(|told| told.split([' ', ':']).next());
        assert_eq!(asked.collect::<Vec<_>>(), decided, "{name}");
    }
}
