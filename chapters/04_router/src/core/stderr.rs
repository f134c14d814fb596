//! Standard error, where the program reports what concerns its operator and no client.

use std::fmt::Display;
use std::io::{self, Write};

/// Writes a line, by one call, so that it stays whole.
///
/// `eprintln!` panics when it cannot write: nothing reads the pipe any more, or the disk is full. A server has to go on
/// then, and there is no other place for the message.
pub fn log_stderr(words: impl Display) {
    write_line(&mut io::stderr(), words);
}

fn write_line(out: &mut impl Write, words: impl Display) {
    let _ = out.write_all(format!("{words}\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes one call, and no second one.
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
    fn a_line_is_one_call_and_one_that_cannot_be_written_is_lost_and_no_more() {
        let mut out = Once(None);
        for number in 1..3 {
            write_line(&mut out, format_args!("line {number}"));
        }
        assert_eq!(out.0.as_deref(), Some("line 1\n"));
    }
}
