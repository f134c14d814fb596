//! Standard error: messages for the operator.

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::OnceLock;
use std::time::Duration;

use super::log_output::LogOutput;

/// The background writer, which exists once a server runs.
static WRITER: OnceLock<LogOutput> = OnceLock::new();

/// Writes a line with a single call, so that the lines of several threads do not mix.
///
/// `eprintln!` panics when it cannot write because the pipe has no reader or the disk is full. A
/// server has to keep running then, so this function ignores the error. A write to a full pipe
/// blocks until it is read. So while a server runs, a background thread writes the lines, and
/// neither the threads that serve clients nor a shutdown wait for it.
pub fn log_stderr(message: impl Display) {
    match WRITER.get() {
        Some(writer) => writer.write(format!("{message}\n")),
        None => write_line(&mut io::stderr(), message),
    }
}

/// Starts the background thread that writes all later lines.
pub fn write_in_background() {
    WRITER.get_or_init(|| {
        LogOutput::new(io::stderr(), |problem| {
            log_stderr(format_args!("standard error: {problem}"));
        })
    });
}

/// Waits for at most `timeout` until all lines have been written. Call it before the program ends.
pub fn flush(timeout: Duration) {
    if let Some(writer) = WRITER.get() {
        writer.flush(timeout);
    }
}

fn write_line(out: &mut impl Write, message: impl Display) {
    let _ = out.write_all(format!("{message}\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A writer whose first write succeeds and whose later writes fail.
    struct Once(Option<String>);

    impl Write for Once {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.0.is_some() {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            self.0 = Some(String::from_utf8(bytes.to_vec()).unwrap());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_is_one_write_and_a_failed_write_is_ignored() {
        let mut out = Once(None);
        for number in 1..3 {
            write_line(&mut out, format_args!("line {number}"));
        }
        assert_eq!(out.0.as_deref(), Some("line 1\n"));
    }
}
