//! The worker pool: the threads that run steps, and the state that they share.
//!
//! A thread needs a permit, which is a [scheduler slot](super::permit), to wait for events or to
//! begin a step. A thread without one either finishes a step that outlasted its permit, such as a
//! handler that blocks, or sleeps as a standby worker until a permit is handed to it.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::admission::Admission;
use super::parker::Parker;
use super::permit::{Permit, ThreadId};
use super::poller::{Poll, Poller, Ready, Token};
use super::shedder::{self, SHEDDER};
use super::stderr::log_stderr;
use super::sync::{Mutex, lock};
use super::watchdog::{self, IDLE_TICK};
use super::worker;

/// The size of the worker pool: the numbers of permits and threads, and the stall timeout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolConfig {
    /// The number of threads that wait for events and run steps at the same time, by default one
    /// for each core.
    pub permits: u32,
    /// The maximum number of threads that run handlers. The threads in excess of the permits are
    /// for handlers that block.
    pub threads: u32,
    /// The time for which every permit may be stalled, with all threads in use, before requests are
    /// rejected with 503.
    pub stall_timeout: Duration,
}

impl PoolConfig {
    /// Returns the number of handlers that may read large bodies at the same time. Each of them may
    /// hold a thread until its client sends, so they get half of the threads that are for handlers
    /// that block.
    pub fn upload_slots(self) -> u32 {
        (self.threads.saturating_sub(self.permits) / 2).max(1)
    }
}

impl Default for PoolConfig {
    fn default() -> PoolConfig {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let cores = u32::try_from(cores).unwrap_or(1);
        PoolConfig {
            permits: cores,
            threads: cores + 32,
            stall_timeout: Duration::from_millis(500),
        }
    }
}

/// The work that the threads do.
pub trait Work: Send + Sync + 'static {
    /// The state that a thread keeps from one step to the next, such as a buffer.
    type Scratch: Default;

    /// Runs one step of a connection whose socket is ready. No other thread has received this
    /// event.
    fn ready(&self, token: Token, scratch: &mut Self::Scratch, admission: Admission);

    /// Arms a socket again when the thread cannot handle its event, so that the event is reported
    /// to another thread.
    fn rearm(&self, token: Token);

    /// Checks the timers. The watchdog calls this every 5 to 50 milliseconds.
    fn tick(&self, now: Instant);

    /// Returns the number of open connections. A worker with many yields its core less often.
    fn open_connections(&self) -> usize {
        0
    }
}

/// The running threads of the pool.
pub struct Workers<W: Work> {
    pool: Arc<Pool<W>>,
    watchdog: JoinHandle<()>,
}

/// The state that the threads share.
pub(super) struct Pool<W> {
    pub(super) work: Arc<W>,
    pub(super) poller: Arc<Poller>,
    pub(super) config: PoolConfig,
    pub(super) permits: Vec<Permit>,
    /// The parkers of all workers.
    pub(super) parkers: Mutex<Vec<Arc<Parker>>>,
    /// The parkers of the workers that hold no permit and are not in a handler.
    pub(super) standbys: Mutex<Vec<Arc<Parker>>>,
    pub(super) shedder: Arc<Parker>,
    /// The number of workers.
    threads: AtomicU32,
    /// The largest id so far. No id is reused, not even the id of a thread that could not be
    /// spawned.
    last_id: AtomicU32,
    /// The number of threads that have ended, including the shedder.
    ended: AtomicU32,
    pub(super) stopped: AtomicBool,
}

impl<W: Work> Workers<W> {
    /// Starts the threads.
    ///
    /// # Errors
    /// Returns an error when the OS cannot spawn a thread.
    pub fn start(config: PoolConfig, poller: Arc<Poller>, work: Arc<W>) -> io::Result<Workers<W>> {
        let pool = Arc::new(Pool::new(config, poller, work));
        match Pool::start(&pool) {
            Ok(watchdog) => Ok(Workers { pool, watchdog }),
            Err(error) => {
                pool.stop(); // the threads that have been spawned
                Err(error)
            }
        }
    }

    /// Returns the number of workers, without the shedder and the watchdog.
    pub fn threads(&self) -> u32 {
        self.pool.threads.load(Ordering::Relaxed)
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

impl<W: Work> Pool<W> {
    /// Creates a pool without threads.
    pub(super) fn new(config: PoolConfig, poller: Arc<Poller>, work: Arc<W>) -> Pool<W> {
        let permits = config.permits.max(1);
        Pool {
            work,
            poller,
            config: PoolConfig { permits, threads: config.threads.max(permits), ..config },
            // The first workers get the ids from 1, and one permit each.
            permits: (1..=permits).map(Permit::new).collect(),
            parkers: Mutex::new(Vec::new()),
            standbys: Mutex::new(Vec::new()),
            shedder: Parker::new(SHEDDER),
            threads: AtomicU32::new(0),
            last_id: AtomicU32::new(SHEDDER),
            ended: AtomicU32::new(0),
            stopped: AtomicBool::new(false),
        }
    }

    /// Spawns the threads, and then hands out the permits. The order matters: a running worker may
    /// need another worker at once, which must not get an id that a permit has as its first owner.
    fn start(pool: &Arc<Pool<W>>) -> io::Result<JoinHandle<()>> {
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

    /// Stops all threads, each after its current step.
    fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.poller.shutdown();
        for parker in lock(&self.parkers).iter().chain([&self.shedder]) {
            parker.wake_to_stop();
        }
    }

    /// Spawns a worker, unless the maximum number of workers is reached.
    pub(super) fn spawn_worker(pool: &Arc<Pool<W>>) -> io::Result<Arc<Parker>> {
        let one_more = |threads| (threads < pool.config.threads).then_some(threads + 1);
        pool.threads
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more)
            .map_err(|_| io::Error::other("all threads are in use"))?;
        let id = pool.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let parker = Parker::new(id);
        // The parker is in the list before the thread starts, so that `stop` finds it there.
        lock(&pool.parkers).push(Arc::clone(&parker));
        let own = Arc::clone(&parker);
        let spawned =
            Pool::spawn(pool, format!("worker-{id}"), move |pool| worker::run(pool, &own));
        if spawned.is_err() {
            lock(&pool.parkers).retain(|other| other.id != id);
            pool.threads.fetch_sub(1, Ordering::AcqRel);
        }
        spawned.map(|()| parker)
    }

    fn spawn(
        pool: &Arc<Pool<W>>,
        name: String,
        run: impl FnOnce(&Arc<Pool<W>>) + Send + 'static,
    ) -> io::Result<()> {
        let pool = Arc::clone(pool);
        thread::Builder::new().name(name).spawn(move || {
            run(&pool);
            pool.ended.fetch_add(1, Ordering::Release);
        })?;
        Ok(())
    }

    /// Runs one step, and catches its panics.
    pub(super) fn step(&self, token: Token, scratch: &mut W::Scratch, admission: Admission) {
        let step = AssertUnwindSafe(|| self.work.ready(token, scratch, admission));
        // A handler's panic is caught further inside. A panic that arrives here is a bug of the
        // server. It ends the connection, which unwinding drops, but not the thread.
        let _ = catch_unwind(step);
    }

    /// Adds events to the batch of a permit that `thread` holds.
    pub(super) fn add_ready(
        &self,
        index: usize,
        thread: ThreadId,
        ready: &Ready,
        waited: io::Result<()>,
    ) {
        match waited {
            Ok(()) => self.permits[index].add(thread, ready.tokens()),
            Err(error) => {
                log_stderr(format_args!("waiting for sockets: {error}"));
                thread::sleep(IDLE_TICK); // avoids a busy loop if every wait fails
            }
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::io::Write;
    use std::sync::mpsc::{Sender, channel};

    use super::*;
    use crate::core::Interest;
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
            assert_eq!(workers.threads(), expected, "{permits} permits, {threads} threads");
            assert_eq!(workers.stop(LONG), 0);
        }
    }

    #[test]
    fn a_thread_that_was_not_needed_becomes_a_standby_worker() {
        let workers = start(1, 3);
        for _ in 0..3 {
            // No step has this epoch, so the permit stays.
            assert!(Pool::hand_off(&workers.pool, 0, 1_000_001));
            assert_eq!((workers.threads(), lock(&workers.pool.standbys).len()), (2, 1));
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
