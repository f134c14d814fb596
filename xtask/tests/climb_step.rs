//! Runs `cargo xtask climb --step` as a process, and checks its output, and that the reader's progress does not change.

use std::fs;
use std::path::Path;

use wire::environment;

#[test]
fn a_step_fails_the_stage_that_it_is_meant_to_fail_and_leaves_the_progress_alone() {
    let progress = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.progress");
    let before = fs::read(&progress).ok();
    let mut command = environment::command(env!("CARGO_BIN_EXE_xtask"));
    let output = command.args(["climb", "--step", "2"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success(), "{said}");
    for line in [
        "Building 02_echo_once …",
        "FAIL each byte comes back at once, without a newline",
        "02_echo_once fails this stage on purpose; 03_loop passes it.",
    ] {
        assert!(said.lines().any(|it| it == line), "{line} is missing:\n{said}");
    }
    assert!(!said.contains("Stuck?"), "{said}");
    assert_eq!(fs::read(&progress).ok(), before);
}
