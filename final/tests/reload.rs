//! SIGHUP reads the settings again, and no signal but SIGINT and SIGTERM ends the server.
#![cfg(unix)]

use std::fs;
use std::time::Duration;

use rustix::process::{Pid, kill_process};
use wire::{Program, Signal};

/// Far longer than anything here takes.
const LONG: Duration = Duration::from_secs(20);

/// Waits for the message about the last signal on standard error.
fn wait(program: &Program, said: &str) {
    program.wait_for_stderr(said, LONG, |text| text.contains(said)).unwrap();
}

/// Sends a request, and waits for the line of the log that begins like this.
fn logged(program: &Program, target: &str, begin: &str) {
    assert_eq!(wire::get(program.addr(), target).unwrap().status, 204);
    let is_logged =
        |text: &str| text.lines().any(|line| line.contains(target) && line.starts_with(begin));
    program.wait_for_stdout(target, LONG, is_logged).unwrap();
}

#[test]
fn a_reload_applies_what_can_change_and_reports_what_needs_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("server.toml");
    fs::write(&file, "log = \"common\"\n").unwrap();
    let arguments = ["--addr", "127.0.0.1:0", "--config", file.to_str().unwrap()];
    let program = Program::start(env!("CARGO_BIN_EXE_httpserver"), &arguments).unwrap();
    logged(&program, "/empty?1", "127.0.0.1 - - [");

    program.signal(Signal::Hangup).unwrap();
    wait(&program, "reload: no setting has changed\n");
    fs::write(&file, "log = \"json\"\nmax-fields = 7\n").unwrap();
    program.signal(Signal::Hangup).unwrap();
    wait(&program, "reload: log has changed\n");
    wait(&program, "reload: max-fields has changed, which needs a restart\n");
    logged(&program, "/empty?2", "{\"time\":");

    fs::write(&file, "log = \"xml\"\n").unwrap();
    program.signal(Signal::Hangup).unwrap();
    wait(&program, "reload: the settings stay as they are, because");
    wait(&program, "`log` in the file xml (--log): must be common, json or off\n");
    logged(&program, "/empty?3", "{\"time\":");

    let pid = Pid::from_raw(program.pid().try_into().unwrap()).unwrap();
    for (signal, number) in
        [(rustix::process::Signal::USR1, 10), (rustix::process::Signal::USR2, 12)]
    {
        kill_process(pid, signal).unwrap();
        if cfg!(target_os = "linux") {
            wait(&program, &format!("signal {number} is ignored"));
        }
    }
    logged(&program, "/empty?4", "{\"time\":");
    program.signal(Signal::Terminate).unwrap();
    assert!(program.wait(LONG).unwrap().success());
}
