//! Where connections are while nobody works on them.
//!
//! A parked connection costs its place here, its socket, and no thread.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use super::poller::Token;
use super::sync::{Mutex, lock};

/// Places for connections.
///
/// Each place has a lock of its own, so two threads meet only if they want the same connection. A connection
/// is either in its place or with exactly one thread, which has taken it. That is the whole discipline: to
/// [`take`](Parking::take) is to own.
pub struct Parking<C> {
    places: Box<[Mutex<Place<C>>]>,
    /// Places that nobody has.
    free: Mutex<Vec<u32>>,
    /// When to look at which place. An entry may be out of date: the place knows better.
    timers: Mutex<BinaryHeap<Reverse<(Instant, Token)>>>,
}

/// A place, and what is in it.
struct Place<C> {
    /// How often the place has been given away. It is a part of the token, so that a token of the past
    /// finds nothing.
    generation: u32,
    parked: Option<C>,
    /// Somebody was told that the connection is ready, and did not find it here: it was being worked on.
    missed: bool,
    deadline: Option<Instant>,
    /// The earliest time for which there is an entry in the timers.
    scheduled: Option<Instant>,
}

fn token(place: u32, generation: u32) -> Token {
    Token(u64::from(generation) << 32 | u64::from(place))
}

fn place_of(token: Token) -> (usize, u32) {
    // The two halves, each of which fits.
    let place = u32::try_from(token.0 & u64::from(u32::MAX)).unwrap_or(u32::MAX);
    let generation = u32::try_from(token.0 >> 32).unwrap_or(u32::MAX);
    (place as usize, generation)
}

impl<C> Parking<C> {
    /// So many places.
    pub fn new(places: u32) -> Parking<C> {
        let place = || Place {
            generation: 0,
            parked: None,
            missed: false,
            deadline: None,
            scheduled: None,
        };
        Parking {
            places: (0..places).map(|_| Mutex::new(place())).collect(),
            free: Mutex::new((0..places).rev().collect()),
            timers: Mutex::new(BinaryHeap::new()),
        }
    }

    /// A place for a new connection, or `None` when all are taken.
    pub fn claim(&self) -> Option<Token> {
        let place = lock(&self.free).pop()?;
        let generation = lock(self.places.get(place as usize)?).generation;
        Some(token(place, generation))
    }

    /// Puts a connection into its place until it is ready, or until `deadline`.
    ///
    /// `arm` is called while nobody can take it away: to arm first would let another thread look into an empty place,
    /// and to arm after would let the deadline close the socket before. It learns whether somebody has been told of the
    /// connection in the meantime. Then what was told of may still be there, and the kernel will not say it again by
    /// itself.
    ///
    /// # Errors
    /// That of `arm`. The connection is still with the caller then.
    pub fn park<E>(
        &self,
        token: Token,
        connection: C,
        deadline: Instant,
        arm: impl FnOnce(&C, bool) -> Result<(), E>,
    ) -> Result<(), (C, E)> {
        let (index, generation) = place_of(token);
        let mut place = lock(&self.places[index]);
        debug_assert!(place.generation == generation && place.parked.is_none());
        let missed = std::mem::take(&mut place.missed);
        let connection = place.parked.insert(connection);
        if let Err(error) = arm(connection, missed)
            && let Some(connection) = place.parked.take()
        {
            return Err((connection, error));
        }
        place.deadline = Some(deadline);
        // A later deadline needs no entry of its own: when the earlier one comes up, it is moved on. So a
        // connection that is busy costs the timers nothing.
        let is_new = place.scheduled.is_none_or(|scheduled| deadline < scheduled);
        if is_new {
            place.scheduled = Some(deadline);
        }
        drop(place);
        if is_new {
            self.schedule(deadline, token);
        }
        Ok(())
    }

    fn schedule(&self, deadline: Instant, token: Token) {
        let mut timers = lock(&self.timers);
        timers.push(Reverse((deadline, token)));
        // An entry stays when its connection ends. Many short ones in a row must not pile up until their deadlines.
        if timers.len() > 2 * self.places.len() {
            let all = std::mem::take(&mut *timers);
            drop(timers);
            let mut current = all.into_vec();
            current.retain(|Reverse((time, token))| {
                let (index, generation) = place_of(*token);
                let place = lock(&self.places[index]);
                place.generation == generation && place.scheduled == Some(*time)
            });
            lock(&self.timers).extend(current);
        }
    }

    /// Takes a connection out of its place, if it is there. Whoever gets it owns it. If somebody works on it, a note
    /// is left for them.
    pub fn take(&self, token: Token) -> Option<C> {
        let (index, generation) = place_of(token);
        let mut place = lock(self.places.get(index)?);
        if place.generation != generation {
            return None; // a token of the past
        }
        place.missed = place.parked.is_none();
        place.parked.take()
    }

    /// Whether this connection has not ended.
    pub fn is_current(&self, token: Token) -> bool {
        let (index, generation) = place_of(token);
        self.places.get(index).is_some_and(|place| lock(place).generation == generation)
    }

    /// Shows a connection that is in its place, while nobody can take it. If somebody works on it, a note is left for
    /// them.
    pub fn look_at(&self, token: Token, look: impl FnOnce(&C)) {
        let (index, generation) = place_of(token);
        let Some(place) = self.places.get(index) else { return };
        let mut place = lock(place);
        if place.generation == generation {
            place.missed = place.parked.is_none();
            if let Some(connection) = &place.parked {
                look(connection);
            }
        }
    }

    /// Gives up a place whose connection has ended.
    pub fn release(&self, token: Token) {
        let (index, generation) = place_of(token);
        let mut place = lock(&self.places[index]);
        debug_assert!(place.generation == generation && place.parked.is_none());
        place.generation = place.generation.wrapping_add(1);
        place.missed = false;
        place.deadline = None;
        place.scheduled = None;
        drop(place);
        lock(&self.free).push(u32::try_from(index).unwrap_or(u32::MAX));
    }

    /// Takes the next connection whose deadline has passed. Its place is still its own.
    pub fn take_expired(&self, now: Instant) -> Option<(Token, C)> {
        loop {
            let mut timers = lock(&self.timers);
            let &Reverse((time, token)) = timers.peek()?;
            if time > now {
                return None;
            }
            timers.pop();
            drop(timers);
            let (index, generation) = place_of(token);
            let mut place = lock(&self.places[index]);
            if place.generation != generation || place.scheduled != Some(time) {
                continue; // of a connection that has ended, or there is an earlier entry
            }
            place.scheduled = None;
            match place.deadline {
                // Somebody works on it. It gets a new entry when it is parked.
                _ if place.parked.is_none() => {}
                Some(deadline) if deadline > now => {
                    place.scheduled = Some(deadline);
                    drop(place);
                    lock(&self.timers).push(Reverse((deadline, token)));
                }
                _ => {
                    if let Some(connection) = place.parked.take() {
                        return Some((token, connection));
                    }
                }
            }
        }
    }

    /// When the next entry comes up.
    pub fn next_deadline(&self) -> Option<Instant> {
        lock(&self.timers).peek().map(|Reverse((time, _))| *time)
    }

    /// Takes all parked connections for which `wanted` holds.
    pub fn take_all(&self, wanted: impl Fn(&C) -> bool) -> Vec<(Token, C)> {
        let mut taken = Vec::new();
        for (index, place) in self.places.iter().enumerate() {
            let mut place = lock(place);
            if place.parked.as_ref().is_some_and(&wanted)
                && let Some(connection) = place.parked.take()
            {
                let index = u32::try_from(index).unwrap_or(u32::MAX);
                taken.push((token(index, place.generation), connection));
            }
        }
        taken
    }

    /// How many places are taken.
    pub fn len(&self) -> usize {
        self.places.len() - lock(&self.free).len()
    }

    /// Whether no place is taken.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::convert::Infallible;
    use std::time::Duration;

    use super::*;

    fn park(parking: &Parking<&'static str>, token: Token, name: &'static str, deadline: Instant) {
        parking.park(token, name, deadline, |_, _| Ok::<_, Infallible>(())).unwrap();
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_connection_is_taken_once() {
        let parking = Parking::new(2);
        let token = parking.claim().unwrap();
        park(&parking, token, "a", Instant::now());
        assert_eq!((parking.take(token), parking.take(token)), (Some("a"), None));
    }

    #[test]
    fn entries_of_connections_that_have_ended_do_not_pile_up() {
        let parking = Parking::new(4);
        let start = Instant::now();
        let stays = parking.claim().unwrap();
        park(&parking, stays, "stays", start + SECOND);
        for _ in 0..1000 {
            let token = parking.claim().unwrap();
            park(&parking, token, "leaves", start + SECOND / 2);
            parking.take(token).unwrap();
            parking.release(token);
        }
        assert!(lock(&parking.timers).len() <= 8);
        assert_eq!(parking.take_expired(start + SECOND), Some((stays, "stays")));
    }

    #[test]
    fn who_comes_while_a_connection_is_worked_on_leaves_a_note() {
        let parking = Parking::new(1);
        let token = parking.claim().unwrap();
        let missed = || {
            let mut missed = false;
            let note = |_: &_, it| {
                missed = it;
                Ok::<_, Infallible>(())
            };
            parking.park(token, "a", Instant::now(), note).unwrap();
            parking.take(token).unwrap();
            missed
        };
        assert!(!missed());
        assert_eq!(parking.take(token), None);
        assert!(missed());
        assert!(!missed(), "a note is read once");
        parking.look_at(token, |_| unreachable!("it is not there"));
        assert!(missed());
        // It is not for the next connection in this place.
        assert_eq!(parking.take(token), None);
        parking.release(token);
        assert_eq!(parking.take(token), None);
        let token = parking.claim().unwrap();
        let note = |_: &_, missed| if missed { Err("a note") } else { Ok(()) };
        parking.park(token, "b", Instant::now(), note).unwrap();
    }

    #[test]
    fn a_token_of_the_past_finds_nothing() {
        let parking = Parking::new(1);
        let old = parking.claim().unwrap();
        assert_eq!(parking.claim(), None);
        parking.release(old);
        let new = parking.claim().unwrap();
        park(&parking, new, "b", Instant::now());
        assert_ne!(old, new);
        assert!(!parking.is_current(old) && parking.is_current(new));
        assert_eq!((parking.take(old), parking.take(new)), (None, Some("b")));
    }

    #[test]
    fn who_cannot_be_armed_is_not_parked() {
        let parking = Parking::new(1);
        let token = parking.claim().unwrap();
        assert_eq!(parking.park(token, "a", Instant::now(), |_, _| Err("no")), Err(("a", "no")));
        assert_eq!(parking.take(token), None);
    }

    #[test]
    fn a_deadline_takes_the_connection_and_not_before() {
        let (parking, start) = (Parking::new(4), Instant::now());
        let [a, b] = [(); 2].map(|()| parking.claim().unwrap());
        park(&parking, a, "a", start + 2 * SECOND);
        park(&parking, b, "b", start + SECOND);
        assert_eq!(parking.next_deadline(), Some(start + SECOND));
        assert_eq!(parking.take_expired(start), None);
        assert_eq!(parking.take_expired(start + 3 * SECOND), Some((b, "b")));
        assert_eq!(parking.take_expired(start + 3 * SECOND), Some((a, "a")));
        assert_eq!(parking.take_expired(start + 3 * SECOND), None);
        assert_eq!(parking.next_deadline(), None);
    }

    #[test]
    fn a_deadline_that_was_moved_counts_where_it_is_now() {
        let (parking, start) = (Parking::new(1), Instant::now());
        let token = parking.claim().unwrap();
        // Later, by a new request on the connection.
        park(&parking, token, "a", start + SECOND);
        parking.take(token).unwrap();
        park(&parking, token, "a", start + 5 * SECOND);
        assert_eq!(parking.take_expired(start + 2 * SECOND), None);
        // Sooner, by a request that has begun.
        parking.take(token).unwrap();
        park(&parking, token, "a", start + 3 * SECOND);
        assert_eq!(parking.take_expired(start + 2 * SECOND), None);
        assert_eq!(parking.take_expired(start + 3 * SECOND), Some((token, "a")));
        assert_eq!(parking.take_expired(start + 9 * SECOND), None);
    }

    #[test]
    fn a_connection_that_somebody_works_on_has_no_deadline() {
        let (parking, start) = (Parking::new(1), Instant::now());
        let token = parking.claim().unwrap();
        park(&parking, token, "a", start + SECOND);
        parking.take(token).unwrap();
        assert_eq!(parking.take_expired(start + 2 * SECOND), None);
        park(&parking, token, "a", start + 4 * SECOND);
        assert_eq!(parking.take_expired(start + 4 * SECOND), Some((token, "a")));
    }

    #[test]
    fn timers_do_not_grow_with_the_requests_of_a_connection() {
        let (parking, start) = (Parking::new(1), Instant::now());
        let token = parking.claim().unwrap();
        for number in 0..1_000 {
            park(&parking, token, "a", start + number * SECOND);
            parking.take(token).unwrap();
        }
        assert!(lock(&parking.timers).len() <= 2);
    }

    #[test]
    fn some_can_be_taken_by_what_they_are() {
        let (parking, start) = (Parking::new(4), Instant::now());
        for name in ["idle", "busy", "idle"] {
            park(&parking, parking.claim().unwrap(), name, start);
        }
        assert_eq!(parking.take_all(|name| *name == "idle").len(), 2);
        assert_eq!((parking.take_all(|_| true).len(), parking.len()), (1, 3));
    }

    #[test]
    fn a_deadline_that_was_moved_comes_up_though_nothing_more_happens() {
        let (parking, start) = (Parking::new(1), Instant::now());
        let token = parking.claim().unwrap();
        park(&parking, token, "a", start + SECOND);
        parking.take(token).unwrap();
        park(&parking, token, "a", start + 5 * SECOND);
        assert_eq!(parking.take_expired(start + SECOND), None);
        assert_eq!(parking.take_expired(start + 5 * SECOND), Some((token, "a")));
    }

    /// Otherwise it would have no deadline at all.
    #[test]
    fn the_deadline_of_an_ended_connection_is_not_that_of_the_next_one_in_its_place() {
        for (before, after) in [(1, 5), (5, 5), (5, 1)] {
            let (parking, start) = (Parking::new(1), Instant::now());
            let old = parking.claim().unwrap();
            park(&parking, old, "old", start + before * SECOND);
            parking.take(old).unwrap();
            parking.release(old);
            let new = parking.claim().unwrap();
            park(&parking, new, "new", start + after * SECOND);
            let just_before = start + (after - 1) * SECOND + SECOND / 2;
            assert_eq!(parking.take_expired(just_before), None);
            assert_eq!(parking.take_expired(start + 9 * SECOND), Some((new, "new")));
        }
    }

    #[test]
    fn timers_do_not_grow_with_deadlines_that_come_nearer() {
        let (parking, start) = (Parking::new(2), Instant::now());
        let token = parking.claim().unwrap();
        for number in (0..1_000).rev() {
            park(&parking, token, "a", start + number * SECOND);
            parking.take(token).unwrap();
        }
        assert!(lock(&parking.timers).len() <= 5);
    }

    #[test]
    fn a_look_with_a_token_of_the_past_sees_nothing_and_leaves_no_note() {
        let parking = Parking::new(1);
        let old = parking.claim().unwrap();
        parking.release(old);
        let new = parking.claim().unwrap();
        park(&parking, new, "b", Instant::now());
        parking.look_at(old, |_| unreachable!("it is another connection"));
        let mut seen = None;
        parking.look_at(new, |it| seen = Some(*it));
        assert_eq!(seen, Some("b"));
        parking.take(new).unwrap();
        parking.look_at(old, |_| unreachable!("it is another connection"));
        let note = |_: &_, missed| if missed { Err("a note") } else { Ok(()) };
        parking.park(new, "b", Instant::now(), note).unwrap();
    }

    #[test]
    fn what_is_taken_with_all_others_has_the_token_of_its_place() {
        let parking = Parking::new(2);
        assert!(parking.is_empty());
        let old = parking.claim().unwrap();
        parking.release(old);
        let mut tokens = [parking.claim().unwrap(), parking.claim().unwrap()];
        for token in tokens {
            park(&parking, token, "a", Instant::now());
        }
        let mut taken: Vec<Token> =
            parking.take_all(|_| true).into_iter().map(|(token, _)| token).collect();
        taken.sort_unstable();
        tokens.sort_unstable();
        assert_eq!(taken, tokens);
        assert!(!parking.is_empty(), "the places are still theirs");
        for token in taken {
            parking.release(token);
        }
        assert!(parking.is_empty());
    }
}
