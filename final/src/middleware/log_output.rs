//! Where the lines of a log go, from many threads at the same time, with none of them waiting for another.

use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

/// Lines that may wait for whoever writes, in bytes. Beyond that a thread waits as well: what takes the log is slower
/// than what is logged, and memory is no place to hide that.
const WAITING: usize = 64 * 1024;

/// An output that is written by one thread at a time.
///
/// A thread that finds it free writes its line at once. One that finds it busy leaves its line and goes on: whoever
/// writes looks afterwards what was left, and writes all of it by one call. So under load there are fewer calls than
/// lines, and no thread sleeps because of another one's. (Databases call this a group commit.)
pub struct LogOutput {
    waiting: Mutex<Vec<u8>>,
    writer: Mutex<Writer>,
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
        let is_much = {
            let mut waiting = lock(&self.waiting);
            waiting.extend_from_slice(line.as_bytes());
            waiting.len() > WAITING
        };
        loop {
            let writer = match self.writer.try_lock() {
                Ok(writer) => writer,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) if is_much => lock(&self.writer),
                Err(TryLockError::WouldBlock) => return,
            };
            self.write_all_that_waits(writer);
            // Somebody may have left a line since the last look, and found the writer still there.
            if lock(&self.waiting).is_empty() {
                return;
            }
        }
    }

    fn write_all_that_waits(&self, mut writer: MutexGuard<'_, Writer>) {
        let Writer { output, lines } = &mut *writer;
        loop {
            lines.clear();
            std::mem::swap(lines, &mut *lock(&self.waiting));
            if lines.is_empty() {
                return;
            }
            let _ = output.write_all(lines).and_then(|()| output.flush());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Barrier};
    use std::thread;

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
        assert!(lock(&output.waiting).is_empty());
    }
}
