//! A carry that is killed at every step of its way to the disk, and then goes on or is undone.

use std::collections::BTreeMap;

use super::{Repository, done, patch};
use crate::disk::tests::at_every_step;
use crate::workspace::tests::{copy_of, files_in};

type Files = BTreeMap<String, Vec<u8>>;

const PATH: &str = "chapters/02_pool/src/a.rs";
const SOLUTION: &str = "chapters/02_pool/exercises/01_first/solution.patch";

/// A change that is copied, merged, a conflict, a new file, a deleted one and two patches, one of which
/// needs a person.
fn repository() -> Repository {
    let text = "a\nb\nc\nd\ne\nf\n";
    let make = |to: &str| patch(PATH, "", [text, to]);
    let repository = Repository::with(&[
        (PATH, text),
        ("chapters/03_parser/src/a.rs", text),
        ("chapters/04_router/src/a.rs", "a\nb\nc\nd\nits own\nF\n"),
        ("chapters/02_pool/src/limit.rs", "limit = 1\n"),
        ("chapters/03_parser/src/limit.rs", "limit = 10\n"),
        ("chapters/04_router/src/limit.rs", "limit = 10\n"),
        ("chapters/02_pool/src/old.rs", "old\n"),
        ("chapters/03_parser/src/old.rs", "old\n"),
        (SOLUTION, &make("a\nb\nc\nd\ne\nsolved\n")),
        ("chapters/02_pool/exercises/01_first/wrong/one.patch", &make("a\nwrong\nc\nd\ne\nf\n")),
    ]);
    repository.write(PATH, "a\nB\nc\nd\ne\nf\n");
    repository.write("chapters/02_pool/src/limit.rs", "limit = 2\n");
    repository.write("chapters/02_pool/src/new.rs", "new\n");
    repository.remove("chapters/02_pool/src/old.rs");
    repository
}

/// The person's decision about the limit, then about the patch.
fn decide(repository: &Repository) {
    repository.write("chapters/03_parser/src/limit.rs", "limit = 20\n");
    assert_eq!(repository.go_on().unwrap().conflicts.len(), 1);
    let scratch = format!(".carry/01_first/wrong/one.patch/{PATH}");
    repository.write(&scratch, "a\nWrong\nc\nd\ne\nf\n");
}

/// Carried as far as it goes, and decided.
fn decided() -> Repository {
    let repository = repository();
    repository.carry("2").unwrap();
    decide(&repository);
    repository
}

fn files(repository: &Repository) -> Files {
    files_in(&repository.root())
}

/// The files before, with the conflicts in them, and at the end.
struct Expected {
    before: Files,
    waiting: Files,
    done: Files,
}

fn expected() -> Expected {
    let repository = repository();
    let before = files(&repository);
    let report = repository.carry("2").unwrap();
    assert_eq!(report.conflicts.len(), 1, "{}", report.text);
    let waiting = files(&repository);
    decide(&repository);
    done(repository.go_on());
    let done = files(&repository);
    assert_eq!(done["chapters/04_router/src/limit.rs"], b"limit = 20\n");
    assert_eq!(done["chapters/04_router/src/a.rs"], b"a\nB\nc\nd\nits own\nF\n");
    assert_eq!(done["chapters/03_parser/src/new.rs"], b"new\n");
    assert!(!done.contains_key("chapters/03_parser/src/old.rs"));
    assert!(done[SOLUTION].ends_with(b"-f\n+solved\n"));
    Expected { before, waiting, done }
}

/// Every file is as it was or as it shall be, whole.
fn whole(repository: &Repository, expected: &[&Files], at: i32) {
    let now = files(repository);
    let names = expected.iter().flat_map(|files| files.keys());
    for name in names {
        let known = expected.iter().any(|files| files.get(name) == now.get(name));
        assert!(known, "{name} after step {at}: {:?}", now.get(name));
    }
}

/// Copies of a repository, which are made faster.
fn copies(of: Repository) -> impl Fn() -> Repository {
    move || Repository { folder: copy_of(of.folder.path()) }
}

#[test]
fn a_killed_carry_is_undone_and_carried_again() {
    let expected = expected();
    let steps = at_every_step(
        copies(repository()),
        |repository: &Repository| repository.carry("2").map(|report| report.text),
        |repository, at| {
            whole(repository, &[&expected.before, &expected.waiting], at);
            if at % 2 == 0 {
                let _ = repository.abort();
                assert_eq!(files(repository), expected.before, "step {at}");
            }
            // The conflict is told, though the run that found it was killed.
            let report = repository.go_on().or_else(|error| {
                assert_eq!(error.to_string(), "no carry is under way");
                repository.carry("2")
            });
            let report = report.unwrap();
            assert_eq!(report.conflicts.len(), 1, "step {at}: {}", report.text);
            assert_eq!(files(repository), expected.waiting, "step {at}");
        },
    );
    assert!(steps > 10, "{steps}");
}

/// Regression test: when git was killed as well, the next run failed, and a person had to delete a file of git.
#[test]
fn the_locks_of_a_git_that_was_killed_are_removed() {
    let repository = repository();
    let names = repository.folder.path().join(".git/refs/worktree/carry");
    std::fs::create_dir_all(&names).unwrap();
    for name in ["start.lock", "next.lock", "done.lock"] {
        std::fs::write(names.join(name), "").unwrap();
    }
    repository.carry("2").unwrap();
}

#[test]
fn a_killed_continue_goes_on() {
    let expected = expected();
    let decided = decided();
    let before = files(&decided);
    at_every_step(
        copies(decided),
        |repository: &Repository| repository.go_on().map(|report| report.text),
        |repository, at| {
            whole(repository, &[&before, &expected.done], at);
            if let Err(error) = repository.go_on() {
                assert_eq!(error.to_string(), "no carry is under way");
            }
            assert_eq!(files(repository), expected.done, "step {at}");
            repository.abort().unwrap();
            assert_eq!(files(repository), expected.before, "step {at}");
        },
    );
}

#[test]
fn a_killed_abort_is_finished_by_the_next_and_keeps_what_a_person_decided() {
    let expected = expected();
    let decided = decided();
    let before = files(&decided);
    at_every_step(
        copies(decided),
        |repository: &Repository| repository.abort(),
        |repository, at| {
            whole(repository, &[&before, &expected.before], at);
            if let Err(error) = repository.abort() {
                assert_eq!(error.to_string(), "no carry is under way");
            }
            assert_eq!(files(repository), expected.before, "step {at}");
            let kept = repository.edited("chapters/03_parser/src/limit.rs");
            assert_eq!(kept.as_deref(), Some("limit = 20\n"), "step {at}");
        },
    );
}
