//! Where the lines of a log go, from many threads, none of which ever waits for the output.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::Duration;

use super::stderr::log_stderr;

/// Bytes that may wait in the channel. Lines that don't fit are dropped: a log that is not read must not stop the service,
/// nor fill the memory. The bound is not a number of lines, because a line can have 100 bytes or 10,000.
const MAX_WAITING: usize = 4 * 1024 * 1024;

/// How long lines are collected before they are written. Without it, the writer wakes up for nearly every line. With it, a
/// server that logs to a file responds 1.18 times as often, for 0.72 of the processor time (`examples/bench.rs` with
/// `BENCH_LOG`, `wrk -t2 -c64`, two cores, five runs of each in turn; medians).
const COLLECTING: Duration = Duration::from_millis(1);

/// Bytes that the writer keeps room for between two writes.
const MAX_KEPT: usize = 64 * 1024;

/// How long the lines that wait may still take when the output is dropped.
const LAST_LINES: Duration = Duration::from_secs(1);

/// An output that a thread of its own writes to.
///
/// Other threads send their lines through a channel and go on. The writer takes all lines that wait there and writes them
/// by one call, so under load there are far fewer calls than lines. (Databases call this a group commit.)
pub struct LogOutput {
    entries: Sender<Entry>,
    counts: Arc<Counts>,
}

enum Entry {
    Line(String),
    /// All lines before this have been written, or have been lost, when something is sent here.
    Flush(SyncSender<()>),
}

#[derive(Default)]
struct Counts {
    /// Bytes of the lines in the channel.
    waiting: AtomicUsize,
    /// Lines that did not fit, or could not be written.
    dropped: AtomicU64,
    /// Whether no more lines are taken.
    is_finished: AtomicBool,
}

impl LogOutput {
    /// Starts the thread that writes to `output`. If that fails, all lines are dropped, and standard error says so. `name`
    /// is what this output is called there.
    pub fn new(name: &'static str, output: impl Write + Send + 'static) -> LogOutput {
        let (entries, received) = channel();
        let log = LogOutput { entries, counts: Arc::default() };
        let counts = Arc::clone(&log.counts);
        let thread = thread::Builder::new().name("log".to_string());
        if let Err(error) = thread.spawn(move || write_lines(name, output, &received, &counts)) {
            log_stderr(format_args!(
                "{name}: cannot start its thread, so all lines are dropped: {error}"
            ));
        }
        log
    }

    /// Leaves a line to the writer, or drops it if too much waits. It never blocks.
    pub fn write(&self, line: impl Into<String>) {
        let line = line.into();
        let counts = &self.counts;
        let length = line.len();
        // The counts guard no other memory, so nothing has to be ordered by them.
        let waiting = counts.waiting.fetch_add(length, Ordering::Relaxed) + length;
        let is_over = waiting > MAX_WAITING || counts.is_finished.load(Ordering::Relaxed);
        if is_over || self.entries.send(Entry::Line(line)).is_err() {
            counts.waiting.fetch_sub(length, Ordering::Relaxed);
            counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many lines have been dropped so far.
    pub fn dropped(&self) -> u64 {
        self.counts.dropped.load(Ordering::Relaxed)
    }

    /// Takes no more lines, and waits until those that are there have been written, for `patience` at most.
    pub fn finish(&self, patience: Duration) {
        self.counts.is_finished.store(true, Ordering::Relaxed);
        self.flush(patience);
    }

    /// Waits until all lines have been written, for `patience` at most.
    pub fn flush(&self, patience: Duration) {
        let (written, all) = sync_channel(1);
        // An error means that the writer has ended, or that it is blocked for longer. Nothing else can be done then.
        if self.entries.send(Entry::Flush(written)).is_ok() {
            let _ = all.recv_timeout(patience);
        }
    }
}

impl Drop for LogOutput {
    fn drop(&mut self) {
        self.finish(LAST_LINES);
    }
}

/// Writes until the channel is closed.
fn write_lines(name: &str, mut output: impl Write, received: &Receiver<Entry>, counts: &Counts) {
    let mut lines = Vec::new();
    // What has been reported on standard error, which may be blocked too. Only this thread waits for it then.
    let (mut reported, mut fails) = (0, false);
    while let Ok(first) = received.recv() {
        thread::sleep(COLLECTING);
        let flushes = drain(first, received, &mut lines);
        counts.waiting.fetch_sub(lines.len(), Ordering::Relaxed);
        let written = output.write_all(&lines).and_then(|()| output.flush());
        if written.is_err() {
            let lost = memchr::memchr_iter(b'\n', &lines).count() as u64;
            counts.dropped.fetch_add(lost, Ordering::Relaxed);
        }
        let dropped = counts.dropped.load(Ordering::Relaxed);
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
        for written in flushes {
            let _ = written.send(()); // it may have waited for too long already
        }
    }
}

/// Puts all lines that wait in place of those in `lines`, and returns the flushes among them. It ends even if other
/// threads send all the time: their lines count as waiting until it has ended, so they reach the bound.
fn drain(first: Entry, received: &Receiver<Entry>, lines: &mut Vec<u8>) -> Vec<SyncSender<()>> {
    lines.clear();
    lines.shrink_to(MAX_KEPT); // after a blockage it may have megabytes
    let mut flushes = Vec::new();
    for entry in std::iter::once(first).chain(received.try_iter()) {
        match entry {
            Entry::Line(line) => lines.extend_from_slice(line.as_bytes()),
            Entry::Flush(written) => flushes.push(written),
        }
    }
    flushes
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Mutex;

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
                scope.spawn(move || (0..500).for_each(|i| output.write(format!("{name}{i}\n"))));
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
