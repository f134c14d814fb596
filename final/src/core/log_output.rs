//! Where the lines of a log go, from many threads, none of which ever waits for the output.

use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::stderr::log_stderr;

/// Bytes that may wait to be written. Lines that don't fit are dropped: a log that is not read must not stop the service,
/// nor fill the memory.
const MAX_WAITING: usize = 4 * 1024 * 1024;

/// How long lines are collected before they are written. Without it, the writer wakes up for nearly every line. With it, a
/// server that logs to a file responds 1.18 times as often, for 0.72 of the processor time (`examples/bench.rs` with
/// `BENCH_LOG`, `wrk -t2 -c64`, two cores, five runs of each in turn; medians).
const COLLECTING: Duration = Duration::from_millis(1);

/// Bytes that a buffer keeps room for.
const MAX_KEPT: usize = 64 * 1024;

/// How long the lines that wait may still take when the output is dropped.
const LAST_LINES: Duration = Duration::from_secs(1);

/// An output that a thread of its own writes to.
///
/// Other threads append their line to a buffer and go on. The writer takes all that has come since its last call and
/// writes it by one call, so under load there are far fewer calls than lines. (Databases call this a group commit.)
pub struct LogOutput {
    shared: Arc<LogShared>,
}

#[derive(Default)]
struct LogShared {
    state: Mutex<State>,
    /// There are lines, or no more will come: for the writer. All has been written: for [`LogOutput::finish`].
    changed: Condvar,
}

#[derive(Default)]
struct State {
    lines: Vec<u8>,
    /// Lines that did not fit, or could not be written.
    dropped: u64,
    /// No more lines are taken.
    is_finished: bool,
    /// The writer is in a call, with lines that it has taken.
    is_writing: bool,
    /// The writer has ended, and so has written all that it could.
    has_ended: bool,
}

impl LogOutput {
    /// Starts the thread that writes to `output`. Without a thread all lines are dropped, and standard error says so. `name`
    /// is what this output is called there.
    pub fn new(name: &'static str, output: impl Write + Send + 'static) -> LogOutput {
        let shared = Arc::new(LogShared::default());
        let writer = Arc::clone(&shared);
        let thread = thread::Builder::new().name("log".to_string());
        if let Err(error) = thread.spawn(move || writer.run(name, output)) {
            log_stderr(format_args!(
                "{name}: no thread can be had, so all lines are dropped: {error}"
            ));
            shared.end();
        }
        LogOutput { shared }
    }

    /// Leaves a line to the writer, or drops it if too much waits. It never blocks for longer than a copy takes.
    pub fn write(&self, line: &str) {
        let mut state = self.shared.lock();
        if state.is_finished || state.lines.len() + line.len() > MAX_WAITING {
            state.dropped += 1;
            return;
        }
        let was_empty = state.lines.is_empty();
        state.lines.extend_from_slice(line.as_bytes());
        drop(state);
        if was_empty {
            self.shared.changed.notify_all();
        }
    }

    /// How many lines have been dropped so far.
    pub fn dropped(&self) -> u64 {
        self.shared.lock().dropped
    }

    /// Takes no more lines, and waits until those that are there have been written, for `patience` at most.
    pub fn finish(&self, patience: Duration) {
        self.shared.lock().is_finished = true;
        self.shared.changed.notify_all();
        self.flush(patience);
    }

    /// Waits until all lines have been written, for `patience` at most.
    pub fn flush(&self, patience: Duration) {
        let is_busy =
            |state: &mut State| !state.has_ended && (state.is_writing || !state.lines.is_empty());
        let waited = self.shared.changed.wait_timeout_while(self.shared.lock(), patience, is_busy);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}

impl Drop for LogOutput {
    fn drop(&mut self) {
        self.finish(LAST_LINES);
    }
}

impl LogShared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The life of the writer.
    fn run(&self, name: &str, mut output: impl Write) {
        let mut lines = Vec::new();
        // What has been reported on standard error, which may be blocked too. Only this thread waits for it then.
        let (mut reported, mut fails) = (0, false);
        while self.take(&mut lines) {
            let written = output.write_all(&lines).and_then(|()| output.flush());
            let dropped = self.count(written.is_err(), &lines);
            match &written {
                Err(error) if !fails => {
                    log_stderr(format_args!("{name}: {error}; lines are dropped"));
                }
                Ok(()) if dropped > reported => {
                    let count = dropped - reported;
                    log_stderr(format_args!(
                        "{name}: it goes on after {count} lines that were dropped"
                    ));
                    reported = dropped;
                }
                _ => {}
            }
            fails = written.is_err();
        }
        self.end();
    }

    /// Waits for lines, and takes all of them in place of those in `lines`. `false`: there are none, and no more will come.
    fn take(&self, lines: &mut Vec<u8>) -> bool {
        let mut state = self.lock();
        state.is_writing = false;
        self.changed.notify_all();
        let waiting = |state: &mut State| state.lines.is_empty() && !state.is_finished;
        drop(self.changed.wait_while(state, waiting).unwrap_or_else(PoisonError::into_inner));
        thread::sleep(COLLECTING);
        let mut state = self.lock();
        lines.clear();
        lines.shrink_to(MAX_KEPT); // after a blockage it may have megabytes
        std::mem::swap(lines, &mut state.lines);
        state.is_writing = !lines.is_empty();
        state.is_writing
    }

    /// Adds lines that could not be written to those that were dropped, and returns how many these are now.
    fn count(&self, is_lost: bool, lines: &[u8]) -> u64 {
        let mut state = self.lock();
        if is_lost {
            state.dropped += memchr::memchr_iter(b'\n', lines).count() as u64;
        }
        state.dropped
    }

    fn end(&self) {
        let mut state = self.lock();
        state.is_finished = true;
        state.has_ended = true;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    /// Notes each write: tells that it has begun, and waits until it may end.
    struct Stepped {
        begun: Sender<String>,
        may_end: Receiver<io::Result<()>>,
    }

    impl Write for Stepped {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.begun.send(String::from_utf8(bytes.to_vec()).unwrap()).unwrap();
            self.may_end.recv_timeout(LONG).unwrap()?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn stepped() -> (LogOutput, Receiver<String>, Sender<io::Result<()>>) {
        let ((begun, writes), (go_on, may_end)) = (channel(), channel());
        (LogOutput::new("log", Stepped { begun, may_end }), writes, go_on)
    }

    #[test]
    fn lines_that_come_during_a_write_are_written_together_by_the_next_one() {
        let (output, writes, go_on) = stepped();
        output.write("one\n");
        assert_eq!(writes.recv_timeout(LONG).unwrap(), "one\n");
        output.write("two\n");
        output.write("three\n");
        for _ in 0..2 {
            go_on.send(Ok(())).unwrap();
        }
        assert_eq!(writes.recv_timeout(LONG).unwrap(), "two\nthree\n");
        output.finish(LONG);
        assert_eq!((writes.try_iter().count(), output.dropped()), (0, 0));
    }

    /// Once a thread with a line waited for the output as soon as 64 KiB waited, and so did its client.
    #[test]
    fn an_output_that_takes_nothing_blocks_nobody_and_its_lines_are_counted() {
        let (output, writes, go_on) = stepped();
        let line = format!("{}\n", "x".repeat(999));
        output.write("first\n");
        writes.recv_timeout(LONG).unwrap();
        for _ in 0..MAX_WAITING / line.len() + 7 {
            output.write(&line);
        }
        assert_eq!(output.dropped(), 7);
        // It can be ended all the same.
        output.finish(Duration::ZERO);
        output.write("too late\n");
        assert_eq!(output.dropped(), 8);
        for _ in 0..2 {
            go_on.send(Ok(())).unwrap();
        }
        output.finish(LONG);
        assert_eq!(writes.recv_timeout(LONG).unwrap().len(), MAX_WAITING / line.len() * line.len());
    }

    #[test]
    fn lines_that_cannot_be_written_are_counted_and_the_next_ones_are_tried() {
        let (output, writes, go_on) = stepped();
        output.write("lost\n");
        writes.recv_timeout(LONG).unwrap();
        output.write("lost too\nand this\n");
        for outcome in
            [Err(io::ErrorKind::StorageFull.into()), Err(io::ErrorKind::BrokenPipe.into())]
        {
            go_on.send(outcome).unwrap();
        }
        writes.recv_timeout(LONG).unwrap();
        output.write("written\n");
        go_on.send(Ok(())).unwrap();
        output.finish(LONG);
        assert_eq!(
            (output.dropped(), writes.try_iter().last()),
            (3, Some("written\n".to_string()))
        );
    }

    #[test]
    fn every_line_of_many_threads_is_written_once_and_whole() {
        /// Each write as it came.
        #[derive(Clone, Default)]
        struct Bytes(Arc<Mutex<Vec<u8>>>);

        impl Write for Bytes {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                // One byte less than it is given, as a full pipe may do.
                let count = bytes.len().saturating_sub(1).max(1);
                self.0.lock().unwrap().extend_from_slice(&bytes[..count]);
                Ok(count)
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }

        let bytes = Bytes::default();
        let output = LogOutput::new("log", bytes.clone());
        thread::scope(|scope| {
            for name in ["a", "b", "c", "d"] {
                let output = &output;
                scope.spawn(move || (0..500).for_each(|i| output.write(&format!("{name}{i}\n"))));
            }
        });
        drop(output); // which waits for the last lines
        let text = String::from_utf8(bytes.0.lock().unwrap().clone()).unwrap();
        for name in ["a", "b", "c", "d"] {
            let lines: Vec<_> = text.lines().filter(|line| line.starts_with(name)).collect();
            let expected: Vec<_> = (0..500).map(|i| format!("{name}{i}")).collect();
            assert_eq!(lines, expected, "in the order of their thread");
        }
        assert_eq!(text.lines().count(), 2000);
    }
}
