//! Replays of small transcripts.

use std::env;
use std::process::Command;

use super::*;
use crate::script;
use crate::transcript::programs::add_stand_in;

/// Replays a transcript that needs no program of the course.
fn replayed(text: &str, bless: bool) -> Result<String> {
    let lines: Vec<String> = text.lines().map(str::to_string).collect();
    let how = How { bless, patience: PATIENCE };
    let built = Built::nothing(&Sources::find()?)?;
    add_stand_in(&built)?;
    let lines = run(&built, None, &script::lines(&lines), how)?;
    Ok(lines.iter().map(Line::to_string).collect::<Vec<_>>().join("\n"))
}

#[test]
fn a_difference_is_an_error_or_is_replaced() {
    for (text, expected) in [
        ("a\n$ b", "a transcript starts with `$ command` or `1$ command`, not with `a`"),
        ("$ nc localhost 80", "write 127.0.0.1: `localhost` may be ::1 too, where nobody listens"),
        ("2^C", "at `2^C`: nothing runs in this terminal"),
        ("$ echo a \\\n  b\nc", "at `$ echo a \\`: expected\n  | c\nbut it printed\n  | a b\n"),
        ("1$ echo a", "terminal 1 shows more than the transcript says:\na"),
    ] {
        assert_eq!(format!("{:#}", replayed(text, false).unwrap_err()), expected);
    }
    let text = "$ echo Date: 1\nb\n1$ cat\n1> x\n1^D\n2$ echo\n2| ...";
    let blessed = "$ echo Date: 1\nDate: [..]\n1$ cat\n1> x\n1| x\n1^D\n2$ echo\n2| ...";
    assert_eq!(replayed(text, true).unwrap(), blessed);
}

/// Regression test: a program that never stops printing was read without a limit.
#[test]
fn a_program_that_prints_without_end_is_an_error() {
    let error = replayed("1$ yes\n1| n\n1^C", false).unwrap_err().to_string();
    assert_eq!(error, "at `1$ yes`");
}

/// When the tests ran in the background of a shell, every `^C` failed, and a proxy or a `.curlrc` changed outputs.
#[test]
fn a_replay_does_not_depend_on_who_starts_it() {
    const AGAIN: &str = "REPLAY_STARTED_AGAIN";
    if env::var_os(AGAIN).is_none() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join(".curlrc"), "silent\n").unwrap();
        let name = "transcript::replay::tests::a_replay_does_not_depend_on_who_starts_it";
        let status = Command::new("bash")
            .args(["-c", "trap '' INT; exec \"$0\" \"$@\" --exact --nocapture"])
            .arg(env::current_exe().unwrap())
            .arg(name)
            .envs([(AGAIN, "1"), ("http_proxy", "http://127.0.0.1:9"), ("HTTP_ADDR", "[::1]:0")])
            .env("HOME", home.path())
            .status();
        assert!(status.unwrap().success());
        return;
    }
    let text = "1$ echo up; sleep 300\n1| up\n1^C\n\
        2$ env | grep -ic '_proxy=\\|^http_'\n2| 0\n2$ ls -A ~; echo $LC_ALL\n2| C.UTF-8";
    assert_eq!(replayed(text, false).unwrap(), text);
}

#[test]
fn replays_beside_each_other_have_addresses_files_and_processes_of_their_own() {
    let texts = ["one", "other"].map(|name| {
        format!(
            "1$ echo {name} > /tmp/site; ls /tmp; sleep 300\n1| site\n\
             2$ cat /tmp/site; pgrep -c sleep; echo /tmp/site\n2| {name}\n2| 1\n2| /tmp/site\n1^C"
        )
    });
    let replays = wire::side_by_side(2, &texts, |text| replayed(text, false).unwrap());
    assert_eq!(replays, texts);
}
