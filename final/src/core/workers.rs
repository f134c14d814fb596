//! Starts and stops the threads of the worker pool.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::poller::Poller;
use super::sync::lock;
use super::worker_pool::{Pool, PoolConfig, Work};
use super::{shedder, watchdog, worker};

/// The running threads of the pool.
pub struct Workers<W: Work> {
    pool: Arc<Pool<W>>,
    watchdog: JoinHandle<()>,
}

impl<W: Work> Workers<W> {
    /// Starts the threads.
    ///
    /// # Errors
    /// Returns an error when the OS cannot spawn a thread.
    pub fn start(config: PoolConfig, poller: Arc<Poller>, work: Arc<W>) -> io::Result<Workers<W>> {
        let pool = Arc::new(Pool::new(config, poller, work, worker::run));
        match Workers::start_threads(&pool) {
            Ok(watchdog) => Ok(Workers { pool, watchdog }),
            Err(error) => {
                pool.stop(); // the threads that have been spawned
                Err(error)
            }
        }
    }

    /// Spawns the threads, and then hands out the permits. The order matters: a running worker may
    /// need another worker at once, which must not get an id that a permit has as its first owner.
    fn start_threads(pool: &Arc<Pool<W>>) -> io::Result<JoinHandle<()>> {
        // The shedder is spawned at startup, because spawning may fail later when resources are
        // exhausted.
        Pool::spawn(pool, "shedder".to_string(), shedder::run)?;
        for _ in 0..pool.config.permits {
            Pool::spawn_worker(pool)?;
        }
        let watched = Arc::clone(pool);
        let watchdog = thread::Builder::new()
            .name("watchdog".to_string())
            .spawn(move || watchdog::run(&watched))?;
        for (permit, parker) in lock(&pool.parkers).iter().enumerate() {
            parker.give(permit);
        }
        Ok(watchdog)
    }

    /// Stops the threads, and waits for at most `timeout` until they have ended. Returns the number
    /// of threads that are still in a handler; they continue to run.
    pub fn stop(self, timeout: Duration) -> u32 {
        self.pool.stop();
        let Workers { pool, watchdog } = self;
        // If the watchdog has panicked, the other threads still end.
        let _ = watchdog.join();
        let deadline = Instant::now() + timeout;
        loop {
            // `ended` is read first, so that a thread which is spawned in between counts as
            // running.
            let ended = pool.ended.load(Ordering::Acquire);
            let left = pool.threads.load(Ordering::Acquire) + 1 - ended;
            if left == 0 || Instant::now() >= deadline {
                return left;
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::io::Write;
    use std::sync::Mutex;
    use std::sync::mpsc::{Sender, channel};

    use super::*;
    use crate::core::admission::Admission;
    use crate::core::poller::{Interest, Poll, Token};
    use crate::core::system::{Stream, pair, receive};

    struct NoWork;

    impl Work for NoWork {
        type Scratch = ();

        fn ready(&self, _: Token, (): &mut (), _: Admission) {}

        fn rearm(&self, _: Token) {}

        fn tick(&self, _: Instant) {}
    }

    const LONG: Duration = Duration::from_secs(20);

    fn start(permits: u32, threads: u32) -> Workers<NoWork> {
        let poller = Arc::new(Poller::new().unwrap());
        Workers::start(
            PoolConfig { permits, threads, stall_timeout: LONG },
            poller,
            Arc::new(NoWork),
        )
        .unwrap()
    }

    #[test]
    fn there_is_a_thread_for_each_permit_and_at_least_one() {
        for (permits, threads, expected) in [(2, 5, 2), (3, 1, 3), (0, 0, 1)] {
            let workers = start(permits, threads);
            let spawned = workers.pool.threads.load(Ordering::Relaxed);
            assert_eq!(spawned, expected, "{permits} permits, {threads} threads");
            assert_eq!(workers.stop(LONG), 0);
        }
    }

    #[test]
    fn a_thread_that_was_not_needed_becomes_a_standby_worker() {
        let workers = start(1, 3);
        for _ in 0..3 {
            // No step has this epoch, so the permit stays.
            assert!(Pool::hand_off(&workers.pool, 0, 1_000_001));
            let spawned = workers.pool.threads.load(Ordering::Relaxed);
            assert_eq!((spawned, lock(&workers.pool.standbys).len()), (2, 1));
        }
        assert_eq!(workers.stop(LONG), 0);
    }

    /// Work whose steps each send a message and then panic.
    struct Panics {
        poller: Arc<Poller>,
        stream: Mutex<Stream>,
        stepped: Mutex<Sender<()>>,
    }

    impl Work for Panics {
        type Scratch = ();

        fn ready(&self, token: Token, (): &mut (), _: Admission) {
            let stream = lock(&self.stream);
            if receive(&stream, &mut Vec::with_capacity(1)).is_err() {
                return; // a spurious wake-up
            }
            self.poller.arm(&*stream, token, Interest::Read).unwrap();
            drop(stream);
            lock(&self.stepped).send(()).unwrap();
            panic!("this panic is expected");
        }

        fn rearm(&self, _: Token) {}

        fn tick(&self, _: Instant) {}
    }

    #[test]
    fn a_panic_in_a_step_does_not_end_its_thread() {
        let (mut client, server) = pair().unwrap();
        let poller = Arc::new(Poller::new().unwrap());
        poller.add(&server, Token(7), Interest::Read).unwrap();
        let (send, stepped) = channel();
        let (stream, send) = (Mutex::new(server), Mutex::new(send));
        let work = Arc::new(Panics { poller: Arc::clone(&poller), stream, stepped: send });
        let config = PoolConfig { permits: 1, threads: 1, stall_timeout: LONG };
        let workers = Workers::start(config, poller, work).unwrap();
        for _ in 0..3 {
            client.write_all(b"x").unwrap();
            stepped.recv_timeout(LONG).expect("the thread has not ended");
        }
        assert_eq!(workers.stop(LONG), 0);
    }
}
