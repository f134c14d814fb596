//! The threads: as many awake as there are permits, and others that wait to take over.

use std::cell::{OnceCell, RefCell};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::permit::{NextTask, Permit, ThreadId};
use super::poller::{Poll, Poller, Ready, Token};
use super::progress_watch::ProgressWatch;
use super::stderr::log_stderr;

/// How many ready sockets a thread is told of at a time. Few, so that others get some as well.
const BATCH: usize = 16;

/// With so many at a time there is a crowd, and the next ones are on their way.
const FULL_BATCH: usize = 4;

/// A thread that has had so many sockets without a pause offers its core to others. Whoever waits for the core would
/// otherwise get it when the thread's slice of time is over, after milliseconds.
const SOCKETS_BEFORE_YIELD: usize = 64;

/// After so many of them in batches that were all full the crowd is large. Then clients wait for us, and not for the core.
const FULL_BATCHES_BEFORE_YIELD: usize = 256;

/// How often the monitor looks while something is running. A turn that is still running at the second look is
/// stuck. At 2 ms a thread that was only not scheduled looks stuck; at 20 ms everybody waits too long.
const TICK: Duration = Duration::from_millis(5);

/// How often it looks while handlers block: where a turn has just been stuck, the next one that is still running after
/// a moment will be too, and everybody waits less.
const FAST_TICK: Duration = Duration::from_millis(1);

/// How long it expects that.
const FAST_WINDOW: Duration = Duration::from_millis(200);

/// How often it looks when nothing happens.
const IDLE_TICK: Duration = Duration::from_millis(50);

/// How long the reserve waits for the kernel before it looks whether it is still needed.
const SHEDDER_WAIT: Duration = Duration::from_millis(20);

/// How many threads there are, and how many of them are awake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolConfig {
    /// Threads that wait for the kernel and run what is ready: one a core.
    pub permits: u32,
    /// Threads at most. All beyond the permits are for handlers that block.
    pub threads: u32,
    /// How long everything may be stuck, with all threads in use, before new requests are refused.
    pub patience: Duration,
}

impl PoolConfig {
    /// How many bodies may be read by their handlers at the same time. Each may hold a thread until its client sends, so
    /// they get half of the threads that are for handlers that block.
    pub fn upload_slots(self) -> u32 {
        (self.threads.saturating_sub(self.permits) / 2).max(1)
    }
}

impl Default for PoolConfig {
    fn default() -> PoolConfig {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let cores = u32::try_from(cores).unwrap_or(1);
        PoolConfig { permits: cores, threads: cores + 32, patience: Duration::from_millis(500) }
    }
}

/// Whether there is a thread for a handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// There is: this one.
    Serve,
    /// All threads are in handlers that block. This is the reserve, which says so to those who come.
    Shed,
}

/// What the threads do.
pub trait Work: Send + Sync + 'static {
    /// What a thread keeps from turn to turn, such as a buffer.
    type Scratch: Default;

    /// A socket is ready, and this thread is the only one that knows.
    fn ready(&self, token: Token, scratch: &mut Self::Scratch, admission: Admission);

    /// A thread was told that this socket is ready, and cannot come to it: somebody else must be told.
    fn rearm(&self, token: Token);

    /// Called every 1 to 50 milliseconds, for what has to happen without anybody being ready.
    fn tick(&self, now: Instant);
}

/// What a thread has done since it last offered its core.
#[derive(Debug, Default)]
struct YieldBudget {
    sockets: usize,
    /// Sockets in full batches, one after the other.
    crowd: usize,
}

/// The threads, running.
pub struct Workers<W: Work> {
    shared: Arc<PoolShared<W>>,
    watchdog: JoinHandle<()>,
}

struct PoolShared<W> {
    work: Arc<W>,
    poller: Arc<Poller>,
    permits: Vec<Permit>,
    /// All of the threads for handlers.
    parkers: Mutex<Vec<Arc<Parker>>>,
    standbys: Mutex<Vec<Arc<Parker>>>,
    shedder: Arc<Parker>,
    threads: AtomicU32,
    /// Threads that could be had, and those that could not. Each has a number of its own.
    numbers: AtomicU32,
    ended: AtomicU32,
    most: u32,
    patience: Duration,
    stopped: AtomicBool,
}

/// Where a thread without a permit sits.
#[derive(Debug)]
struct Parker {
    id: ThreadId,
    /// The number of the permit that it has been given.
    given: Mutex<Option<usize>>,
    changed: Condvar,
    /// Whether its thread's permit was taken away, since somebody asked.
    preempted: AtomicBool,
}

/// The reserve is a thread from the beginning, so that nothing has to be had when there is nothing.
const SHEDDER: ThreadId = 0;

impl Parker {
    fn new(id: ThreadId) -> Arc<Parker> {
        let (given, changed) = (Mutex::new(None), Condvar::new());
        Arc::new(Parker { id, given, changed, preempted: AtomicBool::new(false) })
    }

    fn give(&self, permit: usize) {
        *self.given.lock().unwrap_or_else(PoisonError::into_inner) = Some(permit);
        self.changed.notify_one();
    }

    /// Sleeps until there is a permit, or the end.
    fn wait(&self, stopped: &AtomicBool) -> Option<usize> {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if stopped.load(Ordering::Acquire) {
                return None;
            }
            if let Some(permit) = given.take() {
                return Some(permit);
            }
            given = self.changed.wait(given).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

thread_local! {
    /// Gives this thread's permit away.
    static HAND_OFF: RefCell<Option<Rc<dyn Fn() -> bool>>> = const { RefCell::new(None) };

    /// Where this thread sits.
    static PARKER: OnceCell<Arc<Parker>> = const { OnceCell::new() };
}

/// Whether this thread was found stuck, and its permit taken away, since this was last asked.
pub(super) fn was_preempted() -> bool {
    PARKER.with(|parker| {
        let preempted = parker.get().map(|parker| &parker.preempted);
        // Looked at before it is written: almost always there is nothing to write.
        preempted.is_some_and(|it| it.load(Ordering::Acquire) && it.swap(false, Ordering::Acquire))
    })
}

/// Runs what is known to block: a query, a file on a slow disk, a call to another service.
///
/// Works without it as well; then the monitor notices after five to ten milliseconds as a rule, up to 55 after a quiet
/// while, and one or two right after another thread was stuck. With it, the thread's permit goes to another thread at
/// once. Outside of a server's thread it just runs.
pub fn blocking<T>(work: impl FnOnce() -> T) -> T {
    hand_off_permit();
    work()
}

/// Gives this thread's permit to another thread, until the request is answered. Returns whether it had one to give, and
/// there was somebody to take it.
pub fn hand_off_permit() -> bool {
    let hand_off = HAND_OFF.with(|cell| cell.borrow().clone());
    hand_off.is_some_and(|hand_off| hand_off())
}

impl<W: Work> Workers<W> {
    /// Starts the threads.
    ///
    /// # Errors
    /// When the system has no threads for us.
    pub fn start(size: PoolConfig, poller: Arc<Poller>, work: Arc<W>) -> io::Result<Workers<W>> {
        let permits = size.permits.max(1);
        let shared = Arc::new(PoolShared {
            work,
            poller,
            // The first threads are numbered from 1, and each begins with a permit.
            permits: (1..=permits).map(Permit::new).collect(),
            parkers: Mutex::new(Vec::new()),
            standbys: Mutex::new(Vec::new()),
            shedder: Parker::new(SHEDDER),
            threads: AtomicU32::new(0),
            numbers: AtomicU32::new(SHEDDER),
            ended: AtomicU32::new(0),
            most: size.threads.max(permits),
            patience: size.patience,
            stopped: AtomicBool::new(false),
        });
        match PoolShared::start(&shared, permits) {
            Ok(watchdog) => Ok(Workers { shared, watchdog }),
            Err(error) => {
                shared.end(); // those that there are
                Err(error)
            }
        }
    }

    /// How many threads there are for handlers.
    pub fn threads(&self) -> u32 {
        self.shared.threads.load(Ordering::Relaxed)
    }

    /// Ends the threads, and waits for them for at most `patience`. Returns how many are still in a handler:
    /// those are left behind.
    pub fn stop(self, patience: Duration) -> u32 {
        self.shared.end();
        let Workers { shared, watchdog } = self;
        // Should it have panicked, everything ends here all the same.
        let _ = watchdog.join();
        let deadline = Instant::now() + patience;
        loop {
            // In this order: one that begins in between is counted as there.
            let ended = shared.ended.load(Ordering::Acquire);
            let left = shared.threads.load(Ordering::Acquire) + 1 - ended;
            if left == 0 || Instant::now() >= deadline {
                return left;
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl<W: Work> PoolShared<W> {
    /// Starts the threads. No worker has a permit before all of them are there: one that works may need another thread,
    /// and the first ones, whose numbers the permits have, must not be taken for that.
    fn start(shared: &Arc<PoolShared<W>>, permits: u32) -> io::Result<JoinHandle<()>> {
        PoolShared::spawn(shared, Arc::clone(&shared.shedder), "shedder".to_string())?;
        for _ in 0..permits {
            PoolShared::spawn_worker(shared)?;
        }
        let watched = Arc::clone(shared);
        let watchdog = thread::Builder::new()
            .name("watchdog".to_string())
            .spawn(move || PoolShared::watchdog(&watched))?;
        for (permit, parker) in lock(&shared.parkers).iter().enumerate() {
            parker.give(permit);
        }
        Ok(watchdog)
    }

    /// Tells all threads that it is over.
    fn end(&self) {
        self.stopped.store(true, Ordering::Release);
        self.poller.wake_for_ever();
        for parker in lock(&self.parkers).iter().chain([&self.shedder]) {
            // Under the lock: a thread that is about to sleep has either seen the flag, or hears this.
            let _given = parker.given.lock().unwrap_or_else(PoisonError::into_inner);
            parker.changed.notify_one();
        }
    }

    /// One more thread, if there may be one more.
    fn spawn_worker(shared: &Arc<PoolShared<W>>) -> io::Result<Arc<Parker>> {
        let one_more = |threads| (threads < shared.most).then_some(threads + 1);
        shared
            .threads
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more)
            .map_err(|_| io::Error::other("there are as many threads as there may be"))?;
        let id = shared.numbers.fetch_add(1, Ordering::Relaxed) + 1;
        let parker = Parker::new(id);
        // In the list before it begins, so that whoever ends all of them finds it there.
        lock(&shared.parkers).push(Arc::clone(&parker));
        let spawned = PoolShared::spawn(shared, Arc::clone(&parker), format!("worker-{id}"));
        if spawned.is_err() {
            lock(&shared.parkers).retain(|other| other.id != id);
            shared.threads.fetch_sub(1, Ordering::AcqRel);
        }
        spawned.map(|()| parker)
    }

    fn spawn(shared: &Arc<PoolShared<W>>, parker: Arc<Parker>, name: String) -> io::Result<()> {
        let shared = Arc::clone(shared);
        thread::Builder::new().name(name).spawn(move || {
            PoolShared::run(&shared, &parker);
            HAND_OFF.with(|cell| cell.borrow_mut().take());
            shared.ended.fetch_add(1, Ordering::Release);
        })?;
        Ok(())
    }

    /// The life of a thread.
    fn run(shared: &Arc<PoolShared<W>>, parker: &Arc<Parker>) {
        let mut scratch = W::Scratch::default();
        let mut ready = Ready::with_capacity(BATCH);
        let mut budget = YieldBudget::default();
        PARKER.with(|cell| cell.set(Arc::clone(parker)).expect("a thread sits down once"));
        let is_shedder = parker.id == SHEDDER;
        let (admission, time) = if is_shedder {
            (Admission::Shed, Some(SHEDDER_WAIT))
        } else {
            (Admission::Serve, None)
        };
        while let Some(number) = parker.wait(&shared.stopped) {
            let permit = &shared.permits[number];
            let mut watch = ProgressWatch::begin(shared.epochs_except(number));
            was_preempted();
            if !is_shedder {
                let (shared, id) = (Arc::downgrade(shared), parker.id);
                let hand_off: Rc<dyn Fn() -> bool> = Rc::new(move || {
                    let Some(shared) = shared.upgrade() else { return false };
                    let Some(epoch) = shared.permits[number].epoch_of(id) else { return false };
                    let has_given = PoolShared::hand_off(&shared, number, epoch);
                    was_preempted(); // by itself, so it is no news
                    has_given
                });
                HAND_OFF.with(|cell| *cell.borrow_mut() = Some(hand_off));
            }
            loop {
                match permit.next(parker.id) {
                    NextTask::Run(token) => {
                        let run = || shared.work.ready(token, &mut scratch, admission);
                        // A panic in a handler is caught further inside. This one is our own mistake, and
                        // costs the connection: it is dropped with its owner.
                        let _ = catch_unwind(AssertUnwindSafe(run));
                    }
                    NextTask::Wait if shared.stopped.load(Ordering::Acquire) => return,
                    // The reserve gives its permit back as soon as somebody can do better.
                    NextTask::Wait if is_shedder && shared.give_back(number) => break,
                    // And it keeps out of the way of who serves by now.
                    NextTask::Wait
                        if is_shedder
                            && watch.sees_work(
                                shared.epochs_except(number),
                                Instant::now(),
                                shared.patience,
                            ) =>
                    {
                        thread::sleep(TICK);
                    }
                    NextTask::Wait if shared.steal(number, parker.id) => {}
                    NextTask::Wait => match shared.wait(&mut ready, time, &mut budget) {
                        Ok(()) => permit.add(parker.id, ready.tokens()),
                        Err(error) => {
                            log_stderr(format_args!("waiting for sockets: {error}"));
                            thread::sleep(IDLE_TICK);
                        }
                    },
                    NextTask::Lost => break,
                }
            }
            if !is_shedder {
                lock(&shared.standbys).push(Arc::clone(parker));
            }
        }
    }

    /// Waits for sockets. A thread that was told of many the last time does not sleep at once: it offers its core to
    /// the others first, who may be the clients of the next requests. To sleep and be woken costs more. It does so as
    /// well when there are more sockets, at the end of a stint, unless there is a crowd.
    fn wait(
        &self,
        ready: &mut Ready,
        time: Option<Duration>,
        budget: &mut YieldBudget,
    ) -> io::Result<()> {
        let told = ready.tokens().count();
        budget.sockets += told;
        budget.crowd = if told == BATCH { budget.crowd + told } else { 0 };
        if told >= FULL_BATCH {
            if budget.sockets < SOCKETS_BEFORE_YIELD || budget.crowd > FULL_BATCHES_BEFORE_YIELD {
                self.poller.wait(ready, Some(Duration::ZERO))?;
                if ready.tokens().next().is_some() {
                    return Ok(());
                }
            }
            thread::yield_now();
        }
        budget.sockets = 0;
        self.poller.wait(ready, time)
    }

    /// Takes from another permit what its owner has not come to yet. Returns whether there was anything.
    fn steal(&self, number: usize, thread: ThreadId) -> bool {
        let others = self.permits.iter().enumerate().filter(|(other, _)| *other != number);
        let stolen =
            others.map(|(_, permit)| permit.steal_half()).find(|stolen| !stolen.is_empty());
        let has_stolen = stolen.is_some();
        self.permits[number].add(thread, stolen.into_iter().flatten());
        has_stolen
    }

    /// The turns of all permits but one.
    fn epochs_except(&self, number: usize) -> impl Iterator<Item = u64> {
        let others = self.permits.iter().enumerate().filter(move |(other, _)| *other != number);
        others.map(|(_, permit)| permit.epoch())
    }

    fn give_back(&self, number: usize) -> bool {
        let Some(standby) = lock(&self.standbys).pop() else { return false };
        if self.permits[number].pass(SHEDDER, standby.id) {
            standby.give(number);
            return true;
        }
        lock(&self.standbys).push(standby);
        false
    }

    /// Gives the permit of a turn that is stuck to another thread. Returns whether there was one.
    fn hand_off(shared: &Arc<PoolShared<W>>, number: usize, epoch: u64) -> bool {
        let standby = lock(&shared.standbys).pop();
        let Some(standby) = standby.or_else(|| PoolShared::spawn_worker(shared).ok()) else {
            return false;
        };
        // The note is left before anybody can see that the permit has moved.
        let owner = shared.permits[number].owner_in(epoch);
        let parkers = lock(&shared.parkers);
        let parker = parkers.iter().find(|parker| Some(parker.id) == owner).map(Arc::clone);
        drop(parkers);
        let note = |preempted| {
            if let Some(parker) = &parker {
                parker.preempted.store(preempted, Ordering::Release);
            }
        };
        note(true);
        if shared.permits[number].hand_off(epoch, standby.id).is_some() {
            standby.give(number);
        } else {
            note(false); // it has ended in the meantime
            lock(&shared.standbys).push(standby);
        }
        true
    }

    /// Looks after the permits, and lets time pass.
    fn watchdog(shared: &Arc<PoolShared<W>>) {
        let mut seen: Vec<(u64, Instant)> =
            shared.permits.iter().map(|permit| (permit.epoch(), Instant::now())).collect();
        let mut last_stuck: Option<Instant> = None;
        while !shared.stopped.load(Ordering::Acquire) {
            let mut is_quiet = true;
            let now = Instant::now();
            let mut all_are_stuck = true;
            for (number, permit) in shared.permits.iter().enumerate() {
                let epoch = permit.epoch();
                let (before, since) = seen[number];
                if epoch != before {
                    seen[number] = (epoch, now);
                }
                let is_running = epoch % 2 == 1;
                is_quiet &= epoch == before && !is_running;
                let is_stuck = epoch == before && is_running;
                if is_stuck && PoolShared::hand_off(shared, number, epoch) {
                    all_are_stuck = false;
                    last_stuck = Some(now);
                } else if is_stuck {
                    // There is no thread to take over, but one with another permit may be idle.
                    for token in permit.take_batch(epoch) {
                        shared.work.rearm(token);
                    }
                }
                all_are_stuck &= is_stuck && now - since >= shared.patience;
            }
            // Nobody is left who could even say no. One permit for the reserve is enough for that.
            if all_are_stuck {
                let permit = &shared.permits[0];
                if permit.hand_off(seen[0].0, SHEDDER).is_some() {
                    shared.shedder.give(0);
                }
            }
            shared.work.tick(now);
            let is_soon = last_stuck.is_some_and(|time| now - time < FAST_WINDOW);
            let look = if is_soon { FAST_TICK } else { TICK };
            thread::sleep(if is_quiet { IDLE_TICK } else { look });
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

    /// Nothing is ever ready.
    struct Idle;

    impl Work for Idle {
        type Scratch = ();

        fn ready(&self, _: Token, (): &mut (), _: Admission) {}

        fn rearm(&self, _: Token) {}

        fn tick(&self, _: Instant) {}
    }

    const LONG: Duration = Duration::from_secs(20);

    fn start(permits: u32, threads: u32) -> Workers<Idle> {
        let poller = Arc::new(Poller::new().unwrap());
        Workers::start(PoolConfig { permits, threads, patience: LONG }, poller, Arc::new(Idle))
            .unwrap()
    }

    /// Permits without threads: a test takes steps in their place.
    fn without_threads(permits: u32) -> PoolShared<Idle> {
        PoolShared {
            work: Arc::new(Idle),
            poller: Arc::new(Poller::new().unwrap()),
            permits: (1..=permits).map(Permit::new).collect(),
            parkers: Mutex::new(Vec::new()),
            standbys: Mutex::new(Vec::new()),
            shedder: Parker::new(SHEDDER),
            threads: AtomicU32::new(0),
            numbers: AtomicU32::new(SHEDDER),
            ended: AtomicU32::new(0),
            most: permits,
            patience: LONG,
            stopped: AtomicBool::new(false),
        }
    }

    fn tokens(numbers: impl IntoIterator<Item = u64>) -> impl Iterator<Item = Token> {
        numbers.into_iter().map(Token)
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
    fn a_thread_that_was_not_needed_after_all_is_kept_for_the_next_time() {
        let workers = start(1, 3);
        for _ in 0..3 {
            // No turn has this number, so there is nothing to take over.
            assert!(PoolShared::hand_off(&workers.shared, 0, 1_000_001));
            assert_eq!((workers.threads(), lock(&workers.shared.standbys).len()), (2, 1));
        }
        assert_eq!(workers.stop(LONG), 0);
    }

    #[test]
    fn who_has_nothing_to_do_takes_the_later_half_of_what_another_one_has() {
        let shared = without_threads(2);
        let [first, second] = &shared.permits[..] else { unreachable!("there are two") };
        first.add(1, tokens([5, 6, 7]));
        assert!(!shared.steal(0, 1), "the other has nothing, and its own does not count");
        assert!(shared.steal(1, 2));
        assert_eq!(
            [second.next(2), second.next(2)],
            [NextTask::Run(Token(6)), NextTask::Run(Token(7))]
        );
        assert_eq!((second.next(2), first.next(1)), (NextTask::Wait, NextTask::Run(Token(5))));
        assert!(!shared.steal(1, 2), "nothing is left");
    }

    #[test]
    fn the_reserve_gives_its_permit_to_a_thread_that_waits_for_one_and_between_two_turns() {
        let shared = without_threads(1);
        let permit = &shared.permits[0];
        permit.add(1, tokens([5, 6]));
        permit.next(1);
        permit.hand_off(permit.epoch(), SHEDDER).unwrap();
        assert!(!shared.give_back(0), "there is nobody to take it");
        let standby = Parker::new(7);
        lock(&shared.standbys).push(Arc::clone(&standby));
        assert_eq!(permit.next(SHEDDER), NextTask::Run(Token(6)));
        assert!(!shared.give_back(0), "it is at work");
        assert_eq!(lock(&shared.standbys).len(), 1, "it is there for the next time");
        assert_eq!(permit.next(SHEDDER), NextTask::Wait);
        assert!(shared.give_back(0));
        assert_eq!((permit.next(SHEDDER), permit.next(7)), (NextTask::Lost, NextTask::Wait));
        assert_eq!(standby.wait(&AtomicBool::new(false)), Some(0), "it has been told");
        assert!(lock(&shared.standbys).is_empty());
    }

    /// It says that it was told, and panics.
    struct Panics {
        poller: Arc<Poller>,
        stream: Mutex<Stream>,
        told: Mutex<Sender<()>>,
    }

    impl Work for Panics {
        type Scratch = ();

        fn ready(&self, token: Token, (): &mut (), _: Admission) {
            let stream = lock(&self.stream);
            if receive(&stream, &mut Vec::with_capacity(1)).is_err() {
                return; // the same byte was told of twice
            }
            self.poller.arm(&*stream, token, Interest::Read).unwrap();
            drop(stream);
            lock(&self.told).send(()).unwrap();
            panic!("this panic is expected");
        }

        fn rearm(&self, _: Token) {}

        fn tick(&self, _: Instant) {}
    }

    #[test]
    fn a_panic_in_a_turn_costs_no_thread() {
        let (mut client, server) = pair().unwrap();
        let poller = Arc::new(Poller::new().unwrap());
        poller.add(&server, Token(7), Interest::Read).unwrap();
        let (tell, told) = channel();
        let (stream, tell) = (Mutex::new(server), Mutex::new(tell));
        let work = Arc::new(Panics { poller: Arc::clone(&poller), stream, told: tell });
        let size = PoolConfig { permits: 1, threads: 1, patience: LONG };
        let workers = Workers::start(size, poller, work).unwrap();
        for _ in 0..3 {
            client.write_all(b"x").unwrap();
            told.recv_timeout(LONG).expect("the thread is still there");
        }
        assert_eq!(workers.stop(LONG), 0);
    }
}
