//! Models how the engine of `final` passes connections and permits between threads, in every order in which the threads
//! can interleave.
#![allow(dead_code, unreachable_pub, reason = "a model uses a part of each file")]

use std::convert::Infallible;
use std::time::{Duration, Instant};

use connection_table::ConnectionTable;
use loom::sync::Arc;
use models::{check, spawn};
use permit::{NextTask, Permit};
use poller::Token;

#[path = "../../../final/src/core/connection_table.rs"]
mod connection_table;
#[path = "../../../final/src/core/permit.rs"]
mod permit;
#[path = "../../../final/src/core/sync.rs"]
mod sync;

/// The part of the poller that the engine's files use.
mod poller {
    /// See `final/src/core/poller.rs`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub struct Token(pub u64);
}

fn armed(_: &&'static str, _: bool) -> Result<(), Infallible> {
    Ok(())
}

#[test]
fn an_event_and_a_deadline_never_get_the_same_connection_and_one_of_them_gets_it() {
    check(|| {
        let start = Instant::now();
        let table = Arc::new(ConnectionTable::new(1));
        let token = table.reserve().unwrap();
        let by_event = spawn(&table, move |table| usize::from(table.take(token).is_some()));
        let by_deadline = spawn(&table, move |table| {
            let late = start + Duration::from_secs(9);
            std::iter::from_fn(|| table.take_expired(late)).count()
        });
        table.park(token, "connection", start, armed).unwrap();
        let got = by_event.join().unwrap() + by_deadline.join().unwrap();
        // If both came too early, the connection is still in its slot.
        let left = usize::from(table.take(token).is_some());
        assert_eq!(got + left, 1);
    });
}

#[test]
fn a_deadline_is_not_forgotten_however_it_meets_the_parking() {
    check(|| {
        let start = Instant::now();
        let (soon, late) = (start + Duration::from_secs(1), start + Duration::from_secs(5));
        let table = Arc::new(ConnectionTable::new(1));
        let token = table.reserve().unwrap();
        table.park(token, "connection", soon, armed).unwrap();
        let sweeper = spawn(&table, move |table| table.take_expired(soon).is_some());
        // A request arrives, gets its response, and the connection waits for the next one.
        let was_taken = table.take(token).is_some();
        if was_taken {
            table.park(token, "connection", late, armed).unwrap();
        }
        let swept = sweeper.join().unwrap();
        assert!(was_taken != swept, "exactly one of them");
        if was_taken {
            assert!(table.take_expired(late).is_some(), "nobody would ever end this connection");
        }
    });
}

#[test]
fn a_token_of_a_connection_that_has_ended_takes_nobody_elses() {
    check(|| {
        let table = Arc::new(ConnectionTable::new(1));
        let old = table.reserve().unwrap();
        let late = spawn(&table, move |table| table.take(old));
        table.release(old);
        let new = table.reserve().unwrap();
        table.park(new, "the next one", Instant::now(), armed).unwrap();
        assert_eq!(late.join().unwrap(), None);
        assert_eq!(table.take(new), Some("the next one"));
    });
}

/// A socket as the kernel sees it, and the events that have not been reported yet. It is edge-triggered: an event is
/// added for new bytes, but not for unread bytes.
#[derive(Default)]
struct Kernel {
    state: sync::Mutex<(u32, u32)>,
}

impl Kernel {
    fn send(&self) {
        let mut state = sync::lock(&self.state);
        state.0 += 1;
        state.1 += 1;
    }

    /// Takes an event. Returns whether there was one.
    fn told(&self) -> bool {
        let mut state = sync::lock(&self.state);
        let is_told = state.1 > 0;
        state.1 -= u32::from(is_told);
        is_told
    }

    fn read_all(&self) {
        sync::lock(&self.state).0 = 0;
    }

    /// Adds an event if there are unread bytes.
    fn arm(&self) {
        let mut state = sync::lock(&self.state);
        if state.0 > 0 {
            state.1 += 1;
        }
    }
}

#[test]
fn what_comes_while_a_connection_is_worked_on_is_read_in_the_end() {
    check(|| {
        let start = Instant::now();
        let shared = Arc::new((Kernel::default(), ConnectionTable::new(1)));
        let (kernel, table) = &*shared;
        let token = table.reserve().unwrap();
        table.park(token, "connection", start, armed).unwrap();
        kernel.send();
        let serve = move |(kernel, table): &(Kernel, ConnectionTable<&'static str>)| {
            while kernel.told() {
                let Some(connection) = table.take(token) else { continue };
                kernel.read_all();
                let again = |_: &&'static str, notified: bool| {
                    if notified {
                        kernel.arm();
                    }
                    Ok::<_, Infallible>(())
                };
                table.park(token, connection, start, again).unwrap();
            }
        };
        let other = spawn(&shared, serve);
        kernel.send();
        serve(&shared);
        other.join().unwrap();
        // Handles an event that was armed after a thread had finished.
        serve(&shared);
        let state = sync::lock(&kernel.state);
        assert_eq!(*state, (0, 0), "bytes that nobody reads, or an event that nobody hears");
    });
}

/// The loop of a thread with a permit, until it has lost the permit or has nothing to do. Returns whether it still has
/// the permit, and how many events it has run.
fn work(permit: &Permit, thread: u32) -> (bool, usize) {
    let mut ran = 0;
    loop {
        match permit.next(thread) {
            NextTask::Run(_) => ran += 1,
            NextTask::Wait => return (true, ran),
            NextTask::Lost => return (false, ran),
        }
    }
}

#[test]
fn a_permit_that_is_handed_off_runs_its_batch_once_and_has_one_owner() {
    check(|| {
        let permit = Arc::new(Permit::new(1));
        permit.add(1, [Token(1), Token(2), Token(3)].into_iter());
        let owner = spawn(&permit, |permit| work(permit, 1));
        // The watchdog. A step that still runs at its second tick continues without its permit.
        let epoch = permit.epoch();
        let handed_off = permit.epoch() == epoch && permit.hand_off(epoch, 2).is_some();
        let second = if handed_off { work(&permit, 2) } else { (false, 0) };
        let first = owner.join().unwrap();
        assert!(first.0 != second.0, "one of the two has the permit at the end");
        assert_eq!(first.1 + second.1, 3, "every event is run, and once");
    });
}

#[test]
fn what_an_idle_thread_takes_from_a_batch_is_run_once() {
    check(|| {
        let (busy, idle) = (Arc::new(Permit::new(1)), Permit::new(2));
        busy.add(1, [Token(1), Token(2), Token(3)].into_iter());
        let owner = spawn(&busy, |permit| work(permit, 1));
        idle.add(2, busy.steal_half().into_iter());
        let (idle_waits, stolen) = work(&idle, 2);
        let (busy_waits, own) = owner.join().unwrap();
        assert!(idle_waits && busy_waits, "neither permit has another owner");
        assert_eq!(own + stolen, 3, "every event is run, and once");
    });
}
