//! Runs that are interrupted at each of their steps.

use std::fs;

use super::reader::{CHAPTER, Reader};
use crate::disk::tests::at_every_step;
use crate::saved::interrupted;

/// Kills a run at each of its steps: each file is whole, the same run finishes it, and the work comes back. `saved` is the
/// name by which the run saves it.
fn loses_nothing(prepared: &Reader, saved: &str, run: impl Fn(&Reader) -> anyhow::Result<String>) {
    let work = prepared.tree();
    let done = prepared.copy();
    run(&done).unwrap();
    let after = done.tree();
    let mut while_writing = 0;
    at_every_step(
        || prepared.copy(),
        &run,
        |reader, at| {
            let now = reader.tree();
            for name in work.keys().chain(after.keys()).chain(now.keys()) {
                let is_whole = [&work, &after].iter().any(|tree| tree.get(name) == now.get(name));
                assert!(is_whole, "{name} after step {at}: {:?}", now.get(name));
            }
            let again = reader.copy();
            match run(&again) {
                Ok(_) => assert_eq!(again.tree(), after, "step {at}"),
                Err(error) => assert!(error.to_string().contains("was interrupted"), "{error:#}"),
            }
            again.brings_back(&work, saved, at);
            if interrupted(&reader.workspace).unwrap().is_some() {
                // Git was killed: one file is empty, one is missing, and the others are still as they were.
                let torn = reader.copy();
                torn.write("src/lib.rs", b"");
                let _ = fs::remove_file(torn.root.join(CHAPTER).join("src/mine.rs"));
                torn.brings_back(&work, saved, at);
                while_writing += 1;
            }
            reader.brings_back(&work, saved, at);
        },
    );
    assert!(while_writing > 1, "{while_writing}");
}

#[test]
fn a_killed_reset_loses_nothing() {
    loses_nothing(&Reader::got_from_the_course(), "02_time/1", Reader::reset);
}

/// A git that was killed leaves the lock of the name that it was about to make.
#[test]
fn the_lock_of_a_git_that_was_killed_does_not_stop_the_next_reset() {
    let reader = Reader::got_from_the_course();
    let names = reader.root.join(".git/refs/saved/02_time");
    fs::create_dir_all(&names).unwrap();
    fs::write(names.join("1.lock"), "").unwrap();
    reader.reset().unwrap();
    assert_eq!(reader.saved(), ["02_time/1"]);
}

#[test]
fn a_killed_solution_loses_nothing() {
    loses_nothing(&Reader::got_from_the_course(), "02_time/1", Reader::apply);
}

#[test]
fn a_killed_restore_loses_nothing() {
    let reader = Reader::got_from_the_course();
    reader.reset().unwrap();
    // A second attempt has begun when the first one is restored.
    reader.write("src/mine.rs", b"second try\n");
    loses_nothing(&reader, "02_time/2", |reader| reader.restore("02_time/1"));
}
