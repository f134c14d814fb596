//! The output of a program, read as it arrives.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::Duration;

/// The maximum length of a line in bytes. A longer line is split.
const MOST_LINE: u64 = 64 * 1024;

/// The maximum number of bytes of a stream that are kept. Later bytes are read, so that the program does
/// not block, and then dropped.
const MOST: usize = 16 * 1024 * 1024;

/// The output of a program so far, filled by one thread per pipe.
#[derive(Default)]
pub(crate) struct Output {
    text: Mutex<Text>,
    changed: Condvar,
}

#[derive(Default)]
pub(crate) struct Text {
    pub(crate) stdout: String,
    pub(crate) stdout_ended: bool,
    pub(crate) stderr: String,
    pub(crate) stderr_ended: bool,
}

#[derive(Clone, Copy)]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

impl Output {
    /// Reads `pipe` to its end in a thread, so that the program never blocks on a full pipe.
    pub(crate) fn read(
        self: &Arc<Output>,
        pipe: impl Read + Send + 'static,
        stream: Stream,
    ) -> std::io::Result<()> {
        let output = Arc::clone(self);
        let name = match stream {
            Stream::Stdout => "stdout",
            Stream::Stderr => "stderr",
        };
        Builder::new().name(name.to_string()).spawn(move || {
            let mut pipe = BufReader::new(pipe);
            loop {
                let mut line = Vec::new();
                let read = pipe.by_ref().take(MOST_LINE).read_until(b'\n', &mut line);
                let ended = !matches!(read, Ok(1..));
                let mut text = output.text();
                let printed = match stream {
                    Stream::Stdout => &mut text.stdout,
                    Stream::Stderr => &mut text.stderr,
                };
                let full = printed.len() >= MOST;
                if !full {
                    printed.push_str(&String::from_utf8_lossy(&line));
                }
                match stream {
                    Stream::Stdout => text.stdout_ended = ended,
                    Stream::Stderr => text.stderr_ended = ended,
                }
                drop(text);
                if full && !ended {
                    continue;
                }
                output.changed.notify_all();
                if ended {
                    return;
                }
            }
        })?;
        Ok(())
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
    fn of_a_flood_without_a_newline_only_the_beginning_is_kept() {
        let output = Arc::new(Output::default());
        let flood = std::io::repeat(b'x').take(2 * MOST as u64);
        output.read(flood, Stream::Stdout).unwrap();
        let text = output.wait(Duration::from_secs(60), |text| text.stdout_ended);
        assert!(text.stdout_ended);
        assert_eq!(text.stdout.len(), MOST);
    }
}
