//! The output of a program, read as it arrives.

use std::io::{self, BufRead, BufReader, Read};
use std::process::Child;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::Duration;

use crate::escape::shortened;

/// The maximum length of a line in bytes. A longer line is split.
const MOST_LINE: u64 = 64 * 1024;

/// The maximum number of bytes of a stream that are kept. Later bytes are read, so that the program does
/// not block, and then dropped.
const MOST: usize = 16 * 1024 * 1024;

/// The maximum number of characters of an output that an error quotes.
pub(crate) const QUOTED: usize = 2000;

/// The maximum length of a line on standard error that a failure quotes.
const QUOTED_LINE: usize = 300;

/// The output of a program so far, filled by one thread per pipe.
#[derive(Debug, Default)]
pub(crate) struct Output {
    text: Mutex<Text>,
    changed: Condvar,
}

#[derive(Debug, Default)]
pub(crate) struct Text {
    pub(crate) stdout: Printed,
    pub(crate) stderr: Printed,
}

/// One of the two outputs.
#[derive(Debug, Default)]
pub(crate) struct Printed {
    pub(crate) text: String,
    /// Whether the program can print no more.
    pub(crate) has_ended: bool,
}

impl Text {
    /// Whether the program can print no more on either output.
    pub(crate) fn has_ended(&self) -> bool {
        self.stdout.has_ended && self.stderr.has_ended
    }

    /// The last lines on standard error, as additional lines of a failure. The program may have panicked.
    pub(crate) fn last_errors(&self) -> String {
        let lines = self.stderr.text.lines().rev();
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with("note: run with "));
        let mut last: Vec<String> =
            lines.take(4).map(|line| shortened(line, QUOTED_LINE, " …")).collect();
        if last.is_empty() {
            return String::new();
        }
        last.reverse();
        format!("\nstandard error of the server:\n{}", last.join("\n"))
    }

    /// The program's output, as additional lines of an error.
    pub(crate) fn quoted(&self) -> String {
        let mut quoted = String::new();
        for (name, Printed { text, .. }) in [("output", &self.stdout), ("error", &self.stderr)] {
            if !text.is_empty() {
                let text = shortened(text.trim_end(), QUOTED, " … (and more)");
                quoted.extend(["\nits standard ", name, ":\n", &text]);
            }
        }
        quoted
    }
}

impl Output {
    /// Reads the pipes of a child to their ends, so that it never blocks on a full pipe.
    pub(crate) fn read_all(self: &Arc<Output>, child: &mut Child) -> io::Result<()> {
        self.read(child.stdout.take(), |text| &mut text.stdout)?;
        self.read(child.stderr.take(), |text| &mut text.stderr)
    }

    fn read(
        self: &Arc<Output>,
        pipe: Option<impl Read + Send + 'static>,
        of: fn(&mut Text) -> &mut Printed,
    ) -> io::Result<()> {
        let Some(pipe) = pipe else {
            of(&mut self.text()).has_ended = true;
            return Ok(());
        };
        let (output, mut pipe) = (Arc::clone(self), BufReader::new(pipe));
        let read = move || {
            let mut has_ended = false;
            while !has_ended {
                let mut line = Vec::new();
                let read = pipe.by_ref().take(MOST_LINE).read_until(b'\n', &mut line);
                has_ended = !matches!(read, Ok(1..));
                let mut text = output.text();
                let printed = of(&mut text);
                printed.has_ended = has_ended;
                if printed.text.len() < MOST {
                    printed.text.push_str(&String::from_utf8_lossy(&line));
                }
                drop(text);
                output.changed.notify_all();
            }
        };
        Builder::new().name("output".to_string()).spawn(read).map(drop)
    }

    pub(crate) fn text(&self) -> MutexGuard<'_, Text> {
        self.text.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `enough` is true, for at most `patience`.
    pub(crate) fn wait(
        &self,
        patience: Duration,
        enough: impl Fn(&Text) -> bool,
    ) -> MutexGuard<'_, Text> {
        self.changed
            .wait_timeout_while(self.text(), patience, |text| !enough(text))
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_standard_error_the_last_lines_are_quoted_without_the_advice_of_a_panic() {
        let mut text = Text::default();
        assert_eq!(text.last_errors(), "");
        text.stderr.text = "1\n2\n3\n\nthread 'b' (2) panicked at src/b.rs:3:4:\noverflow\n\
            note: run with `RUST_BACKTRACE=1`\n"
            .to_string();
        let expected = "2\n3\nthread 'b' (2) panicked at src/b.rs:3:4:\noverflow";
        assert_eq!(text.last_errors(), format!("\nstandard error of the server:\n{expected}"));
    }

    #[test]
    fn of_a_flood_without_a_newline_only_the_beginning_is_kept() {
        let output = Arc::new(Output::default());
        let flood = io::repeat(b'x').take(2 * MOST as u64);
        output.read(Some(flood), |text| &mut text.stdout).unwrap();
        let text = output.wait(Duration::from_secs(60), |text| text.stdout.has_ended);
        assert!(text.stdout.has_ended);
        assert_eq!(text.stdout.text.len(), MOST);
    }
}
