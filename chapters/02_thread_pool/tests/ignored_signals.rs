//! A signal that was ignored when the program started, as with `nohup` or for a background job of a script,
//! stays ignored.
#![cfg(target_os = "linux")]

use std::fs;
use std::process::Command;
use std::time::Duration;

use wire::{Client, Program, Signal};

const PROGRAM: &str = env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME")));

/// Far longer than anything here takes.
const LONG: Duration = Duration::from_secs(20);

/// The program, started by a shell that ignores these signals.
fn start(ignored: &str) -> Program {
    let mut command = Command::new("sh");
    let script = format!("trap '' {ignored}; exec \"$@\"");
    command.args(["-c", &script, "sh", PROGRAM, "127.0.0.1:0"]);
    Program::start_command(command).unwrap()
}

/// Whether the program ignores the signal, so that the kernel discards it.
fn ignores(program: &Program, signal: Signal) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", program.pid())).unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    u64::from_str_radix(mask.trim(), 16).unwrap() & 1 << (signal.number() - 1) != 0
}

#[test]
fn a_signal_that_was_ignored_before_the_program_started_does_not_stop_it() {
    let table = [
        ("HUP", [Signal::Hangup].as_slice(), Signal::Terminate),
        ("INT QUIT", &[Signal::Interrupt], Signal::Terminate),
        ("HUP INT", &[Signal::Hangup, Signal::Interrupt], Signal::Terminate),
        ("TERM", &[Signal::Terminate], Signal::Interrupt),
    ];
    for (ignored, signals, stops) in table {
        let program = start(ignored);
        for signal in signals {
            assert!(ignores(&program, *signal), "{ignored}: {signal:?} is handled");
            program.signal(*signal).unwrap();
        }
        let mut client = Client::connect(program.addr()).unwrap();
        client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
        client.half_close().unwrap();
        client.read_exact(1).unwrap();
        client.read_to_end().unwrap();
        assert!(!ignores(&program, stops), "{ignored}: {stops:?} is ignored");
        program.signal(stops).unwrap();
        assert!(program.wait(LONG).unwrap().success(), "{ignored}");
    }
}

#[test]
fn without_that_each_of_the_three_signals_stops_it() {
    for signal in [Signal::Interrupt, Signal::Terminate, Signal::Hangup] {
        let program = Program::start(PROGRAM, &["127.0.0.1:0"]).unwrap();
        program.signal(signal).unwrap();
        assert!(program.wait(LONG).unwrap().success(), "{signal:?}");
    }
}
