//! The disk of the log is full, or nothing reads the pipe: the server serves all the same.
#![cfg(target_os = "linux")]

const PROGRAM: &str = env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME")));

/// `println!` and `eprintln!` panic when they cannot write. Once such a panic ended the program, or its worker threads.
#[test]
fn an_output_that_cannot_be_written_stops_no_server() {
    wire::broken_output::check(PROGRAM, &[]).unwrap();
}
