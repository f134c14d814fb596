//! Processes that are killed, by a signal they cannot see: nothing of ours runs any more, neither an error nor a
//! destructor.
//!
//! The process is this program once more, with the only test [`a_run_that_is_killed`].

use std::env;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::whole;
use crate::disk::tests::kill_process_after;
use crate::exercise::Exercise;
use crate::reset;
use crate::saved::interrupted;
use crate::saved::tests::reader::{Reader, Tree, after_reset};
use crate::solution;
use crate::workspace::Workspace;

/// Which run it is, at which step it is killed, and where the reader's files are.
const RUN: &str = "XTASK_TEST_RUN";
const STEP: &str = "XTASK_TEST_STEP";
const ROOT: &str = "XTASK_TEST_ROOT";

/// It does nothing unless it is started by the tests below.
#[test]
fn a_run_that_is_killed() {
    let Ok(run) = env::var(RUN) else { return };
    let workspace = Workspace::at(Path::new(&env::var(ROOT).unwrap())).unwrap();
    let exercise = Exercise::find(&workspace, "2").unwrap();
    kill_process_after(env::var(STEP).unwrap().parse().unwrap());
    match run.as_str() {
        "reset" => reset::reset(&workspace, &exercise, None).unwrap(),
        _ => solution::apply(&workspace, &exercise).unwrap(),
    };
}

/// Runs it on the work of a reader. Returns `false` when there is no such step: then it has ended by itself.
fn is_killed(reader: &Reader, run: &str, step: usize) -> bool {
    let status = Command::new(env::current_exe().unwrap())
        .args(["--exact", "saved::tests::killed::by_signal::a_run_that_is_killed"])
        .env(RUN, run)
        .env(STEP, step.to_string())
        .env(ROOT, &reader.root)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success() || status.signal() == Some(9), "step {step}: {status}");
    !status.success()
}

fn loses_nothing(run: &str, after: &Tree) {
    let prepared = Reader::got_from_the_course();
    let work = prepared.tree();
    let mut while_writing = 0;
    for step in 0.. {
        let reader = prepared.copy();
        if !is_killed(&reader, run, step) {
            assert_eq!(reader.tree(), *after);
            break;
        }
        whole(&reader, &[&work, after], step);
        let told = interrupted(&reader.root).unwrap();
        while_writing += u32::from(told.is_some());
        reader.brings_back(&work, step);
    }
    assert!(while_writing > 1, "{while_writing}");
}

#[test]
fn a_reset_that_is_killed_while_it_writes_loses_nothing() {
    loses_nothing("reset", &after_reset());
}

#[test]
fn a_solution_that_is_killed_while_it_is_put_in_loses_nothing() {
    let solved = Reader::at_work();
    solved.apply().unwrap();
    loses_nothing("solution", &solved.tree());
}
