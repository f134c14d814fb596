//! The threads: as many awake as there are permits, and others that wait to take over.

use std::cell::{OnceCell, RefCell};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::permit::{Next, Permit, ThreadId};
use super::poller::{Poll, Poller, Ready, Token};
use super::stderr::say;
use super::watch::Watch;

/// How many ready sockets a thread is told of at a time. Few, so that others get some as well.
const BATCH: usize = 16;

/// With so many at a time there is a crowd, and the next ones are on their way.
const MANY: usize = 4;

/// A thread that has had so many sockets without a pause offers its core to others. Whoever waits for the core would
/// otherwise get it when the thread's slice of time is over, after milliseconds.
const STINT: usize = 64;

/// After so many of them in batches that were all full the crowd is large. Then clients wait for us, and not for the core.
const CROWD: usize = 256;

/// How often the monitor looks while something is running. A turn that is still running at the second look is
/// stuck. At 2 ms a thread that was only not scheduled looks stuck; at 20 ms everybody waits too long.
const LOOK: Duration = Duration::from_millis(5);

/// How often it looks while handlers block: where a turn has just been stuck, the next one that is still running after
/// a moment will be too, and everybody waits less.
const SOON: Duration = Duration::from_millis(1);

/// How long it expects that.
const MEMORY: Duration = Duration::from_millis(200);

/// How often it looks when nothing happens.
const DOZE: Duration = Duration::from_millis(50);

/// How long the reserve waits for the kernel before it looks whether it is still needed.
const RESERVE_WAIT: Duration = Duration::from_millis(20);

/// How many threads there are, and how many of them are awake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Threads that wait for the kernel and run what is ready: one a core.
    pub permits: u32,
    /// Threads at most. All beyond the permits are for handlers that block.
    pub threads: u32,
    /// How long everything may be stuck, with all threads in use, before new requests are refused.
    pub patience: Duration,
}

impl Size {
    /// How many bodies may be read by their handlers at the same time. Each may hold a thread until its client sends, so
    /// they get half of the threads that are for handlers that block.
    pub fn upload_slots(self) -> u32 {
        (self.threads.saturating_sub(self.permits) / 2).max(1)
    }
}

impl Default for Size {
    fn default() -> Size {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let cores = u32::try_from(cores).unwrap_or(1);
        Size { permits: cores, threads: cores + 32, patience: Duration::from_millis(500) }
    }
}

/// Whether there is a thread for a handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// There is: this one.
    Serve,
    /// All threads are in handlers that block. This is the reserve, which says so to those who come.
    Refuse,
}

/// What the threads do.
pub trait Work: Send + Sync + 'static {
    /// What a thread keeps from turn to turn, such as a buffer.
    type Scratch: Default;

    /// A socket is ready, and this thread is the only one that knows.
    fn ready(&self, token: Token, scratch: &mut Self::Scratch, mode: Mode);

    /// A thread was told that this socket is ready, and cannot come to it: somebody else must be told.
    fn tell_again(&self, token: Token);

    /// Called every 1 to 50 milliseconds, for what has to happen without anybody being ready.
    fn tick(&self, now: Instant);
}

/// What a thread has done since it last offered its core.
#[derive(Debug, Default)]
struct Stint {
    sockets: usize,
    /// Sockets in full batches, one after the other.
    crowd: usize,
}

/// The threads, running.
pub struct Workers<W: Work> {
    shared: Arc<Shared<W>>,
    monitor: JoinHandle<()>,
}

struct Shared<W> {
    work: Arc<W>,
    poller: Arc<Poller>,
    permits: Vec<Permit>,
    /// All of the threads for handlers.
    seats: Mutex<Vec<Arc<Seat>>>,
    spares: Mutex<Vec<Arc<Seat>>>,
    reserve: Arc<Seat>,
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
struct Seat {
    id: ThreadId,
    /// The number of the permit that it has been given.
    given: Mutex<Option<usize>>,
    changed: Condvar,
    /// Whether its thread's permit was taken away, since somebody asked.
    relieved: AtomicBool,
}

/// The reserve is a thread from the beginning, so that nothing has to be had when there is nothing.
const RESERVE: ThreadId = 0;

impl Seat {
    fn new(id: ThreadId) -> Arc<Seat> {
        let (given, changed) = (Mutex::new(None), Condvar::new());
        Arc::new(Seat { id, given, changed, relieved: AtomicBool::new(false) })
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
    static HAND_OVER: RefCell<Option<Rc<dyn Fn() -> bool>>> = const { RefCell::new(None) };

    /// Where this thread sits.
    static SEAT: OnceCell<Arc<Seat>> = const { OnceCell::new() };
}

/// Whether this thread was found stuck, and its permit taken away, since this was last asked.
pub(super) fn was_relieved() -> bool {
    SEAT.with(|seat| {
        let relieved = seat.get().map(|seat| &seat.relieved);
        // Looked at before it is written: almost always there is nothing to write.
        relieved.is_some_and(|it| it.load(Ordering::Acquire) && it.swap(false, Ordering::Acquire))
    })
}

/// Runs what is known to block: a query, a file on a slow disk, a call to another service.
///
/// Works without it as well; then the monitor notices after five to ten milliseconds as a rule, up to 55 after a quiet
/// while, and one or two right after another thread was stuck. With it, the thread's permit goes to another thread at
/// once. Outside of a server's thread it just runs.
pub fn blocking<T>(work: impl FnOnce() -> T) -> T {
    give_way();
    work()
}

/// Gives this thread's permit to another thread, until the request is answered. Returns whether it had one to give, and
/// there was somebody to take it.
pub fn give_way() -> bool {
    let hand_over = HAND_OVER.with(|cell| cell.borrow().clone());
    hand_over.is_some_and(|hand_over| hand_over())
}

impl<W: Work> Workers<W> {
    /// Starts the threads.
    ///
    /// # Errors
    /// When the system has no threads for us.
    pub fn start(size: Size, poller: Arc<Poller>, work: Arc<W>) -> io::Result<Workers<W>> {
        let permits = size.permits.max(1);
        let shared = Arc::new(Shared {
            work,
            poller,
            // The first threads are numbered from 1, and each begins with a permit.
            permits: (1..=permits).map(Permit::new).collect(),
            seats: Mutex::new(Vec::new()),
            spares: Mutex::new(Vec::new()),
            reserve: Seat::new(RESERVE),
            threads: AtomicU32::new(0),
            numbers: AtomicU32::new(RESERVE),
            ended: AtomicU32::new(0),
            most: size.threads.max(permits),
            patience: size.patience,
            stopped: AtomicBool::new(false),
        });
        match Shared::start(&shared, permits) {
            Ok(monitor) => Ok(Workers { shared, monitor }),
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
        let Workers { shared, monitor } = self;
        // Should it have panicked, everything ends here all the same.
        let _ = monitor.join();
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

impl<W: Work> Shared<W> {
    /// Starts the threads. No worker has a permit before all of them are there: one that works may need another thread,
    /// and the first ones, whose numbers the permits have, must not be taken for that.
    fn start(shared: &Arc<Shared<W>>, permits: u32) -> io::Result<JoinHandle<()>> {
        Shared::spawn(shared, Arc::clone(&shared.reserve), "reserve".to_string())?;
        for _ in 0..permits {
            Shared::spawn_worker(shared)?;
        }
        let monitored = Arc::clone(shared);
        let monitor = thread::Builder::new()
            .name("monitor".to_string())
            .spawn(move || Shared::monitor(&monitored))?;
        for (permit, seat) in lock(&shared.seats).iter().enumerate() {
            seat.give(permit);
        }
        Ok(monitor)
    }

    /// Tells all threads that it is over.
    fn end(&self) {
        self.stopped.store(true, Ordering::Release);
        self.poller.wake_for_ever();
        for seat in lock(&self.seats).iter().chain([&self.reserve]) {
            // Under the lock: a thread that is about to sleep has either seen the flag, or hears this.
            let _given = seat.given.lock().unwrap_or_else(PoisonError::into_inner);
            seat.changed.notify_one();
        }
    }

    /// One more thread, if there may be one more.
    fn spawn_worker(shared: &Arc<Shared<W>>) -> io::Result<Arc<Seat>> {
        let one_more = |threads| (threads < shared.most).then_some(threads + 1);
        shared
            .threads
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more)
            .map_err(|_| io::Error::other("there are as many threads as there may be"))?;
        let id = shared.numbers.fetch_add(1, Ordering::Relaxed) + 1;
        let seat = Seat::new(id);
        // In the list before it begins, so that whoever ends all of them finds it there.
        lock(&shared.seats).push(Arc::clone(&seat));
        let spawned = Shared::spawn(shared, Arc::clone(&seat), format!("worker-{id}"));
        if spawned.is_err() {
            lock(&shared.seats).retain(|other| other.id != id);
            shared.threads.fetch_sub(1, Ordering::AcqRel);
        }
        spawned.map(|()| seat)
    }

    fn spawn(shared: &Arc<Shared<W>>, seat: Arc<Seat>, name: String) -> io::Result<()> {
        let shared = Arc::clone(shared);
        thread::Builder::new().name(name).spawn(move || {
            Shared::run(&shared, &seat);
            HAND_OVER.with(|cell| cell.borrow_mut().take());
            shared.ended.fetch_add(1, Ordering::Release);
        })?;
        Ok(())
    }

    /// The life of a thread.
    fn run(shared: &Arc<Shared<W>>, seat: &Arc<Seat>) {
        let mut scratch = W::Scratch::default();
        let mut ready = Ready::with_capacity(BATCH);
        let mut stint = Stint::default();
        SEAT.with(|cell| cell.set(Arc::clone(seat)).expect("a thread sits down once"));
        let is_reserve = seat.id == RESERVE;
        let (mode, time) =
            if is_reserve { (Mode::Refuse, Some(RESERVE_WAIT)) } else { (Mode::Serve, None) };
        while let Some(number) = seat.wait(&shared.stopped) {
            let permit = &shared.permits[number];
            let mut watch = Watch::begin(shared.turns_but(number));
            was_relieved();
            if !is_reserve {
                let (shared, id) = (Arc::downgrade(shared), seat.id);
                let hand_over: Rc<dyn Fn() -> bool> = Rc::new(move || {
                    let Some(shared) = shared.upgrade() else { return false };
                    let Some(turn) = shared.permits[number].turn_of(id) else { return false };
                    let has_given = Shared::relieve(&shared, number, turn);
                    was_relieved(); // by itself, so it is no news
                    has_given
                });
                HAND_OVER.with(|cell| *cell.borrow_mut() = Some(hand_over));
            }
            loop {
                match permit.next(seat.id) {
                    Next::Run(token) => {
                        let run = || shared.work.ready(token, &mut scratch, mode);
                        // A panic in a handler is caught further inside. This one is our own mistake, and
                        // costs the connection: it is dropped with its owner.
                        let _ = catch_unwind(AssertUnwindSafe(run));
                    }
                    Next::Wait if shared.stopped.load(Ordering::Acquire) => return,
                    // The reserve gives its permit back as soon as somebody can do better.
                    Next::Wait if is_reserve && shared.give_back(number) => break,
                    // And it keeps out of the way of who serves by now.
                    Next::Wait
                        if is_reserve
                            && watch.sees_work(
                                shared.turns_but(number),
                                Instant::now(),
                                shared.patience,
                            ) =>
                    {
                        thread::sleep(LOOK);
                    }
                    Next::Wait if shared.take_a_share(number, seat.id) => {}
                    Next::Wait => match shared.wait(&mut ready, time, &mut stint) {
                        Ok(()) => permit.add(seat.id, ready.tokens()),
                        Err(error) => {
                            say(format_args!("waiting for sockets: {error}"));
                            thread::sleep(DOZE);
                        }
                    },
                    Next::Lost => break,
                }
            }
            if !is_reserve {
                lock(&shared.spares).push(Arc::clone(seat));
            }
        }
    }

    /// Waits for sockets. A thread that was told of many the last time does not sleep at once: it offers its core to
    /// the others first, who may be the clients of the next requests. To sleep and be woken costs more. It does so as
    /// well when there are more sockets, at the end of a stint, unless there is a crowd.
    fn wait(&self, ready: &mut Ready, time: Option<Duration>, stint: &mut Stint) -> io::Result<()> {
        let told = ready.tokens().count();
        stint.sockets += told;
        stint.crowd = if told == BATCH { stint.crowd + told } else { 0 };
        if told >= MANY {
            if stint.sockets < STINT || stint.crowd > CROWD {
                self.poller.wait(ready, Some(Duration::ZERO))?;
                if ready.tokens().next().is_some() {
                    return Ok(());
                }
            }
            thread::yield_now();
        }
        stint.sockets = 0;
        self.poller.wait(ready, time)
    }

    /// Takes from another permit what its owner has not come to yet. Returns whether there was anything.
    fn take_a_share(&self, number: usize, thread: ThreadId) -> bool {
        let others = self.permits.iter().enumerate().filter(|(other, _)| *other != number);
        let share = others.map(|(_, permit)| permit.share()).find(|share| !share.is_empty());
        let has_share = share.is_some();
        self.permits[number].add(thread, share.into_iter().flatten());
        has_share
    }

    /// The turns of all permits but one.
    fn turns_but(&self, number: usize) -> impl Iterator<Item = u64> {
        let others = self.permits.iter().enumerate().filter(move |(other, _)| *other != number);
        others.map(|(_, permit)| permit.turns())
    }

    fn give_back(&self, number: usize) -> bool {
        let Some(spare) = lock(&self.spares).pop() else { return false };
        if self.permits[number].pass(RESERVE, spare.id) {
            spare.give(number);
            return true;
        }
        lock(&self.spares).push(spare);
        false
    }

    /// Gives the permit of a turn that is stuck to another thread. Returns whether there was one.
    fn relieve(shared: &Arc<Shared<W>>, number: usize, turn: u64) -> bool {
        let spare = lock(&shared.spares).pop();
        let Some(spare) = spare.or_else(|| Shared::spawn_worker(shared).ok()) else { return false };
        // The note is left before anybody can see that the permit has moved.
        let owner = shared.permits[number].owner_in(turn);
        let seats = lock(&shared.seats);
        let seat = seats.iter().find(|seat| Some(seat.id) == owner).map(Arc::clone);
        drop(seats);
        let note = |relieved| {
            if let Some(seat) = &seat {
                seat.relieved.store(relieved, Ordering::Release);
            }
        };
        note(true);
        if shared.permits[number].hand_over(turn, spare.id).is_some() {
            spare.give(number);
        } else {
            note(false); // it has ended in the meantime
            lock(&shared.spares).push(spare);
        }
        true
    }

    /// Looks after the permits, and lets time pass.
    fn monitor(shared: &Arc<Shared<W>>) {
        let mut seen: Vec<(u64, Instant)> =
            shared.permits.iter().map(|permit| (permit.turns(), Instant::now())).collect();
        let mut last_stuck: Option<Instant> = None;
        while !shared.stopped.load(Ordering::Acquire) {
            let mut is_quiet = true;
            let now = Instant::now();
            let mut all_are_stuck = true;
            for (number, permit) in shared.permits.iter().enumerate() {
                let turns = permit.turns();
                let (before, since) = seen[number];
                if turns != before {
                    seen[number] = (turns, now);
                }
                let is_running = turns % 2 == 1;
                is_quiet &= turns == before && !is_running;
                let is_stuck = turns == before && is_running;
                if is_stuck && Shared::relieve(shared, number, turns) {
                    all_are_stuck = false;
                    last_stuck = Some(now);
                } else if is_stuck {
                    // There is no thread to take over, but one with another permit may be idle.
                    for token in permit.take_batch(turns) {
                        shared.work.tell_again(token);
                    }
                }
                all_are_stuck &= is_stuck && now - since >= shared.patience;
            }
            // Nobody is left who could even say no. One permit for the reserve is enough for that.
            if all_are_stuck {
                let permit = &shared.permits[0];
                if permit.hand_over(seen[0].0, RESERVE).is_some() {
                    shared.reserve.give(0);
                }
            }
            shared.work.tick(now);
            let is_soon = last_stuck.is_some_and(|time| now - time < MEMORY);
            let look = if is_soon { SOON } else { LOOK };
            thread::sleep(if is_quiet { DOZE } else { look });
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

        fn ready(&self, _: Token, (): &mut (), _: Mode) {}

        fn tell_again(&self, _: Token) {}

        fn tick(&self, _: Instant) {}
    }

    const LONG: Duration = Duration::from_secs(20);

    fn start(permits: u32, threads: u32) -> Workers<Idle> {
        let poller = Arc::new(Poller::new().unwrap());
        Workers::start(Size { permits, threads, patience: LONG }, poller, Arc::new(Idle)).unwrap()
    }

    /// Permits without threads: a test takes steps in their place.
    fn without_threads(permits: u32) -> Shared<Idle> {
        Shared {
            work: Arc::new(Idle),
            poller: Arc::new(Poller::new().unwrap()),
            permits: (1..=permits).map(Permit::new).collect(),
            seats: Mutex::new(Vec::new()),
            spares: Mutex::new(Vec::new()),
            reserve: Seat::new(RESERVE),
            threads: AtomicU32::new(0),
            numbers: AtomicU32::new(RESERVE),
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
            assert!(Shared::relieve(&workers.shared, 0, 1_000_001));
            assert_eq!((workers.threads(), lock(&workers.shared.spares).len()), (2, 1));
        }
        assert_eq!(workers.stop(LONG), 0);
    }

    #[test]
    fn who_has_nothing_to_do_takes_the_later_half_of_what_another_one_has() {
        let shared = without_threads(2);
        let [first, second] = &shared.permits[..] else { unreachable!("there are two") };
        first.add(1, tokens([5, 6, 7]));
        assert!(!shared.take_a_share(0, 1), "the other has nothing, and its own does not count");
        assert!(shared.take_a_share(1, 2));
        assert_eq!([second.next(2), second.next(2)], [Next::Run(Token(6)), Next::Run(Token(7))]);
        assert_eq!((second.next(2), first.next(1)), (Next::Wait, Next::Run(Token(5))));
        assert!(!shared.take_a_share(1, 2), "nothing is left");
    }

    #[test]
    fn the_reserve_gives_its_permit_to_a_thread_that_waits_for_one_and_between_two_turns() {
        let shared = without_threads(1);
        let permit = &shared.permits[0];
        permit.add(1, tokens([5, 6]));
        permit.next(1);
        permit.hand_over(permit.turns(), RESERVE).unwrap();
        assert!(!shared.give_back(0), "there is nobody to take it");
        let spare = Seat::new(7);
        lock(&shared.spares).push(Arc::clone(&spare));
        assert_eq!(permit.next(RESERVE), Next::Run(Token(6)));
        assert!(!shared.give_back(0), "it is at work");
        assert_eq!(lock(&shared.spares).len(), 1, "it is there for the next time");
        assert_eq!(permit.next(RESERVE), Next::Wait);
        assert!(shared.give_back(0));
        assert_eq!((permit.next(RESERVE), permit.next(7)), (Next::Lost, Next::Wait));
        assert_eq!(spare.wait(&AtomicBool::new(false)), Some(0), "it has been told");
        assert!(lock(&shared.spares).is_empty());
    }

    /// It says that it was told, and panics.
    struct Panics {
        poller: Arc<Poller>,
        stream: Mutex<Stream>,
        told: Mutex<Sender<()>>,
    }

    impl Work for Panics {
        type Scratch = ();

        fn ready(&self, token: Token, (): &mut (), _: Mode) {
            let stream = lock(&self.stream);
            if receive(&stream, &mut Vec::with_capacity(1)).is_err() {
                return; // the same byte was told of twice
            }
            self.poller.arm(&*stream, token, Interest::Read).unwrap();
            drop(stream);
            lock(&self.told).send(()).unwrap();
            panic!("this panic is expected");
        }

        fn tell_again(&self, _: Token) {}

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
        let size = Size { permits: 1, threads: 1, patience: LONG };
        let workers = Workers::start(size, poller, work).unwrap();
        for _ in 0..3 {
            client.write_all(b"x").unwrap();
            told.recv_timeout(LONG).expect("the thread is still there");
        }
        assert_eq!(workers.stop(LONG), 0);
    }
}
