//! The connection table: a slab of slots that hold the connections while no thread runs a step for
//! them.
//!
//! A parked connection needs only its slot and its socket, but no thread.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use super::poller::Token;
use super::sync::{Mutex, lock};

/// A slab of slots for connections.
///
/// The invariant: a connection is either in its slot, or owned by exactly one thread that has taken
/// it out. Taking a connection transfers ownership. Each slot has its own lock, so threads only
/// contend when they need the same connection.
pub struct ConnectionTable<C> {
    slots: Box<[Mutex<Slot<C>>]>,
    free: Mutex<Vec<u32>>,
    /// The times at which slots are to be checked. An entry may be out of date: the deadline in the
    /// slot is the valid one.
    timers: Mutex<BinaryHeap<Reverse<(Instant, Token)>>>,
}

/// One slot. Its connection, if there is one, is in `parked` or owned by a thread.
struct Slot<C> {
    /// The number of times that the slot has been released. The token contains it, so a stale token
    /// matches no connection.
    generation: u32,
    parked: Option<C>,
    /// Whether a wake-up is pending: an event arrived while a thread owned the connection.
    notified: bool,
    deadline: Option<Instant>,
    /// The time of the slot's earliest entry in `timers`, which is the only valid one.
    scheduled: Option<Instant>,
}

fn token(slot: u32, generation: u32) -> Token {
    Token(u64::from(generation) << 32 | u64::from(slot))
}

fn slot_of(token: Token) -> (usize, u32) {
    // The slot number and the generation each fit into 32 bits.
    let slot = u32::try_from(token.0 & u64::from(u32::MAX)).unwrap_or(u32::MAX);
    let generation = u32::try_from(token.0 >> 32).unwrap_or(u32::MAX);
    (slot as usize, generation)
}

impl<C> ConnectionTable<C> {
    /// Creates a table of `slots` free slots.
    pub fn new(slots: u32) -> ConnectionTable<C> {
        let slot = || Slot {
            generation: 0,
            parked: None,
            notified: false,
            deadline: None,
            scheduled: None,
        };
        ConnectionTable {
            slots: (0..slots).map(|_| Mutex::new(slot())).collect(),
            free: Mutex::new((0..slots).rev().collect()),
            timers: Mutex::new(BinaryHeap::new()),
        }
    }

    /// Reserves a slot for a new connection. Returns `None` when all slots are in use.
    pub fn reserve(&self) -> Option<Token> {
        let slot = lock(&self.free).pop()?;
        let generation = lock(self.slots.get(slot as usize)?).generation;
        Some(token(slot, generation))
    }

    /// Puts a connection into its slot until it is ready, or until `deadline`.
    ///
    /// `arm` is called with the slot locked. If the socket were armed earlier, another thread could
    /// find an empty slot; if it were armed later, the deadline could close the socket in between.
    /// The second argument of `arm` is whether an event arrived while the caller owned the
    /// connection: the bytes may still be unread, and an edge-triggered poller does not report them
    /// again unless the socket is armed again.
    ///
    /// # Errors
    /// Returns the error from `arm`, with the connection.
    pub fn park<E>(
        &self,
        token: Token,
        connection: C,
        deadline: Instant,
        arm: impl FnOnce(&C, bool) -> Result<(), E>,
    ) -> Result<(), (C, E)> {
        let (index, generation) = slot_of(token);
        let mut slot = lock(&self.slots[index]);
        debug_assert!(slot.generation == generation && slot.parked.is_none());
        let notified = std::mem::take(&mut slot.notified);
        let connection = slot.parked.insert(connection);
        if let Err(error) = arm(connection, notified)
            && let Some(connection) = slot.parked.take()
        {
            return Err((connection, error));
        }
        slot.deadline = Some(deadline);
        // A later deadline needs no new entry: when the earlier entry expires, it is moved to the
        // deadline. So a busy connection does not change the heap.
        let is_new = slot.scheduled.is_none_or(|scheduled| deadline < scheduled);
        if is_new {
            slot.scheduled = Some(deadline);
        }
        drop(slot);
        if is_new {
            self.schedule(deadline, token);
        }
        Ok(())
    }

    fn schedule(&self, deadline: Instant, token: Token) {
        let mut timers = lock(&self.timers);
        timers.push(Reverse((deadline, token)));
        // The entry of a connection that has ended stays in the heap. The entries of many short
        // connections must not pile up there until they expire.
        if timers.len() > 2 * self.slots.len() {
            let all = std::mem::take(&mut *timers);
            drop(timers);
            let mut current = all.into_vec();
            current.retain(|Reverse((time, token))| {
                let (index, generation) = slot_of(*token);
                let slot = lock(&self.slots[index]);
                slot.generation == generation && slot.scheduled == Some(*time)
            });
            lock(&self.timers).extend(current);
        }
    }

    /// Takes a connection out of its slot and makes the caller its owner. If another thread owns
    /// it, the wake-up stays pending for that thread, and the result is `None`.
    pub fn take(&self, token: Token) -> Option<C> {
        let (index, generation) = slot_of(token);
        let mut slot = lock(self.slots.get(index)?);
        if slot.generation != generation {
            return None; // a stale token
        }
        slot.notified = slot.parked.is_none();
        slot.parked.take()
    }

    /// Returns whether the connection of this token is still open.
    pub fn is_current(&self, token: Token) -> bool {
        let (index, generation) = slot_of(token);
        self.slots.get(index).is_some_and(|slot| lock(slot).generation == generation)
    }

    /// Calls `look` with the connection of this token if it is parked, while its slot is locked. If
    /// a thread owns the connection, the call counts as a wake-up that stays pending for it.
    pub fn with(&self, token: Token, look: impl FnOnce(&C)) {
        let (index, generation) = slot_of(token);
        let Some(slot) = self.slots.get(index) else { return };
        let mut slot = lock(slot);
        if slot.generation == generation {
            slot.notified = slot.parked.is_none();
            if let Some(connection) = &slot.parked {
                look(connection);
            }
        }
    }

    /// Frees the slot of a connection that has ended. The caller must have taken the connection
    /// out.
    pub fn release(&self, token: Token) {
        let (index, generation) = slot_of(token);
        let mut slot = lock(&self.slots[index]);
        debug_assert!(slot.generation == generation && slot.parked.is_none());
        slot.generation = slot.generation.wrapping_add(1);
        slot.notified = false;
        slot.deadline = None;
        slot.scheduled = None;
        drop(slot);
        lock(&self.free).push(u32::try_from(index).unwrap_or(u32::MAX));
    }

    /// Takes the next connection whose deadline has passed. Its slot stays reserved.
    pub fn take_expired(&self, now: Instant) -> Option<(Token, C)> {
        loop {
            let mut timers = lock(&self.timers);
            let &Reverse((time, token)) = timers.peek()?;
            if time > now {
                return None;
            }
            timers.pop();
            drop(timers);
            let (index, generation) = slot_of(token);
            let mut slot = lock(&self.slots[index]);
            if slot.generation != generation || slot.scheduled != Some(time) {
                continue; // the connection has ended, or there is an earlier entry
            }
            slot.scheduled = None;
            match slot.deadline {
                // A thread owns the connection, and adds a new entry when it parks it.
                _ if slot.parked.is_none() => {}
                Some(deadline) if deadline > now => {
                    slot.scheduled = Some(deadline);
                    drop(slot);
                    lock(&self.timers).push(Reverse((deadline, token)));
                }
                _ => {
                    if let Some(connection) = slot.parked.take() {
                        return Some((token, connection));
                    }
                }
            }
        }
    }

    /// Takes all parked connections for which `wanted` returns true.
    pub fn take_all(&self, wanted: impl Fn(&C) -> bool) -> Vec<(Token, C)> {
        let mut taken = Vec::new();
        for (index, slot) in self.slots.iter().enumerate() {
            let mut slot = lock(slot);
            if slot.parked.as_ref().is_some_and(&wanted)
                && let Some(connection) = slot.parked.take()
            {
                let index = u32::try_from(index).unwrap_or(u32::MAX);
                taken.push((token(index, slot.generation), connection));
            }
        }
        taken
    }

    /// Returns the number of slots in use.
    pub fn len(&self) -> usize {
        self.slots.len() - lock(&self.free).len()
    }

    /// Returns whether no slot is in use.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::convert::Infallible;
    use std::time::Duration;

    use super::*;

    fn park(
        table: &ConnectionTable<&'static str>,
        token: Token,
        name: &'static str,
        deadline: Instant,
    ) {
        table.park(token, name, deadline, |_, _| Ok::<_, Infallible>(())).unwrap();
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_connection_is_taken_once() {
        let table = ConnectionTable::new(2);
        let token = table.reserve().unwrap();
        park(&table, token, "a", Instant::now());
        assert_eq!((table.take(token), table.take(token)), (Some("a"), None));
    }

    #[test]
    fn entries_of_connections_that_have_ended_do_not_pile_up() {
        let table = ConnectionTable::new(4);
        let start = Instant::now();
        let stays = table.reserve().unwrap();
        park(&table, stays, "stays", start + SECOND);
        for _ in 0..1000 {
            let token = table.reserve().unwrap();
            park(&table, token, "leaves", start + SECOND / 2);
            table.take(token).unwrap();
            table.release(token);
        }
        assert!(lock(&table.timers).len() <= 8);
        assert_eq!(table.take_expired(start + SECOND), Some((stays, "stays")));
    }

    #[test]
    fn an_event_during_a_step_leaves_a_pending_wake_up() {
        let table = ConnectionTable::new(1);
        let token = table.reserve().unwrap();
        let notified = || {
            let mut notified = false;
            let arm = |_: &_, it| {
                notified = it;
                Ok::<_, Infallible>(())
            };
            table.park(token, "a", Instant::now(), arm).unwrap();
            table.take(token).unwrap();
            notified
        };
        assert!(!notified());
        assert_eq!(table.take(token), None);
        assert!(notified());
        assert!(!notified(), "a wake-up is pending once");
        table.with(token, |_| unreachable!("the slot is empty"));
        assert!(notified());
        // A wake-up for the old connection must not apply to the next connection in this slot.
        assert_eq!(table.take(token), None);
        table.release(token);
        assert_eq!(table.take(token), None);
        let token = table.reserve().unwrap();
        let arm = |_: &_, notified| if notified { Err("notified") } else { Ok(()) };
        table.park(token, "b", Instant::now(), arm).unwrap();
    }

    #[test]
    fn a_stale_token_matches_no_connection() {
        let table = ConnectionTable::new(1);
        let old = table.reserve().unwrap();
        assert_eq!(table.reserve(), None);
        table.release(old);
        let new = table.reserve().unwrap();
        park(&table, new, "b", Instant::now());
        assert_ne!(old, new);
        assert!(!table.is_current(old) && table.is_current(new));
        assert_eq!((table.take(old), table.take(new)), (None, Some("b")));
    }

    #[test]
    fn a_connection_that_cannot_be_armed_is_not_parked() {
        let table = ConnectionTable::new(1);
        let token = table.reserve().unwrap();
        assert_eq!(table.park(token, "a", Instant::now(), |_, _| Err("no")), Err(("a", "no")));
        assert_eq!(table.take(token), None);
    }

    #[test]
    fn a_connection_is_taken_when_its_deadline_passes_and_not_before() {
        let (table, start) = (ConnectionTable::new(4), Instant::now());
        let [a, b] = [(); 2].map(|()| table.reserve().unwrap());
        park(&table, a, "a", start + 2 * SECOND);
        park(&table, b, "b", start + SECOND);
        assert_eq!(table.take_expired(start), None);
        assert_eq!(table.take_expired(start + 3 * SECOND), Some((b, "b")));
        assert_eq!(table.take_expired(start + 3 * SECOND), Some((a, "a")));
        assert_eq!(table.take_expired(start + 3 * SECOND), None);
    }

    #[test]
    fn only_the_latest_deadline_of_a_connection_counts() {
        let (table, start) = (ConnectionTable::new(1), Instant::now());
        let token = table.reserve().unwrap();
        // A new request on the connection moves the deadline to a later time.
        park(&table, token, "a", start + SECOND);
        table.take(token).unwrap();
        park(&table, token, "a", start + 5 * SECOND);
        assert_eq!(table.take_expired(start + 2 * SECOND), None);
        // A request that has begun moves the deadline to an earlier time.
        table.take(token).unwrap();
        park(&table, token, "a", start + 3 * SECOND);
        assert_eq!(table.take_expired(start + 2 * SECOND), None);
        assert_eq!(table.take_expired(start + 3 * SECOND), Some((token, "a")));
        assert_eq!(table.take_expired(start + 9 * SECOND), None);
    }

    #[test]
    fn the_deadline_does_not_take_a_connection_from_a_step() {
        let (table, start) = (ConnectionTable::new(1), Instant::now());
        let token = table.reserve().unwrap();
        park(&table, token, "a", start + SECOND);
        table.take(token).unwrap();
        assert_eq!(table.take_expired(start + 2 * SECOND), None);
        park(&table, token, "a", start + 4 * SECOND);
        assert_eq!(table.take_expired(start + 4 * SECOND), Some((token, "a")));
    }

    #[test]
    fn timers_do_not_grow_with_the_requests_of_a_connection() {
        let (table, start) = (ConnectionTable::new(1), Instant::now());
        let token = table.reserve().unwrap();
        for number in 0..1_000 {
            park(&table, token, "a", start + number * SECOND);
            table.take(token).unwrap();
        }
        assert!(lock(&table.timers).len() <= 2);
    }

    #[test]
    fn parked_connections_can_be_taken_by_a_condition() {
        let (table, start) = (ConnectionTable::new(4), Instant::now());
        for name in ["idle", "busy", "idle"] {
            park(&table, table.reserve().unwrap(), name, start);
        }
        assert_eq!(table.take_all(|name| *name == "idle").len(), 2);
        assert_eq!((table.take_all(|_| true).len(), table.len()), (1, 3));
    }

    #[test]
    fn a_moved_deadline_expires_without_further_events() {
        let (table, start) = (ConnectionTable::new(1), Instant::now());
        let token = table.reserve().unwrap();
        park(&table, token, "a", start + SECOND);
        table.take(token).unwrap();
        park(&table, token, "a", start + 5 * SECOND);
        assert_eq!(table.take_expired(start + SECOND), None);
        assert_eq!(table.take_expired(start + 5 * SECOND), Some((token, "a")));
    }

    /// If the old entry counted for the next connection, that connection would have no deadline at
    /// all.
    #[test]
    fn the_deadline_of_an_ended_connection_does_not_apply_to_the_next_one_in_its_slot() {
        for (before, after) in [(1, 5), (5, 5), (5, 1)] {
            let (table, start) = (ConnectionTable::new(1), Instant::now());
            let old = table.reserve().unwrap();
            park(&table, old, "old", start + before * SECOND);
            table.take(old).unwrap();
            table.release(old);
            let new = table.reserve().unwrap();
            park(&table, new, "new", start + after * SECOND);
            let just_before = start + (after - 1) * SECOND + SECOND / 2;
            assert_eq!(table.take_expired(just_before), None);
            assert_eq!(table.take_expired(start + 9 * SECOND), Some((new, "new")));
        }
    }

    #[test]
    fn timers_do_not_grow_with_deadlines_that_move_earlier() {
        let (table, start) = (ConnectionTable::new(2), Instant::now());
        let token = table.reserve().unwrap();
        for number in (0..1_000).rev() {
            park(&table, token, "a", start + number * SECOND);
            table.take(token).unwrap();
        }
        assert!(lock(&table.timers).len() <= 5);
    }

    #[test]
    fn a_stale_token_gives_no_access_and_leaves_no_wake_up() {
        let table = ConnectionTable::new(1);
        let old = table.reserve().unwrap();
        table.release(old);
        let new = table.reserve().unwrap();
        park(&table, new, "b", Instant::now());
        table.with(old, |_| unreachable!("it is another connection"));
        let mut seen = None;
        table.with(new, |it| seen = Some(*it));
        assert_eq!(seen, Some("b"));
        table.take(new).unwrap();
        table.with(old, |_| unreachable!("it is another connection"));
        let arm = |_: &_, notified| if notified { Err("notified") } else { Ok(()) };
        table.park(new, "b", Instant::now(), arm).unwrap();
    }

    #[test]
    fn each_connection_of_take_all_has_its_own_token() {
        let table = ConnectionTable::new(2);
        assert!(table.is_empty());
        let old = table.reserve().unwrap();
        table.release(old);
        let mut tokens = [table.reserve().unwrap(), table.reserve().unwrap()];
        for token in tokens {
            park(&table, token, "a", Instant::now());
        }
        let mut taken: Vec<Token> =
            table.take_all(|_| true).into_iter().map(|(token, _)| token).collect();
        taken.sort_unstable();
        tokens.sort_unstable();
        assert_eq!(taken, tokens);
        assert!(!table.is_empty(), "the slots are still theirs");
        for token in taken {
            table.release(token);
        }
        assert!(table.is_empty());
    }
}
