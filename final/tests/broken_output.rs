//! A full log disk, or a pipe without a reader, does not stop the server.
#![cfg(target_os = "linux")]

use std::process::Stdio;

use wire::broken_output::Sink;
use wire::environment;

const PROGRAM: &str = env!("CARGO_BIN_EXE_httpserver");

/// `println!` and `eprintln!` panic when they cannot write. Regression test: such a panic ended the program, or its
/// worker threads.
#[test]
fn a_failing_output_does_not_stop_the_server() {
    wire::broken_output::check(PROGRAM, &["--addr"]).unwrap();
}

/// The requested output is printed, or the exit code and standard error show the failure.
#[test]
fn requested_output_that_cannot_be_written_is_a_failure_except_for_a_closed_pipe() {
    for argument in ["--help", "--version", "--check-config", "--print-routes"] {
        let run = |sink: Sink| {
            let mut command = environment::command(PROGRAM);
            command.arg(argument).stdin(Stdio::null()).stdout(sink.open().unwrap());
            let output = command.stderr(Stdio::piped()).output().unwrap();
            (output.status.code(), String::from_utf8(output.stderr).unwrap())
        };
        let full =
            "Error: cannot write to standard output: No space left on device (os error 28)\n";
        assert_eq!(run(Sink::FullDisk), (Some(1), full.to_string()), "{argument}");
        assert_eq!(run(Sink::ClosedPipe), (Some(0), String::new()), "{argument}");
        assert_eq!(run(Sink::Good), (Some(0), String::new()), "{argument}");
    }
}

#[test]
fn an_invalid_command_line_has_its_exit_code_even_if_standard_error_fails() {
    for arguments in [["--no-such-flag", "1"], ["--max-fields", "-1"]] {
        let mut command = environment::command(PROGRAM);
        command.args(arguments).stdin(Stdio::null()).stderr(Sink::FullDisk.open().unwrap());
        assert_eq!(command.status().unwrap().code(), Some(2), "{arguments:?}");
    }
}
