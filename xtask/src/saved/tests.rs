//! Reset, solution and restore, whole and interrupted at every step of their way to the disk.

#[cfg(unix)]
mod killed;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::restore::{self, listed};
use super::store::{Saved, interrupted};
use crate::disk::tests::{kill_after, killed};
use crate::exercise::Exercise;
use crate::git::Git;
use crate::patch::{Files, Patch};
use crate::progress::Progress;
use crate::reset;
use crate::solution;
use crate::workspace::Workspace;
use crate::workspace::tests::{copy_of, folder_with};

const CHAPTER: &str = "chapters/04_router";
const LIB: &str = "chapters/04_router/src/lib.rs";
const SHIPPED: &str = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
const SOLVED: &str = "1\n2\n3\n4\n5\n6\n7\n8\nsolved\n";

type Tree = BTreeMap<String, Vec<u8>>;

/// A clone of the course in which a reader has worked, with a commit of their own or without.
struct Reader {
    folder: tempfile::TempDir,
    prefix: &'static str,
    root: PathBuf,
    workspace: Workspace,
}

impl Reader {
    fn new() -> Reader {
        Reader::inside("")
    }

    /// The course is this directory of a repository.
    fn inside(prefix: &'static str) -> Reader {
        let lib = |text: &str| Files::from([(LIB.to_string(), Some(text.as_bytes().to_vec()))]);
        let mut after = lib(SOLVED);
        let added = format!("{CHAPTER}/src/time.rs");
        let mut before = lib(SHIPPED);
        before.insert(added.clone(), None);
        after.insert(added, Some(b"time\n".to_vec()));
        let solution = Patch::between("", &before, &after).unwrap().text();
        let files = [
            (LIB, SHIPPED),
            ("chapters/04_router/src/old.rs", "old\n"),
            ("chapters/04_router/exercises/01_curl/answers.toml", "a = \"\"\n"),
            ("chapters/04_router/exercises/02_time/solution.patch", &solution),
            (".gitignore", "/.saved\n/.progress\n"),
        ];
        let paths = files.map(|(path, text)| (format!("{prefix}{path}"), text));
        let folder = folder_with(&paths.each_ref().map(|(path, text)| (path.as_str(), *text)));
        let git = Git::at(folder.path());
        // Without the examples of hooks there is less to copy.
        git.run(&["init", "-q", "--template="]).unwrap();
        commit(&git, "shipped");
        Reader::at(folder, prefix)
    }

    fn at(folder: tempfile::TempDir, prefix: &'static str) -> Reader {
        let root = folder.path().join(prefix);
        let workspace = Workspace::at(&root).unwrap();
        Reader { folder, prefix, root, workspace }
    }

    fn copy(&self) -> Reader {
        Reader::at(copy_of(self.folder.path()), self.prefix)
    }

    /// Changed, new, deleted, not text, without a last line end.
    fn at_work() -> Reader {
        Reader::at_work_inside("")
    }

    /// The same work, in a clone whose remote git knows.
    fn got_from_the_course() -> Reader {
        let reader = Reader::at_work();
        reader.is_shipped();
        reader
    }

    fn at_work_inside(prefix: &'static str) -> Reader {
        let reader = Reader::inside(prefix);
        reader.write("src/lib.rs", SHIPPED.replace("1\n", "mine\n").as_bytes());
        reader.write("src/mine.rs", b"no line end");
        reader.write("public/picture.png", b"\x89PNG\0\xff\x00\r\n");
        reader.write("src/latin.txt", b"caf\xe9\r\n");
        reader.write("exercises/01_curl/answers.toml", b"a = \"404\"\n");
        fs::remove_file(reader.root.join(CHAPTER).join("src/old.rs")).unwrap();
        reader
    }

    fn write(&self, path: &str, content: &[u8]) {
        crate::patch::write(&self.root.join(CHAPTER), path, content).unwrap();
    }

    fn exercise(&self) -> Exercise {
        Exercise::find(&self.workspace, "2").unwrap()
    }

    fn reset(&self) -> anyhow::Result<String> {
        reset::reset(&self.workspace, &self.exercise(), None)
    }

    fn apply(&self) -> anyhow::Result<String> {
        solution::apply(&self.workspace, &self.exercise())
    }

    fn restore(&self, name: &str) -> anyhow::Result<String> {
        restore::restore(&self.workspace, name)
    }

    fn saved(&self) -> Vec<String> {
        let all = Saved::all(&Git::at(&self.root)).unwrap();
        all.into_iter().map(|saved| saved.name).collect()
    }

    /// Makes the latest commit of the reader's repository the one that was got from the course.
    fn is_shipped(&self) {
        Git::at(&self.root).update_names("update refs/remotes/origin/HEAD HEAD\n").unwrap();
    }

    /// All files of the chapter.
    fn tree(&self) -> Tree {
        fn walk(folder: &Path, root: &Path, all: &mut Tree) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, root, all);
                } else {
                    let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
                    all.insert(name, fs::read(&path).unwrap());
                }
            }
        }
        let root = self.root.join(CHAPTER);
        let mut all = Tree::new();
        walk(&root, &root, &mut all);
        all
    }

    /// Whatever a run that was killed has left, the work comes back with the command that is told.
    fn brings_back(&self, work: &Tree, at: usize) {
        match interrupted(&self.root).unwrap() {
            Some(told) => {
                let name = told.strip_prefix("cargo xtask restore ").unwrap();
                self.restore(name).unwrap();
            }
            // Not a file had been touched yet, or all of it was done.
            None if self.tree() == *work => {}
            None => drop(self.restore(&self.saved()[0]).unwrap()),
        }
        assert_eq!(self.tree(), *work, "step {at}");
        assert_eq!(interrupted(&self.root).unwrap(), None, "step {at}");
    }
}

fn commit(git: &Git, message: &str) {
    git.run(&["add", "-A"]).unwrap();
    let name = ["-c", "user.name=Test", "-c", "user.email=test@example.org"];
    git.run(&[&name[..], &["commit", "-q", "-m", message]].concat()).unwrap();
}

/// Kills `run` at each of its steps, on a copy of the reader's files each time. Returns how many steps there were.
fn at_every_step(
    prepared: &Reader,
    run: impl Fn(&Reader) -> anyhow::Result<String>,
    then: impl Fn(&Reader, usize),
) -> usize {
    for at in 0.. {
        let reader = prepared.copy();
        kill_after(Some(at));
        let result = run(&reader);
        let was_killed = killed();
        kill_after(None);
        if !was_killed {
            result.unwrap();
            return at;
        }
        assert!(result.is_err(), "step {at}");
        then(&reader, at);
    }
    unreachable!()
}

/// Each file is as in one of these trees, whole.
fn whole(reader: &Reader, trees: &[&Tree], at: usize) {
    let now = reader.tree();
    for name in trees.iter().flat_map(|tree| tree.keys()).chain(now.keys()) {
        let known = trees.iter().any(|tree| tree.get(name) == now.get(name));
        assert!(known, "{name} after step {at}: {:?}", now.get(name));
    }
}

/// What reset leaves of it: the answers of another exercise stay.
fn after_reset() -> Tree {
    let reader = Reader::new();
    reader.write("exercises/01_curl/answers.toml", b"a = \"404\"\n");
    reader.tree()
}

#[test]
fn reset_saves_the_work_and_says_how_it_comes_back() {
    let reader = Reader::at_work();
    let work = reader.tree();
    let mut progress = Progress::default();
    progress.note(&reader.exercise(), 8, 8);
    progress.save(&reader.workspace).unwrap();

    let said = reader.reset().unwrap();
    assert!(said.contains("saved as 02_time/1:\n"), "{said}");
    assert!(said.ends_with("back: `cargo xtask restore 02_time/1`\n"), "{said}");
    assert_eq!(reader.tree(), after_reset());
    let mut progress = Progress::load(&reader.workspace).unwrap();
    // The tick stays, for the work has only been put aside.
    assert!(progress.of(&reader.exercise()).solved);
    assert_eq!(progress.of(&reader.exercise()).checks, 0);

    assert!(reader.reset().unwrap().contains("nothing to reset"));
    reader.restore("02_time/1").unwrap();
    assert_eq!(reader.tree(), work);
}

#[test]
fn git_alone_brings_the_work_back_too() {
    let reader = Reader::at_work();
    let work = reader.tree();
    reader.reset().unwrap();
    Git::at(&reader.root).run(&["cherry-pick", "--no-commit", "refs/saved/02_time/1"]).unwrap();
    assert_eq!(reader.tree(), work);
}

#[test]
fn work_that_the_reader_has_committed_is_work() {
    let reader = Reader::at_work();
    let git = Git::at(&reader.root);
    reader.is_shipped();
    let work = reader.tree();
    commit(&git, "mine");
    reader.reset().unwrap();
    assert_eq!(reader.tree(), after_reset());
    reader.restore("refs/saved/02_time/1").unwrap();
    assert_eq!(reader.tree(), work);
}

/// Git names paths from the root of its repository. Once that were other paths than ours: reset said that nothing had
/// changed, and wrote into `course/course`.
#[test]
fn the_course_may_be_a_folder_of_another_repository() {
    let reader = Reader::at_work_inside("course/");
    let work = reader.tree();
    let said = reader.reset().unwrap();
    assert!(said.contains("saved as 02_time/1:\n  chapters/04_router/"), "{said}");
    assert!(said.contains("chapters/04_router is as in commit "), "{said}");
    assert!(said.contains("This repository has no remote of the course"), "{said}");
    assert_eq!(reader.tree(), after_reset());
    assert!(!reader.root.join("course").exists());
    let said = reader.reset().unwrap();
    assert!(said.contains("; there is nothing to reset.\nThis repository has no remote"), "{said}");
    reader.restore("02_time/1").unwrap();
    assert_eq!(reader.tree(), work);
    reader.apply().unwrap();
    assert_eq!(reader.tree()["src/time.rs"], b"time\n");
    reader.restore("02_time/1").unwrap();
    assert_eq!(reader.tree(), work);
}

/// Then all files are new to git, and a reset would delete the chapter.
#[test]
fn a_course_that_is_in_no_commit_is_left_alone() {
    let reader = Reader::at_work_inside("course/");
    let git = Git::at(&reader.root);
    git.run(&["rm", "-r", "-q", "--cached", "."]).unwrap();
    let name = ["-c", "user.name=Test", "-c", "user.email=test@example.org"];
    git.run(&[&name[..], &["commit", "-q", "--allow-empty", "-m", "without it"]].concat()).unwrap();
    let work = reader.tree();
    let error = reader.reset().unwrap_err().to_string();
    assert!(
        error.contains("(the course is its folder course) has no chapters/04_router"),
        "{error}"
    );
    assert!(error.contains("clone the course as a repository of its own"), "{error}");
    assert_eq!(reader.tree(), work);
}

/// A fork's `origin` has the reader's own commits, once they are pushed.
#[test]
fn what_is_shipped_is_what_the_course_has_and_not_a_fork() {
    let reader = Reader::at_work();
    let git = Git::at(&reader.root);
    git.run(&["update-ref", "refs/remotes/upstream/main", "HEAD"]).unwrap();
    commit(&git, "mine");
    reader.is_shipped();
    let said = reader.reset().unwrap();
    assert!(said.contains("chapters/04_router is as it was shipped, in commit "), "{said}");
    assert_eq!(reader.tree(), after_reset());
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
    reader.restore("02_time/1").unwrap();
    assert_eq!(reader.tree(), work);
    // What the reader may have made of the solution is saved as well.
    assert_eq!(reader.saved(), ["02_time/1", "02_time/2"]);
}

#[test]
fn a_solution_that_does_not_fit_changes_nothing() {
    let reader = Reader::new();
    reader.write("src/lib.rs", b"all mine\n");
    let work = reader.tree();
    let error = reader.apply().unwrap_err();
    assert!(error.to_string().contains("`cargo xtask reset 2` saves your work"), "{error:#}");
    assert_eq!(reader.tree(), work);
}

#[test]
fn a_name_that_is_not_saved_is_told_those_that_are() {
    let reader = Reader::at_work();
    assert!(reader.restore("x").unwrap_err().to_string().contains("nor is anything else"));
    reader.reset().unwrap();
    let error = reader.restore("x").unwrap_err().to_string();
    assert_eq!(error, "nothing is saved as `x`; there are: 02_time/1");
}

/// Three attempts can be told apart: by their date, exercise, files and result, or by a name.
#[test]
fn what_is_saved_is_listed_with_its_exercise_files_and_result() {
    let reader = Reader::new();
    assert!(listed(&reader.workspace).unwrap().contains("Nothing is saved"));
    for (passed, file) in [(0, "one"), (3, "two")] {
        reader.write(&format!("src/{file}.rs"), b"x\n");
        let mut progress = Progress::default();
        progress.note(&reader.exercise(), passed, 8);
        progress.save(&reader.workspace).unwrap();
        reader.reset().unwrap();
    }
    reader.write("src/lib.rs", b"third\n");
    reset::reset(&reader.workspace, &reader.exercise(), Some("own-parser")).unwrap();
    let text = listed(&reader.workspace).unwrap();
    let dates = |line: &str| match line.split_once("  ").filter(|_| !line.starts_with(' ')) {
        Some((name, rest)) if rest.trim().len() > 16 => {
            let (date, rest) = rest.trim_start().split_at(16);
            format!(
                "{name} | {}{rest}\n",
                date.replace(|letter: char| letter.is_ascii_digit(), "d")
            )
        }
        _ => format!("{line}\n"),
    };
    assert_eq!(
        text.lines().map(dates).collect::<String>(),
        "\
02_time/1 | dddd-dd-dd dd:dd  0 of 8 checks pass
    chapters/04_router/src/one.rs
02_time/2 | dddd-dd-dd dd:dd  3 of 8 checks pass
    chapters/04_router/src/two.rs
02_time/own-parser | dddd-dd-dd dd:dd  not checked
    chapters/04_router/src/lib.rs

`cargo xtask restore NAME` brings one back, and `git show refs/saved/NAME` shows it.
"
    );
}

#[test]
fn a_name_that_is_taken_or_impossible_is_refused_before_anything_is_written() {
    let reader = Reader::at_work();
    let named = |name| reset::reset(&reader.workspace, &reader.exercise(), Some(name));
    let work = reader.tree();
    for name in ["", "-x", "a b", "a/b", "a..b"] {
        let error = named(name).unwrap_err().to_string();
        assert!(error.contains("use letters, digits"), "{name}: {error}");
    }
    named("first").unwrap();
    reader.restore("02_time/first").unwrap();
    let error = named("first").unwrap_err().to_string();
    assert_eq!(error, "something is saved as `02_time/first` already; choose another name");
    assert_eq!(reader.tree(), work);
}

/// The course has changed since the work was saved.
#[test]
fn work_comes_back_on_top_of_a_newer_version_of_the_course() {
    for (shipped, expected) in [
        (
            SHIPPED.replace("9\n", "nine\n"),
            Some(SHIPPED.replace("9\n", "nine\n").replace("1\n", "mine\n")),
        ),
        (SHIPPED.replace("1\n", "one\n"), None),
    ] {
        let reader = Reader::at_work();
        reader.is_shipped();
        reader.reset().unwrap();
        reader.write("src/lib.rs", shipped.as_bytes());
        commit(&Git::at(&reader.root), "a newer version");
        reader.is_shipped();
        let before = reader.tree();
        let result = reader.restore("02_time/1");
        let Some(expected) = expected else {
            let error = result.unwrap_err().to_string();
            assert!(
                error.contains("src/lib.rs of 02_time/1 does not fit chapters/04_router"),
                "{error}"
            );
            assert!(
                error.contains("`git cherry-pick --no-commit refs/saved/02_time/1`"),
                "{error}"
            );
            assert_eq!(reader.tree(), before);
            continue;
        };
        result.unwrap();
        assert_eq!(reader.tree()["src/lib.rs"], expected.as_bytes());
        assert_eq!(reader.tree()["src/mine.rs"], b"no line end");
    }
}

/// Settings of the reader's repository, which no variable takes away.
#[test]
fn odd_settings_of_git_change_nothing() {
    let reader = Reader::at_work();
    reader.write(".gitattributes", b"* text=auto eol=crlf\n");
    let git = Git::at(&reader.root);
    for (name, value) in [
        ("diff.context", "0"),
        ("diff.orderFile", "/no/such/file"),
        ("diff.noprefix", "true"),
        ("core.autocrlf", "true"),
        ("core.excludesFile", "/no/such/file"),
        ("commit.gpgSign", "true"),
        ("user.useConfigOnly", "true"),
        ("transfer.fsckObjects", "true"),
    ] {
        git.run(&["config", name, value]).unwrap();
    }
    let work = reader.tree();
    reader.reset().unwrap();
    assert_eq!(reader.tree(), after_reset());
    reader.restore("02_time/1").unwrap();
    assert_eq!(reader.tree(), work);
}

#[test]
fn without_a_repository_nothing_is_written_and_the_way_out_is_named() {
    let reader = Reader::at_work();
    let work = reader.tree();
    fs::remove_dir_all(reader.root.join(".git")).unwrap();
    for error in [reader.reset(), reader.apply(), reader.restore("x"), listed(&reader.workspace)] {
        let error = error.unwrap_err().to_string();
        assert!(error.contains("not a git repository"), "{error}");
        assert!(error.contains("clone the course as a repository of its own"), "{error}");
    }
    assert_eq!(reader.tree(), work);
}

#[cfg(unix)]
#[test]
fn what_cannot_be_saved_stops_it_before_anything_is_written() {
    let reader = Reader::at_work();
    let link = reader.root.join(CHAPTER).join("src/link.rs");
    std::os::unix::fs::symlink("lib.rs", &link).unwrap();
    let work = reader.tree();
    assert!(reader.reset().unwrap_err().to_string().contains("src/link.rs is a link"));
    assert_eq!(reader.tree(), work);
}

#[test]
fn a_killed_reset_loses_nothing() {
    let work = Reader::at_work().tree();
    let steps = at_every_step(&Reader::got_from_the_course(), Reader::reset, |reader, at| {
        whole(reader, &[&work, &after_reset()], at);
        reader.brings_back(&work, at);
    });
    assert!(steps > 12, "{steps}");
}

#[test]
fn a_killed_reset_is_finished_by_the_next_and_the_work_still_comes_back() {
    let work = Reader::at_work().tree();
    at_every_step(&Reader::got_from_the_course(), Reader::reset, |reader, at| {
        reader.reset().unwrap();
        assert_eq!(reader.tree(), after_reset(), "step {at}");
        reader.restore("02_time/1").unwrap();
        assert_eq!(reader.tree(), work, "step {at}");
    });
}

#[test]
fn a_killed_solution_loses_nothing() {
    let work = Reader::at_work().tree();
    let solved = Reader::at_work();
    solved.apply().unwrap();
    let solved = solved.tree();
    let steps = at_every_step(&Reader::got_from_the_course(), Reader::apply, |reader, at| {
        whole(reader, &[&work, &solved], at);
        reader.brings_back(&work, at);
    });
    assert!(steps > 7, "{steps}");
}

#[test]
fn a_killed_restore_is_finished_by_the_next_and_loses_nothing() {
    let work = Reader::at_work().tree();
    let prepared = Reader::got_from_the_course();
    prepared.reset().unwrap();
    // A second attempt has begun when the first one is restored.
    prepared.write("src/new.rs", b"second try\n");
    let second = prepared.tree();
    at_every_step(
        &prepared,
        |reader| reader.restore("02_time/1"),
        |reader, at| {
            whole(reader, &[&work, &second], at);
            reader.restore("02_time/1").unwrap();
            assert_eq!(reader.tree(), work, "step {at}");
            reader.restore("02_time/2").unwrap();
            assert_eq!(reader.tree(), second, "step {at}");
        },
    );
}
