//! What a program prints, read as it comes.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::Duration;

/// What a program has printed, filled by one thread a pipe.
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
    /// Reads `pipe` to its end in a thread, so that the program never waits for us to read.
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
                let ended = !matches!(pipe.read_until(b'\n', &mut line), Ok(1..));
                let mut text = output.text();
                match stream {
                    Stream::Stdout => {
                        text.stdout.push_str(&String::from_utf8_lossy(&line));
                        text.stdout_ended = ended;
                    }
                    Stream::Stderr => {
                        text.stderr.push_str(&String::from_utf8_lossy(&line));
                        text.stderr_ended = ended;
                    }
                }
                drop(text);
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

    /// Waits for `enough`, at most for `patience`.
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
