use super::*;
use crate::output::QUOTED;

fn shell(script: &str) -> Result<Program, WireError> {
    Program::start("sh", &["-c", script])
}

#[test]
fn the_first_line_says_where_it_listens() {
    let program = shell("echo listening on http://127.0.0.1:4242; echo more; exec cat").unwrap();
    assert_eq!(program.addr(), "127.0.0.1:4242".parse().unwrap());
    program.wait_for_stdout("more", START, |text| text.ends_with("more\n")).unwrap();
}

/// Regression test, third row: the exit status was left out when the outputs were closed a moment before the process
/// ended.
#[test]
fn a_program_that_does_not_say_where_it_listens_is_quoted() {
    for (script, said) in [
        ("echo no such luck >&2; exit 3", "its standard error:\nno such luck"),
        ("echo hello; exec sleep 60", "its standard output:\nhello"),
        ("exec >&- 2>&-; sleep 0.1; exit 3", "but the program has ended (exit status: 3)"),
    ] {
        let error = shell(script).unwrap_err();
        assert_eq!(error.kind(), Kind::Program);
        assert!(error.message().ends_with(said), "{error}");
    }
}

#[test]
fn a_first_line_without_an_end_is_not_waited_for_and_quoted_in_part() {
    let error = shell("exec tr '\\000' x </dev/zero").unwrap_err();
    assert!(error.message().ends_with("xxx … (and more)"), "{error}");
    assert!(error.message().len() < 2 * QUOTED, "{}", error.message().len());
}

#[test]
fn a_signal_ends_it_and_its_last_words_are_kept() {
    let script = "trap 'echo bye; exit 7' TERM; echo listening on tcp://127.0.0.1:1; while :; do sleep 0.05; done";
    let program = shell(script).unwrap();
    assert!(program.wait(Duration::from_millis(20)).is_err());
    program.signal(Signal::Terminate).unwrap();
    assert_eq!(program.wait(START).unwrap().code(), Some(7));
    assert!(program.stdout_so_far().ends_with("bye\n"));
}

#[test]
fn it_is_told_only_what_is_set_for_it() {
    let script = "echo listening on tcp://127.0.0.1:1; echo \"$LC_ALL $HTTP_LOG\"; exec sleep 60";
    let mut command = Command::new("sh");
    command.args(["-c", script]).env("HTTP_LOG", "json");
    let program = Program::start_command(command).unwrap();
    program
        .wait_for_stdout("the variables", START, |text| text.ends_with("C.UTF-8 json\n"))
        .unwrap();
}

#[test]
fn dropping_it_kills_it() {
    let program = shell("echo listening on tcp://127.0.0.1:1; exec sleep 60").unwrap();
    let pid = rustix::process::Pid::from_raw(program.pid().try_into().unwrap()).unwrap();
    drop(program);
    assert!(rustix::process::test_kill_process(pid).is_err());
}
