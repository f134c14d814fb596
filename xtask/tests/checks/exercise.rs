//! `cargo xtask check-exercise`.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use wire::environment;

use crate::{LIMIT, aside, pipe, root, without_progress, xtask};

/// Without this limit, the check would wait twice as long for the server's first line.
const SOON: Duration = Duration::from_secs(10);

fn check(server: &str) -> Command {
    xtask(&["check-exercise", "2", "--server", server])
}

#[test]
fn a_server_does_not_outlive_ctrl_c() {
    // A server that sends no response, and holds a pipe open while it runs.
    let folder = tempfile::tempdir().unwrap();
    let pipe = pipe(folder.path());
    let script = folder.path().join("server.sh");
    fs::write(&script, "exec 3> \"$1\"\nexec sleep 3600\n").unwrap();
    let command = format!("sh '{}' '{}'", script.display(), pipe.display());

    let mut xtask = check(&command).stdout(Stdio::null()).spawn().unwrap();
    let started = aside(move || File::open(pipe).unwrap());
    let mut pipe = started.recv_timeout(LIMIT).expect("the server is started");
    let pid = Pid::from_child(&xtask);
    kill_process(pid, Signal::INT).unwrap();
    assert!(!xtask.wait().unwrap().success());
    let ended = aside(move || pipe.read_to_end(&mut Vec::new()).unwrap());
    ended.recv_timeout(SOON).expect("the server ends with the check");
}

#[test]
fn another_server_is_not_the_reader_s_progress() {
    // It is built first and started directly, because `cargo run` would wait for other builds.
    let build = ["build", "--quiet", "--workspace", "--bin", "ch04_router"];
    assert!(Command::new("cargo").args(build).status().unwrap().success());
    let server = Path::new(env!("CARGO_BIN_EXE_xtask")).with_file_name("ch04_router");
    let mut command = check(&format!("'{}'", server.display()));
    let output = without_progress(|| command.output().unwrap());
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("checks passed"), "{said}");
    let note = "This was another server, so it does not count as your progress.\n";
    assert!(said.ends_with(note), "{said}");
}

/// Another cargo, for example an editor's, may hold the lock of the target directory. The command used to wait for it
/// without a message, for minutes.
#[test]
fn what_is_waited_for_is_said() {
    let mut alias = environment::interruptible("cargo");
    alias.args(["xtask", "--help"]).current_dir(root()).stdin(Stdio::null());
    for mut command in [xtask(&["check-exercise", "2"]), alias] {
        let target = tempfile::tempdir().unwrap();
        fs::create_dir(target.path().join("debug")).unwrap();
        let lock = File::create(target.path().join("debug/.cargo-lock")).unwrap();
        lock.lock().unwrap();
        command.env("CARGO_TARGET_DIR", target.path());
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.process_group(0).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let waits = |line: &String| {
            line.contains("Blocking waiting for file lock on") && !line.contains("package cache")
        };
        let said = aside(move || lines.find(waits));
        // Other cargos may hold the package cache for a while first.
        let said = said.recv_timeout(LIMIT);
        // A cargo that is left behind would build everything.
        kill_process_group(Pid::from_child(&child), Signal::KILL).unwrap();
        child.wait().unwrap();
        assert!(said.is_ok_and(|line| line.is_some()), "{command:?} waits and says nothing");
    }
}

/// Regression test: the title of a rule gave the answer away, as in "RFC 9110 section 15.5.5 (404 Not Found)".
#[test]
fn a_wrong_answer_to_a_question_of_exercise_1_is_not_told_the_right_one() {
    let solution = root().join("chapters/04_router/exercises/01_curl/solution.patch");
    let solution = fs::read_to_string(solution).unwrap();
    let answer = |line: &str| {
        let (key, answer) = line.strip_prefix('+')?.split_once(" = ")?;
        Some((key.to_string(), answer.trim_matches('"').to_string()))
    };
    let answers: Vec<(String, String)> = solution.lines().filter_map(answer).collect();
    let server = Path::new(env!("CARGO_BIN_EXE_xtask")).with_file_name("ch04_router");
    let server = server.display().to_string();
    let mut command = xtask(&["check-exercise", "1", "--json", "--server", &server]);
    let output = command.output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut compared = 0;
    for check in report["checks"].as_array().unwrap() {
        let got = check["failure"]["got"].as_str().unwrap();
        let key = |key: &str| got.contains(&format!("`{key} = "));
        let Some((key, answer)) = answers.iter().find(|(name, _)| key(name)) else { continue };
        let shown = format!("{} {} {got}", check["rule"], check["failure"]["expected"]);
        let mut words = shown.split(|c: char| !c.is_alphanumeric() && c != '.');
        let word = answer.split([',', ':']).next().unwrap();
        assert!(!words.any(|shown| shown == word), "{key} is {answer}: {shown}");
        compared += 1;
    }
    assert_eq!(compared, 7, "{report}");
}

/// A proxy, or a setting of `final`, in a user's shell would change what the checks see.
#[test]
fn the_server_that_is_checked_has_a_clean_environment() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("server.sh");
    // The checks may end, and kill the server, as soon as the address is printed.
    fs::write(&script, "env > \"$1\"\necho listening on http://127.0.0.1:1\nexec sleep 3600\n")
        .unwrap();
    let seen = folder.path().join("environment");
    let mut command = check(&format!("sh '{}' '{}'", script.display(), seen.display()));
    let unwanted =
        ["http_proxy", "ALL_PROXY", "HTTP_LOG", "HTTP_ADDR", "RUST_BACKTRACE", "GIT_DIR"];
    command.envs(unwanted.map(|name| (name, "x"))).env("EXERCISE_ONLY", "none").output().unwrap();
    let environment = fs::read_to_string(&seen).unwrap();
    assert!(environment.contains("EXERCISE_ONLY=none\n"), "{environment}");
    for name in unwanted {
        assert!(!environment.contains(&format!("{name}=")), "{environment}");
    }
}
