//! Standard error: messages for the operator.

use std::fmt::Display;
use std::io::{self, Write};

/// Writes a line with a single call, so that lines of several threads do not mix.
///
/// `eprintln!` panics when it cannot write because the pipe has no reader or the disk is full. A
/// server must keep running in that case, so the error is ignored; there is no other place to
/// report it.
pub fn log_stderr(message: impl Display) {
    write_line(&mut io::stderr(), message);
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
