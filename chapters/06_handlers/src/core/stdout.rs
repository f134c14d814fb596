//! Standard output, where the program reports its address.

use std::fmt::Display;
use std::io::{self, Write};

use super::stderr::log_stderr;

/// Prints a line, and goes on if that fails: a full disk must not keep a server from starting.
///
/// The failure is reported on standard error, unless a reader has closed its pipe. It knows.
pub fn announce(line: impl Display) {
    match io::stdout().write_all(format!("{line}\n").as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            log_stderr(format_args!("cannot write to standard output: {error}"));
        }
        _ => {}
    }
}
