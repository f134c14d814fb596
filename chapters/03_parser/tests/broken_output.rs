//! A full log disk, or a pipe without a reader, does not stop the server.
#![cfg(target_os = "linux")]

const PROGRAM: &str = env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME")));

/// `println!` and `eprintln!` panic when they cannot write. Regression test: such a panic ended the program, or its
/// worker threads.
#[test]
fn a_failing_output_does_not_stop_the_server() {
    wire::broken_output::check(PROGRAM, &[]).unwrap();
}
