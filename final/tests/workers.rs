//! The worker pool without a server: which thread has a permit, and which thread rejects requests when all
//! workers are blocked.

use std::collections::{BTreeSet, HashMap};
use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use httpserver::core::admission::Admission;
use httpserver::core::blocking;
use httpserver::core::system::{pair, receive};
use httpserver::core::worker_pool::{PoolConfig, Work};
use httpserver::core::{Interest, Poll, Poller, Stream, Token, Workers};

/// Far longer than any step here takes.
const LONG: Duration = Duration::from_secs(20);

/// The message of a thread that begins a step.
struct Told {
    number: u64,
    admission: Admission,
    /// Whether this thread had the first permit at the beginning.
    is_first: bool,
}

/// Sockets, and the work for each when it is ready.
struct Bench {
    poller: Arc<Poller>,
    servers: Vec<Mutex<Stream>>,
    /// The steps of these clients wait for the test. The first client's step announces that it will
    /// block.
    gates: Mutex<HashMap<u64, Receiver<()>>>,
    says_so: u64,
    told: Mutex<Sender<Told>>,
    /// The number of ticks so far.
    ticks: Arc<AtomicUsize>,
}

impl Work for Bench {
    type Scratch = ();

    fn ready(&self, token: Token, (): &mut (), admission: Admission) {
        let server = &self.servers[usize::try_from(token.0).unwrap()];
        let mut bytes = Vec::with_capacity(64);
        if receive(&server.lock().unwrap(), &mut bytes).is_err() {
            return; // a spurious wake-up
        }
        let gate = self.gates.lock().unwrap().get_mut(&token.0).map(|gate| {
            let (_, none) = channel();
            std::mem::replace(gate, none)
        });
        let is_first = thread::current().name() == Some("worker-1");
        self.told.lock().unwrap().send(Told { number: token.0, admission, is_first }).unwrap();
        match gate {
            Some(gate) if admission == Admission::Serve => {
                let wait = || {
                    let _ = gate.recv_timeout(LONG);
                };
                if token.0 == self.says_so { blocking(wait) } else { wait() }
            }
            // Long enough for the next byte to arrive while this one is handled.
            None if admission == Admission::Serve => thread::sleep(Duration::from_millis(1)),
            _ => {}
        }
        self.poller.arm(&*server.lock().unwrap(), token, Interest::Read).unwrap();
    }

    fn rearm(&self, token: Token) {
        let server = &self.servers[usize::try_from(token.0).unwrap()];
        self.poller.arm(&*server.lock().unwrap(), token, Interest::Read).unwrap();
    }

    fn tick(&self, _: Instant) {
        self.ticks.fetch_add(1, Ordering::SeqCst);
    }
}

/// The other ends of the sockets, and the messages of their steps.
struct TestClients {
    sockets: Vec<TcpStream>,
    openers: Vec<Sender<()>>,
    told: Receiver<Told>,
    workers: Workers<Bench>,
    ticks: Arc<AtomicUsize>,
}

impl TestClients {
    /// Starts this many clients whose steps block, and a last client whose step does not. The first `early` clients
    /// have sent something before the first thread starts.
    fn start(size: PoolConfig, blocking: u64, early: u64, says_so: u64) -> TestClients {
        let poller = Arc::new(Poller::new().unwrap());
        let (mut clients, mut servers, mut openers) = (Vec::new(), Vec::new(), Vec::new());
        let (mut gates, (tell, told)) = (HashMap::new(), channel());
        for number in 0..=blocking {
            let (client, server) = pair().unwrap();
            if number < early {
                (&client).write_all(b"x").unwrap();
            }
            poller.add(&server, Token(number), Interest::Read).unwrap();
            if number < blocking {
                let (opener, gate) = channel();
                gates.insert(number, gate);
                openers.push(opener);
            }
            clients.push(client);
            servers.push(Mutex::new(server));
        }
        let (gates, told_by) = (Mutex::new(gates), Mutex::new(tell));
        let (own, ticks) = (Arc::clone(&poller), Arc::<AtomicUsize>::default());
        let counted = Arc::clone(&ticks);
        let bench = Bench { poller: own, servers, gates, says_so, told: told_by, ticks: counted };
        let workers = Workers::start(size, poller, Arc::new(bench)).unwrap();
        TestClients { sockets: clients, openers, told, workers, ticks }
    }

    fn send(&self, number: usize) {
        (&self.sockets[number]).write_all(b"x").unwrap();
    }

    /// Sends bytes for the last client until `in_a_row` of its steps in a row have begun with the admission `wanted`.
    fn ask_until(&self, wanted: Admission, in_a_row: usize) {
        let (last, deadline, mut row) = (self.sockets.len() - 1, Instant::now() + LONG, 0);
        self.send(last);
        while row < in_a_row {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(Told { number, admission, .. }) = self.told.recv_timeout(left) else {
                panic!("nobody has said {wanted:?} {in_a_row} times in a row, only {row} times");
            };
            if number == last as u64 {
                row = if admission == wanted { row + 1 } else { 0 };
                self.send(last);
            }
        }
    }

    /// Waits until a thread has begun a step for this client, and returns the step's admission.
    fn begins(&self, number: usize) -> Admission {
        loop {
            let told = self.told.recv_timeout(LONG).expect("somebody begins with it");
            if told.number == number as u64 {
                return told.admission;
            }
        }
    }

    /// Waits for `count` more ticks of the watchdog.
    fn looks(&self, count: usize) {
        let (before, deadline) = (self.ticks.load(Ordering::SeqCst), Instant::now() + LONG);
        while self.ticks.load(Ordering::SeqCst) < before + count {
            assert!(Instant::now() < deadline, "the watchdog does not look");
            thread::yield_now();
        }
    }

    fn stop(self) {
        drop(self.openers);
        assert_eq!(self.workers.stop(LONG), 0);
    }
}

/// Regression test: a thread that handed off its permit while other threads were being started gave its successor one of
/// *their* ids. The later permits then belonged to threads that did not exist. They were never used, so the pool never
/// counted as blocked, and no request was ever rejected.
#[test]
fn a_handler_that_blocks_while_the_threads_are_started_costs_no_permit() {
    let size = PoolConfig { permits: 32, threads: 34, stall_timeout: Duration::from_millis(20) };
    for _ in 0..4 {
        let clients = TestClients::start(size, 34, 1, 0);
        (1..34).for_each(|number| clients.send(number));
        clients.ask_until(Admission::Shed, 1);
        clients.stop();
    }
}

/// The shedder takes the first permit. Regression test: it kept polling the kernel while that permit had no other
/// owner, and so rejected every second request, although a thread with another permit could serve.
#[test]
fn the_shedder_leaves_events_to_a_worker_that_has_returned() {
    let size = PoolConfig { permits: 2, threads: 2, stall_timeout: Duration::from_millis(20) };
    let none = u64::MAX;
    let mut clients = TestClients::start(size, 2, 0, none);
    clients.send(0);
    clients.send(1);
    let second = loop {
        let told = clients.told.recv_timeout(LONG).unwrap();
        if !told.is_first {
            break usize::try_from(told.number).unwrap();
        }
    };
    clients.ask_until(Admission::Shed, 1);
    clients.openers.remove(second).send(()).unwrap();
    clients.ask_until(Admission::Serve, 200);
    clients.stop();
}

#[test]
fn no_thread_is_leaked_by_a_stop_while_permits_move() {
    let size = PoolConfig { permits: 2, threads: 8, stall_timeout: Duration::from_millis(20) };
    for _ in 0..50 {
        let clients = TestClients::start(size, 4, 4, 0);
        clients.stop();
    }
}

/// A worker that returns is a standby worker, so that the next handler that blocks needs no new thread.
#[test]
fn two_threads_are_enough_for_handlers_that_block_one_after_the_other() {
    let size = PoolConfig { permits: 1, threads: 2, stall_timeout: 2 * LONG };
    let mut clients = TestClients::start(size, 4, 0, u64::MAX);
    for number in 0..4 {
        clients.send(number);
        assert_eq!(clients.begins(number), Admission::Serve);
        // Another thread serves meanwhile.
        clients.ask_until(Admission::Serve, 1);
        clients.begins(4);
        clients.openers.remove(0).send(()).unwrap();
    }
    clients.stop();
}

#[test]
fn the_shedder_gives_back_the_only_permit() {
    let size = PoolConfig { permits: 1, threads: 2, stall_timeout: Duration::from_millis(20) };
    let mut clients = TestClients::start(size, 3, 0, u64::MAX);
    for number in [0, 1] {
        clients.send(number);
        assert_eq!(clients.begins(number), Admission::Serve);
    }
    clients.ask_until(Admission::Shed, 1);
    for _ in 0..2 {
        clients.openers.remove(0).send(()).unwrap();
    }
    clients.ask_until(Admission::Serve, 50);
    // Both workers have returned. One blocks, and the other worker takes over, not the shedder.
    clients.send(2);
    // The last of the fifty requests is still in progress, so the two steps begin in either order.
    let begun: BTreeSet<u64> =
        (0..2).map(|_| clients.told.recv_timeout(LONG).expect("both begin").number).collect();
    assert_eq!(begun, BTreeSet::from([2, 3]));
    clients.ask_until(Admission::Serve, 50);
    clients.stop();
}

#[test]
fn no_request_is_rejected_before_the_stall_timeout() {
    let size = PoolConfig { permits: 1, threads: 1, stall_timeout: 2 * LONG };
    let mut clients = TestClients::start(size, 1, 0, u64::MAX);
    clients.send(0);
    assert_eq!(clients.begins(0), Admission::Serve);
    clients.send(1);
    clients.looks(20);
    assert!(clients.told.try_recv().is_err(), "it waits");
    clients.openers.remove(0).send(()).unwrap();
    assert_eq!(clients.begins(1), Admission::Serve);
    clients.stop();
}
