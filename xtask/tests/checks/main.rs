//! Runs `cargo xtask climb` and `check-exercise` as processes, and checks their reports, and the processes and files that
//! they leave behind.

#![cfg(unix)]

mod climb;
mod exercise;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use wire::environment;

/// The first run builds a chapter and its checks. A hang that these tests would detect lasts much longer.
const LIMIT: Duration = Duration::from_secs(600);

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The command without input.
fn xtask(args: &[&str]) -> Command {
    let mut command = environment::interruptible(env!("CARGO_BIN_EXE_xtask"));
    command.args(args).current_dir(root()).stdin(Stdio::null());
    command
}

/// Runs something that may block in a thread, so that the test can give up.
fn aside<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> mpsc::Receiver<T> {
    let (sender, receiver) = mpsc::channel();
    let run = move || drop(sender.send(run()));
    thread::Builder::new().name("aside".to_string()).spawn(run).unwrap();
    receiver
}

/// Makes a named pipe in this directory. Reading it waits until a server opens it, and ends when the server closes it.
fn pipe(folder: &Path) -> PathBuf {
    let pipe = folder.join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    pipe
}

/// Runs something that must not change the reader's progress.
fn without_progress<T>(run: impl FnOnce() -> T) -> T {
    let progress = || fs::read(root().join(".progress")).ok();
    let before = progress();
    let result = run();
    assert_eq!(progress(), before);
    result
}

#[test]
fn a_step_fails_the_stage_that_it_is_meant_to_fail_and_is_not_the_reader_s_progress() {
    let output = without_progress(|| xtask(&["climb", "--step", "2"]).output().unwrap());
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
}
