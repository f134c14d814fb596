//! Runs that are interrupted at each of their steps.

use std::fs;

use super::reader::{CHAPTER, Reader, Tree, after_reset};
use crate::disk::tests::at_every_step;
use crate::saved::interrupted;

/// Each file is as in one of these trees, whole.
fn whole(reader: &Reader, trees: &[&Tree], at: i32) {
    let now = reader.tree();
    for name in trees.iter().flat_map(|tree| tree.keys()).chain(now.keys()) {
        let known = trees.iter().any(|tree| tree.get(name) == now.get(name));
        assert!(known, "{name} after step {at}: {:?}", now.get(name));
    }
}

/// Copies of one clone, which are made faster.
fn got_from_the_course() -> impl Fn() -> Reader {
    let prepared = Reader::got_from_the_course();
    move || prepared.copy()
}

#[test]
fn a_killed_reset_loses_nothing() {
    let work = Reader::at_work().tree();
    let mut while_writing = 0;
    let steps = at_every_step(got_from_the_course(), Reader::reset, |reader, at| {
        whole(reader, &[&work, &after_reset()], at);
        let next = reader.copy();
        next.reset().unwrap();
        assert_eq!(next.tree(), after_reset(), "step {at}");
        next.restore("02_time/1").unwrap();
        assert_eq!(next.tree(), work, "step {at}");
        if interrupted(&reader.root).unwrap().is_some() {
            // Git was killed: one file is empty, one is missing, and the others are still as they were.
            let torn = reader.copy();
            torn.write("src/lib.rs", b"");
            let _ = fs::remove_file(torn.root.join(CHAPTER).join("src/mine.rs"));
            torn.brings_back(&work, at);
            while_writing += 1;
        }
        reader.brings_back(&work, at);
    });
    assert!(steps > 6 && while_writing > 1, "{steps} {while_writing}");
}

#[test]
fn a_killed_solution_loses_nothing() {
    let work = Reader::at_work().tree();
    let solved = Reader::at_work();
    solved.apply().unwrap();
    let solved = solved.tree();
    let steps = at_every_step(got_from_the_course(), Reader::apply, |reader, at| {
        whole(reader, &[&work, &solved], at);
        reader.brings_back(&work, at);
    });
    assert!(steps > 4, "{steps}");
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
        || prepared.copy(),
        |reader: &Reader| reader.restore("02_time/1"),
        |reader, at| {
            whole(reader, &[&work, &second], at);
            reader.restore("02_time/1").unwrap();
            assert_eq!(reader.tree(), work, "step {at}");
            reader.restore("02_time/2").unwrap();
            assert_eq!(reader.tree(), second, "step {at}");
        },
    );
}
