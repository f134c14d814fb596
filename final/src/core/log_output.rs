//! The output of a log: many threads write lines, and none of them waits for the output.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::Duration;

/// The maximum number of bytes in the channel. Lines that do not fit are dropped: a log that no program
/// reads must not block the service or fill the memory. The bound is in bytes, because the length
/// of a line varies from 100 to 10,000 bytes.
const MAX_WAITING: usize = 4 * 1024 * 1024;

/// The time for which lines are collected before they are written. Without this time, the writer
/// wakes up for nearly every line. With it, a server that logs to a file handles 1.18 times as many
/// requests per second, with 0.72 of the CPU time (`examples/bench.rs` with `BENCH_LOG`, `wrk -t2
/// -c64`, two cores, medians of five alternating runs).
const COLLECTING: Duration = Duration::from_millis(1);

/// The maximum capacity of the writer's buffer between two writes, in bytes.
const MAX_KEPT: usize = 64 * 1024;

/// The maximum time that dropping the output waits for queued lines.
const LAST_LINES: Duration = Duration::from_secs(1);

/// A log output with its own thread that writes to it.
///
/// Other threads send their lines through a channel and do not wait. The writer takes all queued
/// lines and writes them with one call, so under load there are far fewer calls than lines. (In
/// databases this is called a group commit.)
pub struct LogOutput {
    entries: Sender<Entry>,
    counts: Arc<Counts>,
}

enum Entry {
    Line(String),
    /// A request to signal when all earlier lines have been written or lost.
    Flush(SyncSender<()>),
}

#[derive(Default)]
struct Counts {
    /// The number of bytes of the lines in the channel.
    waiting: AtomicUsize,
    /// The number of lines that did not fit or could not be written.
    dropped: AtomicU64,
    is_finished: AtomicBool,
}

impl LogOutput {
    /// Starts the thread that writes to `output`. If that fails, all lines are dropped. `report` is
    /// called with a message when lines are dropped, and when writing works again.
    pub fn new(output: impl Write + Send + 'static, report: fn(&str)) -> LogOutput {
        let (entries, received) = channel();
        let log = LogOutput { entries, counts: Arc::default() };
        let counts = Arc::clone(&log.counts);
        let thread = thread::Builder::new().name("log".to_string());
        if let Err(error) = thread.spawn(move || write_lines(output, &received, &counts, report)) {
            report(&format!("cannot start its thread, so all lines are dropped: {error}"));
        }
        log
    }

    /// Queues a line, or drops it if the queue is full. It never blocks.
    pub fn write(&self, line: impl Into<String>) {
        let line = line.into();
        let counts = &self.counts;
        let length = line.len();
        // The counters guard no other data, so relaxed ordering is enough.
        let waiting = counts.waiting.fetch_add(length, Ordering::Relaxed) + length;
        let is_over = waiting > MAX_WAITING || counts.is_finished.load(Ordering::Relaxed);
        if is_over || self.entries.send(Entry::Line(line)).is_err() {
            counts.waiting.fetch_sub(length, Ordering::Relaxed);
            counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Returns the number of lines dropped so far.
    pub fn dropped(&self) -> u64 {
        self.counts.dropped.load(Ordering::Relaxed)
    }

    /// Rejects further lines, and waits for at most `timeout` until the queued lines have been
    /// written.
    pub fn finish(&self, timeout: Duration) {
        self.counts.is_finished.store(true, Ordering::Relaxed);
        self.flush(timeout);
    }

    /// Waits for at most `timeout` until all queued lines have been written.
    pub fn flush(&self, timeout: Duration) {
        let (written, all) = sync_channel(1);
        // An error means that the writer has ended or that the time is over. The caller cannot do
        // anything in either case.
        if self.entries.send(Entry::Flush(written)).is_ok() {
            let _ = all.recv_timeout(timeout);
        }
    }
}

impl Drop for LogOutput {
    fn drop(&mut self) {
        self.finish(LAST_LINES);
    }
}

/// Runs the writer thread until the channel is closed.
fn write_lines(
    mut output: impl Write,
    received: &Receiver<Entry>,
    counts: &Counts,
    report: fn(&str),
) {
    let mut lines = Vec::new();
    // The number of dropped lines that have been reported. A report may block, but only this thread
    // waits for it.
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
            Err(error) if !fails => report(&format!("{error}; lines are dropped")),
            Ok(()) if dropped > reported => {
                report(&format!("writing lines again; {} were dropped", dropped - reported));
                reported = dropped;
            }
            _ => {}
        }
        fails = written.is_err();
        for written in flushes {
            let _ = written.send(()); // the caller may have given up
        }
    }
}

/// Replaces the contents of `lines` with all queued lines, and returns the flushes among them. The
/// loop ends even if other threads keep sending, because lines count as queued until it has ended,
/// so the bound is reached.
fn drain(first: Entry, received: &Receiver<Entry>, lines: &mut Vec<u8>) -> Vec<SyncSender<()>> {
    lines.clear();
    lines.shrink_to(MAX_KEPT); // after a blocked write it may hold megabytes
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

    /// An output that reports the beginning of each write, and lets the test decide when and how
    /// the write ends.
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

    fn ignore(_: &str) {}

    fn stepped() -> (LogOutput, Receiver<String>, Sender<io::Result<()>>) {
        let ((begun, writes), (go_on, may_end)) = (channel(), channel());
        (LogOutput::new(Stepped { begun, may_end }, ignore), writes, go_on)
    }

    #[test]
    fn lines_that_arrive_during_a_write_are_written_together_next() {
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

    /// Regression test: once 64 KiB were queued, a thread that logged a line waited for the output,
    /// and so did its client.
    #[test]
    fn a_blocked_output_blocks_no_thread_and_dropped_lines_are_counted() {
        let (output, writes, go_on) = stepped();
        let line = format!("{}\n", "x".repeat(999));
        output.write("first\n");
        writes.recv_timeout(LONG).unwrap();
        for _ in 0..MAX_WAITING / line.len() + 7 {
            output.write(&line);
        }
        assert_eq!(output.dropped(), 7);
        // The output can be finished although it is blocked.
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
    fn lines_that_cannot_be_written_are_counted_and_later_ones_are_tried() {
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
        /// An output that records the bytes of each write.
        #[derive(Clone, Default)]
        struct Bytes(Arc<Mutex<Vec<u8>>>);

        impl Write for Bytes {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                // Each write accepts one byte less than requested. A full pipe may also accept only
                // a part.
                let count = bytes.len().saturating_sub(1).max(1);
                self.0.lock().unwrap().extend_from_slice(&bytes[..count]);
                Ok(count)
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }

        let bytes = Bytes::default();
        let output = LogOutput::new(bytes.clone(), ignore);
        thread::scope(|scope| {
            for name in ["a", "b", "c", "d"] {
                let output = &output;
                scope.spawn(move || (0..500).for_each(|i| output.write(format!("{name}{i}\n"))));
            }
        });
        drop(output); // waits for the last lines
        let text = String::from_utf8(bytes.0.lock().unwrap().clone()).unwrap();
        for name in ["a", "b", "c", "d"] {
            let lines: Vec<_> = text.lines().filter(|line| line.starts_with(name)).collect();
            let expected: Vec<_> = (0..500).map(|i| format!("{name}{i}")).collect();
            assert_eq!(lines, expected, "in the order of their thread");
        }
        assert_eq!(text.lines().count(), 2000);
    }
}
