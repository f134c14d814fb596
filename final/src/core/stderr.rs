//! Standard error: messages for the operator.

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::OnceLock;
use std::time::Duration;

use super::log_output::LogOutput;

/// The thread that writes, once a server runs.
static WRITER: OnceLock<LogOutput> = OnceLock::new();

/// Writes a line, by one call, so that it stays whole.
///
/// `eprintln!` panics when it cannot write: nothing reads the pipe any more, or the disk is full. A server has to go on
/// then, and there is no other place for the message. And it waits when a pipe is full because nothing reads it. So when a
/// server runs, a thread of its own writes the lines: no thread that serves clients waits, and neither does a stop.
pub fn log_stderr(message: impl Display) {
    match WRITER.get() {
        Some(writer) => writer.write(format!("{message}\n")),
        None => write_line(&mut io::stderr(), message),
    }
}

/// From now on a thread of its own writes.
pub fn write_in_background() {
    WRITER.get_or_init(|| LogOutput::new("standard error", io::stderr()));
}

/// Waits until all lines have been written, for `patience` at most. To be called before the program ends.
pub fn flush(patience: Duration) {
    if let Some(writer) = WRITER.get() {
        writer.flush(patience);
    }
}

fn write_line(out: &mut impl Write, message: impl Display) {
    let _ = out.write_all(format!("{message}\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Accepts one write, and fails the second.
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
