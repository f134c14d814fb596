//! `cargo xtask climb` with a server that is a shell script.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::{LIMIT, aside, pipe, xtask};

/// A script in its own directory.
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

    fn climb(&self, arguments: &[&str]) -> Command {
        let server = format!("sh {}", self.path("server.sh").display());
        xtask(&[&["climb", "--server", &server][..], arguments].concat())
    }

    /// The exit code and the output.
    fn output(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let mut command = self.climb(arguments);
        let output = in_time(move || command.output().unwrap());
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

fn in_time<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    aside(run).recv_timeout(LIMIT).expect("the end, in time")
}

#[test]
fn the_report_has_the_reason_and_the_next_command() {
    let ends = "echo listening on tcp://127.0.0.1:9; echo fatal: no config >&2; exit 3";
    let needs_one_argument = "[ -n \"$2\" ] && { echo not two arguments >&2; exit 2; }\n\
                              echo listening on http://127.0.0.1:9; exec sleep 3600";
    for (script, arguments, expected) in [
        (ends, ["--stage", "1"], "the server has ended (exit status: 3)"),
        (ends, ["--stage", "1"], "fatal: no config"),
        (ends, ["--stage", "1"], "0 of 4 checks"),
        (
            ends,
            ["--all", "--deadline=12"],
            "0 stages passed. The first failure: `cargo xtask climb --stage 1 --server 'sh SERVER'`",
        ),
        ("echo ready; sleep 3600", ["--stage", "1"], "ready"),
        (
            "echo Address already in use >&2; exit 1",
            ["--stage", "1"],
            "Another program uses this port.",
        ),
        ("exit 1", ["--stage", "1"], "again: `cargo xtask climb --stage 1 --server"),
        (needs_one_argument, ["--stage", "25"], "not two arguments"),
        (needs_one_argument, ["--stage", "25"], "SERVER 127.0.0.1:8080 DIRECTORY`"),
    ] {
        let script = Script::new(script);
        let (code, text) = script.output(&arguments);
        let expected = expected.replace("SERVER", &script.path("server.sh").display().to_string());
        assert!(code == Some(1) && text.contains(&expected), "{expected}: {code:?} {text}");
    }
}

#[test]
fn what_a_server_has_started_ends_with_the_check() {
    // The child holds the pipe open for as long as it lives.
    let script = Script::new(
        "(exec 3> \"$(dirname \"$0\")/pipe\"; exec sleep 3600) & echo listening on tcp://127.0.0.1:9; wait",
    );
    let pipe = pipe(script.directory.path());
    let ended = aside(move || fs::read(pipe).unwrap());
    script.output(&["--stage", "1"]);
    ended.recv_timeout(LIMIT).expect("the child of the server ends");
}

#[test]
fn json_has_a_line_for_the_stage_and_no_other_output() {
    let script = Script::new("echo listening on tcp://127.0.0.1:9; sleep 3600");
    let (_, text) = script.output(&["--stage", "1", "--json"]);
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 1, "{text}");
    assert_eq!((&lines[0]["stage"], &lines[0]["passed"]), (&1.into(), &0.into()), "{text}");
    assert_eq!(lines[0]["ended"], "done", "{text}");
}

#[test]
fn the_directory_of_a_check_is_deleted_when_the_command_is_killed() {
    let script = Script::new(
        "[ -n \"$2\" ] && echo \"$2\" > \"$(dirname \"$0\")/pipe\"\n\
         [ -n \"$2\" ] || echo listening on http://127.0.0.1:9\nexec sleep 3600",
    );
    let pipe = pipe(script.directory.path());
    let mut command = script.climb(&["--stage", "25"]);
    let mut climb = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let folder = in_time(move || PathBuf::from(fs::read_to_string(pipe).unwrap().trim()));
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
    let mut command = script.climb(&["--stage", "1", "--watch"]);
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
