//! The worker pool: the state that its threads share. [`Workers`](super::Workers) starts and stops
//! the threads.
//!
//! A thread needs a permit, which is a [scheduler slot](super::permit), to wait for events or to
//! begin a step. A thread without one either finishes a step that outlasted its permit, such as a
//! handler that blocks, or sleeps as a standby worker until a permit is handed to it.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::admission::Admission;
use super::parker::Parker;
use super::permit::{Permit, ThreadId};
use super::poller::{Poll, Poller, Ready, Token};
use super::stderr::log_stderr;
use super::sync::{Mutex, lock};

/// The shedder's thread id. The ids of the workers start at 1.
pub(super) const SHEDDER: ThreadId = 0;

/// The pause after a failed wait for events, which avoids a busy loop if every wait fails.
const ERROR_PAUSE: Duration = Duration::from_millis(50);

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

/// The function that a worker runs until the pool is stopped.
pub(super) type RunWorker<W> = fn(&Arc<Pool<W>>, &Arc<Parker>);

/// The state that the threads share.
pub(super) struct Pool<W> {
    pub(super) work: Arc<W>,
    /// The function that each worker runs. It is passed in, because it calls the pool: two files
    /// that call each other could not be read one after the other.
    run_worker: RunWorker<W>,
    pub(super) poller: Arc<Poller>,
    pub(super) config: PoolConfig,
    pub(super) permits: Vec<Permit>,
    pub(super) parkers: Mutex<Vec<Arc<Parker>>>,
    /// The parkers of the workers that hold no permit and are not in a handler.
    pub(super) standbys: Mutex<Vec<Arc<Parker>>>,
    pub(super) shedder: Arc<Parker>,
    pub(super) threads: AtomicU32,
    /// The largest id so far. No id is reused, not even the id of a thread that could not be
    /// spawned.
    last_id: AtomicU32,
    /// The number of threads that have ended, including the shedder.
    pub(super) ended: AtomicU32,
    pub(super) stopped: AtomicBool,
}

impl<W: Work> Pool<W> {
    pub(super) fn new(
        config: PoolConfig,
        poller: Arc<Poller>,
        work: Arc<W>,
        run_worker: RunWorker<W>,
    ) -> Pool<W> {
        let permits = config.permits.max(1);
        Pool {
            work,
            run_worker,
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

    /// Stops all threads, each after its current step.
    pub(super) fn stop(&self) {
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
            Pool::spawn(pool, format!("worker-{id}"), move |pool| (pool.run_worker)(pool, &own));
        if spawned.is_err() {
            lock(&pool.parkers).retain(|other| other.id != id);
            pool.threads.fetch_sub(1, Ordering::AcqRel);
        }
        spawned.map(|()| parker)
    }

    /// Spawns a thread that is counted when it has ended.
    pub(super) fn spawn(
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
        // A handler's panic is caught further inside. A panic that arrives here is a bug in the
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
                thread::sleep(ERROR_PAUSE);
            }
        }
    }
}
