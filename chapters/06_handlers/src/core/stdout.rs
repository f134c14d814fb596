//! Standard output, where the program prints its address.

use std::fmt::Display;
use std::io::{self, Write};

use super::stderr::log_stderr;

/// Prints a line. A failure does not stop the program, because a full disk must not prevent a
/// server from starting.
///
/// The failure is logged on standard error, except for a broken pipe, because its reader has closed
/// it on purpose.
pub fn announce(line: impl Display) {
    match io::stdout().write_all(format!("{line}\n").as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            log_stderr(format_args!("cannot write to standard output: {error}"));
        }
        _ => {}
    }
}
