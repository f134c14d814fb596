//! Where the lines of a log go, from many threads at the same time, with hardly any of them waiting for another.

use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

/// Lines that may wait for whoever writes, in bytes. Beyond that a thread waits as well: what takes the log is slower
/// than what is logged, and memory is no place to hide that.
const WAITING: usize = 64 * 1024;

/// Calls by one thread, as long as there are others who could make the next one. Its own client waits meanwhile.
const ROUNDS: usize = 4;

/// An output that is written by one thread at a time.
///
/// A thread that finds it free writes its line at once. One that finds it busy leaves its line and goes on: whoever
/// writes looks afterwards what was left, and writes all of it by one call. So under load there are fewer calls than
/// lines, and hardly a thread sleeps because of another one's. (Databases call this a group commit.)
///
/// If others bring lines as quickly as they are written, whoever writes would never be done. So after a few calls it
/// asks for a successor: the next thread with a line waits for it to end, and writes in its place.
pub struct LogOutput {
    waiting: Mutex<Waiting>,
    writer: Mutex<Writer>,
}

/// What is left to whoever writes.
#[derive(Default)]
struct Waiting {
    lines: Vec<u8>,
    /// Whoever writes has done its share.
    needs_successor: bool,
    /// Threads that wait to write. Each of them will, so lines may be left to them.
    successors: usize,
}

struct Writer {
    output: Box<dyn Write + Send>,
    /// What is being written. It changes places with what waits.
    lines: Vec<u8>,
}

impl LogOutput {
    /// Lines that go there.
    pub fn new(output: impl Write + Send + 'static) -> LogOutput {
        let writer = Writer { output: Box::new(output), lines: Vec::new() };
        LogOutput { waiting: Mutex::default(), writer: Mutex::new(writer) }
    }

    /// Writes a line, or leaves it to a thread that is writing now. Lines stay whole. A log that cannot be written must
    /// not stop the service, so nobody is told.
    pub fn write(&self, line: &str) {
        let mut rounds = 0;
        if self.leave(line) {
            self.write_what_waits(self.succeed(), &mut rounds);
        }
        // Also behind the last look: somebody may have left a line since then, and found the writer still there.
        while !lock(&self.waiting).is_done()
            && let Some(writer) = self.writer_if_free()
        {
            self.write_what_waits(writer, &mut rounds);
        }
    }

    /// Leaves a line. Returns whether its thread has to wait and write: it has been asked to, or there is too much.
    fn leave(&self, line: &str) -> bool {
        let mut waiting = lock(&self.waiting);
        waiting.lines.extend_from_slice(line.as_bytes());
        let succeeds = waiting.needs_successor || waiting.lines.len() > WAITING;
        if succeeds {
            waiting.needs_successor = false;
            waiting.successors += 1;
        }
        succeeds
    }

    /// Waits until whoever writes has ended.
    fn succeed(&self) -> MutexGuard<'_, Writer> {
        let writer = lock(&self.writer);
        lock(&self.waiting).successors -= 1;
        writer
    }

    fn writer_if_free(&self) -> Option<MutexGuard<'_, Writer>> {
        match self.writer.try_lock() {
            Ok(writer) => Some(writer),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Writes until nothing waits, or until somebody waits to go on with it.
    fn write_what_waits(&self, mut writer: MutexGuard<'_, Writer>, rounds: &mut usize) {
        let Writer { output, lines } = &mut *writer;
        loop {
            lines.clear();
            {
                let mut waiting = lock(&self.waiting);
                if waiting.lines.is_empty() || (*rounds > 0 && waiting.successors > 0) {
                    return;
                }
                *rounds += 1;
                waiting.needs_successor |= *rounds >= ROUNDS;
                std::mem::swap(lines, &mut waiting.lines);
            }
            let _ = output.write_all(lines).and_then(|()| output.flush());
        }
    }
}

impl Waiting {
    /// Whether nothing waits, or somebody waits to write it.
    fn is_done(&self) -> bool {
        self.lines.is_empty() || self.successors > 0
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Barrier, OnceLock};
    use std::thread::{self, Builder, JoinHandle, ThreadId};
    use std::time::{Duration, Instant};

    use super::*;

    /// Notes each write. The first one waits for a barrier twice: when it has begun, and before it ends.
    #[derive(Clone)]
    struct Slow {
        writes: Arc<Mutex<Vec<String>>>,
        barrier: Arc<Barrier>,
    }

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let is_first = {
                let mut writes = lock(&self.writes);
                writes.push(String::from_utf8(bytes.to_vec()).unwrap());
                writes.len() == 1
            };
            if is_first {
                self.barrier.wait();
                self.barrier.wait();
            }
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn who_finds_it_busy_leaves_the_line_and_goes_on_and_the_writer_writes_all_at_once() {
        let slow = Slow { writes: Arc::default(), barrier: Arc::new(Barrier::new(2)) };
        let output = LogOutput::new(slow.clone());
        thread::scope(|scope| {
            scope.spawn(|| output.write("one\n"));
            slow.barrier.wait();
            // The writer is stuck, and nobody has to wait for it.
            output.write("two\n");
            output.write("three\n");
            assert_eq!(*lock(&slow.writes), ["one\n"]);
            slow.barrier.wait();
        });
        assert_eq!(*lock(&slow.writes), ["one\n", "two\nthree\n"]);
    }

    /// Whoever writes finds another line after each call, for a hundred calls. Once it went on until there was none, and
    /// its own client waited all that time.
    #[test]
    fn whoever_writes_is_relieved_after_a_few_calls_as_long_as_others_add_lines() {
        /// Each call, by which thread and what. Before it ends, a new thread leaves the next line.
        #[derive(Clone, Default)]
        struct Crowded {
            output: Arc<OnceLock<LogOutput>>,
            calls: Arc<Mutex<Vec<(ThreadId, String)>>>,
            threads: Arc<Mutex<Vec<JoinHandle<()>>>>,
            padding: usize,
        }

        const LINES: usize = 100;

        impl Crowded {
            fn leave_line(&self, number: usize) {
                let (output, padding) = (Arc::clone(&self.output), "x".repeat(self.padding));
                let write = move || output.get().unwrap().write(&format!("{number} {padding}\n"));
                let thread = Builder::new().name(format!("line {number}")).spawn(write).unwrap();
                lock(&self.threads).push(thread);
            }
        }

        impl Write for Crowded {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                let text = String::from_utf8(bytes.to_vec()).unwrap();
                let number = {
                    let mut calls = lock(&self.calls);
                    calls.push((thread::current().id(), text));
                    calls.len()
                };
                if number < LINES {
                    self.leave_line(number);
                    let end = Instant::now() + Duration::from_secs(20);
                    while lock(&self.output.get().unwrap().waiting).lines.is_empty() {
                        assert!(Instant::now() < end, "waited for line {number}");
                        thread::yield_now();
                    }
                }
                Ok(bytes.len())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }

        // Lines of a usual length, and lines of which one is more than may wait.
        for (padding, most) in [(10, ROUNDS), (WAITING, 1)] {
            let crowded = Crowded { padding, ..Crowded::default() };
            let _ = crowded.output.set(LogOutput::new(crowded.clone()));
            crowded.leave_line(0);
            while let Some(thread) = { lock(&crowded.threads).pop() } {
                thread.join().unwrap();
            }
            let calls = lock(&crowded.calls);
            let numbers: Vec<_> =
                calls.iter().map(|(_, text)| text.split(' ').next().unwrap()).collect();
            let expected: Vec<_> = (0..LINES).map(|number| number.to_string()).collect();
            assert_eq!(numbers, expected, "each line once, and each by a call of its own");
            for (writer, _) in calls.iter() {
                let count = calls.iter().filter(|(other, _)| other == writer).count();
                assert!(count <= most, "{count} calls by one thread; padding {padding}");
            }
        }
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
                lock(&self.0).extend_from_slice(&bytes[..count]);
                Ok(count)
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }

        let bytes = Bytes::default();
        let output = LogOutput::new(bytes.clone());
        thread::scope(|scope| {
            for name in ["a", "b", "c", "d"] {
                let output = &output;
                scope.spawn(move || (0..500).for_each(|i| output.write(&format!("{name}{i}\n"))));
            }
        });
        let text = String::from_utf8(lock(&bytes.0).clone()).unwrap();
        for name in ["a", "b", "c", "d"] {
            let lines: Vec<_> = text.lines().filter(|line| line.starts_with(name)).collect();
            let expected: Vec<_> = (0..500).map(|i| format!("{name}{i}")).collect();
            assert_eq!(lines, expected, "in the order of their thread");
        }
        assert_eq!(text.lines().count(), 2000);
    }

    #[test]
    fn an_output_that_fails_costs_its_lines_and_nothing_else() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let output = LogOutput::new(Full);
        output.write("lost\n");
        output.write("lost as well\n");
        assert!(lock(&output.waiting).lines.is_empty());
    }

    #[test]
    fn who_is_asked_to_succeed_is_asked_alone_and_others_leave_the_lines_to_it() {
        let output = LogOutput::new(io::sink());
        assert!(!output.leave("one\n"), "nobody has asked");
        lock(&output.waiting).needs_successor = true;
        assert!(output.leave("two\n"));
        assert!(!output.leave("three\n"));
        // The lines are not left to it for ever.
        assert!(lock(&output.waiting).is_done());
        drop(output.succeed());
        assert!(!lock(&output.waiting).is_done());
    }

    #[test]
    fn what_has_been_written_is_not_kept_in_a_buffer() {
        #[derive(Clone, Default)]
        struct Buffered(Arc<Mutex<(String, String)>>);

        impl Write for Buffered {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                lock(&self.0).0.push_str(std::str::from_utf8(bytes).unwrap());
                Ok(bytes.len())
            }

            fn flush(&mut self) -> io::Result<()> {
                let (buffer, written) = &mut *lock(&self.0);
                written.push_str(&std::mem::take(buffer));
                Ok(())
            }
        }

        let buffered = Buffered::default();
        let output = LogOutput::new(buffered.clone());
        for line in ["one\n", "two\n"] {
            output.write(line);
        }
        assert_eq!(*lock(&buffered.0), (String::new(), "one\ntwo\n".to_string()));
    }
}
