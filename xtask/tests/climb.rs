//! Runs `cargo xtask climb` as a process, and checks the report about a failing server and the remaining processes.

#![cfg(unix)]

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;
use wire::environment;

/// The hang that this test would detect lasts much longer.
const LIMIT: Duration = Duration::from_secs(60);

/// A server that is a shell script, in its own directory.
struct Script {
    directory: TempDir,
}

impl Script {
    fn new(text: &str) -> Script {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("server.sh"), text).unwrap();
        Script { directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs the first stage, unless the arguments name another choice.
    fn climb(&self, arguments: &[&str]) -> Command {
        let mut command = environment::interruptible(env!("CARGO_BIN_EXE_xtask"));
        let server = format!("sh {}", self.path("server.sh").display());
        let chosen = ["--stage", "--all"].iter().any(|option| arguments.contains(option));
        command.arg("climb").args(if chosen { &[][..] } else { &["--stage", "1"] });
        command
            .args(arguments)
            .args(["--server", &server])
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
            .stdin(Stdio::null());
        command
    }

    fn output(&self, arguments: &[&str]) -> Output {
        let mut command = self.climb(arguments);
        in_time(move || command.output().unwrap())
    }
}

/// Runs something in a thread, so that a hang fails the test instead of blocking it.
fn in_time<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new().name("aside".to_string()).spawn(move || sender.send(run())).unwrap();
    receiver.recv_timeout(LIMIT).expect("the end, in time")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_server_that_has_ended_is_reported_with_its_status_and_its_last_words() {
    let server = "echo listening on tcp://127.0.0.1:9; echo fatal: no config >&2; exit 3";
    let output = Script::new(server).output(&[]);
    assert_eq!(output.status.code(), Some(1));
    let text = text(&output);
    for part in ["the server has ended (exit status: 3)", "fatal: no config", "0 of 4 checks"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_server_that_prints_something_else_is_quoted() {
    let output = Script::new("echo ready; sleep 60").output(&[]);
    assert!(text(&output).contains("ready"), "{}", text(&output));
}

#[test]
fn what_a_server_has_started_ends_with_the_check() {
    // The child holds the pipe open for as long as it lives.
    let script = Script::new(
        "(exec 3> \"$(dirname \"$0\")/alive\"; exec sleep 3600) & echo listening on tcp://127.0.0.1:9; wait",
    );
    let pipe = script.path("alive");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    // Opening waits for the child, and reading for its end.
    let (sender, ended) = mpsc::channel();
    let read = move || {
        File::open(pipe).unwrap().read_to_end(&mut Vec::new()).unwrap();
        sender.send(())
    };
    thread::Builder::new().name("alive".to_string()).spawn(read).unwrap();
    script.output(&[]);
    ended.recv_timeout(LIMIT).expect("the child of the server ends");
}

#[test]
fn json_has_a_line_for_the_stage_and_no_other_output() {
    let output = Script::new("echo listening on tcp://127.0.0.1:9; sleep 60").output(&["--json"]);
    let text = text(&output);
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 1, "{text}");
    assert_eq!((&lines[0]["stage"], &lines[0]["passed"]), (&1.into(), &0.into()), "{text}");
    assert_eq!(lines[0]["ended"], "done", "{text}");
}

#[test]
fn the_suggested_commands_check_the_same_server() {
    let script = Script::new("echo listening on tcp://127.0.0.1:9; exit 3");
    let output = script.output(&["--all"]);
    let text = text(&output);
    let server = script.path("server.sh");
    let again = format!("`cargo xtask climb --stage 1 --server 'sh {}'`", server.display());
    assert!(text.contains(&format!("0 stages passed. The first failure: {again}")), "{text}");
}

#[test]
fn a_server_that_needs_a_directory_is_started_with_one_by_hand() {
    let script = Script::new(
        "[ -n \"$2\" ] && { echo not two arguments >&2; exit 2; }\necho listening on http://127.0.0.1:9; exec sleep 60",
    );
    let output = script.output(&["--stage", "25"]);
    let text = text(&output);
    assert!(text.contains("not two arguments"), "{text}");
    assert!(text.contains("server.sh 127.0.0.1:8080 DIRECTORY`"), "{text}");
}

#[test]
fn a_server_whose_port_is_taken_gets_advice() {
    let output = Script::new("echo Address already in use >&2; exit 1").output(&[]);
    assert!(text(&output).contains("Another program uses this port."), "{}", text(&output));
}

#[test]
fn the_directory_of_a_check_is_deleted_when_the_command_is_killed() {
    let script = Script::new(
        "[ -n \"$2\" ] && { echo \"$2\" > \"$(dirname \"$0\")/new\"; mv \"$(dirname \"$0\")/new\" \"$(dirname \"$0\")/served\"; }\n\
         [ -n \"$2\" ] || echo listening on http://127.0.0.1:9\nexec sleep 60",
    );
    let mut command = script.climb(&["--stage", "25"]);
    let mut climb = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let served = script.path("served");
    let folder = in_time(move || {
        loop {
            match fs::read_to_string(&served) {
                Ok(folder) => return PathBuf::from(folder.trim()),
                Err(_) => thread::sleep(Duration::from_millis(20)),
            }
        }
    });
    assert!(folder.join("index.html").is_file());
    climb.kill().unwrap();
    climb.wait().unwrap();
    in_time(move || {
        while folder.exists() || folder.parent().is_some_and(Path::exists) {
            thread::sleep(Duration::from_millis(20));
        }
    });
}

/// The input is a pipe, so no letter is asked for.
#[test]
fn a_watched_server_is_checked_again_when_it_is_saved_or_a_letter_is_typed() {
    let text = "echo listening on tcp://127.0.0.1:9; exit 3\n";
    let script = Script::new(text);
    let mut command = script.climb(&["--watch"]);
    let mut climb = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    in_time(move || {
        let mut typed = climb.stdin.take().unwrap();
        let mut lines = BufReader::new(climb.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut screen = || {
            let is_open = |line: &String| !line.starts_with("Checks again when ");
            lines.by_ref().take_while(is_open).collect::<Vec<_>>().join("\n")
        };
        let checked = screen();
        assert!(checked.contains("0 of 4 checks passed") && !checked.contains("Type a letter"));
        fs::write(script.path("server.sh"), format!("{text}\n")).unwrap();
        assert!(screen().contains("0 of 4 checks passed"));
        typed.write_all(b"h\n").unwrap();
        assert!(screen().contains("Read: book/src/"));
        typed.write_all(b"q\n").unwrap();
        assert!(climb.wait().unwrap().success());
    });
}
