//! The command line as the program receives it.
#![cfg(unix)]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

const PROGRAM: &str = env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME")));

/// `std::env::args` panics on such an argument.
#[test]
fn an_argument_that_is_no_text_is_reported_and_no_panic() {
    let mut command = Command::new(PROGRAM);
    let output = command.arg(OsStr::from_bytes(b"caf\xe9:8080")).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("Error: `caf\u{fffd}:8080` is not an address"), "{said}");
    assert_eq!(output.status.code(), Some(1));
}
