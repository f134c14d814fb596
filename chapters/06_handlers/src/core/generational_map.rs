//! A bounded map that drops the entries that have been unused for longest, many at a time.
//!
//! A cache that drops exactly the least recently used entry (LRU) has to keep all entries in the
//! order of their last use. Two generations are simpler, and nearly as good. An entry that is used
//! moves to the young generation. When that generation is full or its period has ended, it becomes
//! the old generation, and the previous old generation is dropped as a whole. So eviction does not
//! search the map while other threads wait for its lock.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// A map with a bound on the total weight of its entries.
///
/// An entry is dropped only if it was not used for a whole period, or if the entries used since
/// then weigh more than half of the bound, or leave no room for it. Entries of the same size can
/// have the weight 1 each.
#[derive(Debug)]
pub struct GenerationalMap<K, V> {
    max_weight: usize,
    period: Duration,
    young: Generation<K, V>,
    old: Generation<K, V>,
    /// The start of the young generation, or `None` before the first use.
    since: Option<Instant>,
}

/// The entries of a generation with their weights.
#[derive(Debug)]
struct Generation<K, V> {
    entries: HashMap<K, (V, usize)>,
    weight: usize,
}

impl<K: Eq + Hash, V> GenerationalMap<K, V> {
    /// Creates an empty map. A generation ends when it weighs half of `max_weight`, and after
    /// `period` at the latest.
    pub fn new(max_weight: usize, period: Duration) -> GenerationalMap<K, V> {
        let (young, old) = (Generation::new(), Generation::new());
        GenerationalMap { max_weight, period, young, old, since: None }
    }

    /// Returns the value of this key. The look-up counts as a use. `now` may be slightly earlier
    /// than in the previous call, because threads read the clock before they take the lock.
    pub fn get<Q>(&mut self, key: &Q, now: Instant) -> Option<&mut V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.end_period(now);
        if let Some((key, (value, weight))) = self.old.remove(key) {
            self.make_room(weight, now);
            self.young.insert(key, value, weight);
        }
        self.young.entries.get_mut(key).map(|(value, _)| value)
    }

    /// Adds an entry, or replaces the entry with this key. An entry that is heavier than the bound is
    /// not kept.
    pub fn insert(&mut self, key: K, value: V, weight: usize, now: Instant) {
        self.end_period(now);
        self.young.remove(&key);
        self.old.remove(&key);
        if weight <= self.max_weight {
            self.make_room(weight, now);
            self.young.insert(key, value, weight);
        }
    }

    /// Ends the young generation if its period is over.
    fn end_period(&mut self, now: Instant) {
        let since = *self.since.get_or_insert(now);
        if now.saturating_duration_since(since) >= self.period {
            self.end_generation(now);
        }
    }

    fn end_generation(&mut self, now: Instant) {
        self.old = std::mem::replace(&mut self.young, Generation::new());
        self.since = Some(now);
    }

    /// Makes room for an entry of this weight in the young generation.
    fn make_room(&mut self, weight: usize, now: Instant) {
        let is_full = self.young.weight + weight > self.max_weight / 2;
        if is_full && !self.young.entries.is_empty() {
            self.end_generation(now);
        }
        // A single entry may weigh more than half of the bound, so both generations together may be
        // too heavy.
        if self.old.weight + self.young.weight + weight > self.max_weight {
            self.old = Generation::new();
        }
    }
}

impl<K: Eq + Hash, V> Generation<K, V> {
    fn new() -> Generation<K, V> {
        Generation { entries: HashMap::new(), weight: 0 }
    }

    fn insert(&mut self, key: K, value: V, weight: usize) {
        self.weight += weight;
        self.entries.insert(key, (value, weight));
    }

    fn remove<Q>(&mut self, key: &Q) -> Option<(K, (V, usize))>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let removed = self.entries.remove_entry(key)?;
        self.weight -= removed.1.1;
        Some(removed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PERIOD: Duration = Duration::from_secs(10);

    impl<K: Eq + Hash, V> GenerationalMap<K, V> {
        /// Returns the sum of the weights of all entries.
        fn weight(&self) -> usize {
            let weights = [&self.young, &self.old].map(|generation| {
                let weight = generation.entries.values().map(|(_, weight)| weight).sum::<usize>();
                assert_eq!(weight, generation.weight);
                weight
            });
            weights.iter().sum()
        }
    }

    /// Uses these keys one after the other, each with the weight 1, and returns for each whether it
    /// was in the map.
    fn uses(map: &mut GenerationalMap<char, ()>, keys: &str, now: Instant) -> Vec<bool> {
        let mut one = |key| {
            let is_there = map.get(&key, now).is_some();
            if !is_there {
                map.insert(key, (), 1, now);
            }
            is_there
        };
        keys.chars().map(&mut one).collect()
    }

    #[test]
    fn used_entries_stay_and_unused_ones_are_dropped() {
        let (mut map, now) = (GenerationalMap::new(4, PERIOD), Instant::now());
        assert_eq!(uses(&mut map, "abcacd", now), [false, false, false, true, true, false]);
        assert_eq!(uses(&mut map, "cab", now), [true, true, false]);
    }

    #[test]
    fn an_entry_is_kept_for_a_period_after_its_last_use_and_not_for_two() {
        let (mut map, start) = (GenerationalMap::new(100, PERIOD), Instant::now());
        uses(&mut map, "a", start);
        let last_use = start + PERIOD.mul_f64(0.9);
        uses(&mut map, "a", last_use);
        let nearly = last_use + PERIOD.mul_f64(0.9);
        assert_eq!(uses(&mut map, "ba", nearly), [false, true]);
        uses(&mut map, "b", nearly + PERIOD);
        assert_eq!(uses(&mut map, "ba", nearly + 2 * PERIOD), [true, false]);
    }

    #[test]
    fn a_too_heavy_entry_is_not_kept_and_drops_only_its_own_old_value() {
        let (mut map, now) = (GenerationalMap::new(10, PERIOD), Instant::now());
        for (key, weight) in [("a", 1), ("b", 1), ("b", 11), ("c", 9)] {
            map.insert(key, weight, weight, now);
        }
        let found = ["a", "b", "c"].map(|key| map.get(key, now).copied());
        assert_eq!(found, [Some(1), None, Some(9)]);
        map.insert("d", 10, 10, now);
        let found = ["a", "c", "d"].map(|key| map.get(key, now).copied());
        assert_eq!(found, [None, None, Some(10)]);
    }

    /// A use of a key in the property test: an insertion with a weight, or a look-up.
    type Use = (u8, Option<usize>, u64);

    fn uses_of_keys() -> impl Strategy<Value = Vec<Use>> {
        let weight = proptest::option::of(1..14_usize);
        let seconds = prop_oneof![4 => Just(0_u64), 1 => 1..12_u64];
        proptest::collection::vec((0..10_u8, weight, seconds), 1..60)
    }

    proptest! {
        /// Checks both guarantees: the total weight is bounded, and entries are dropped only for
        /// the documented reasons.
        #[test]
        fn the_bound_holds_and_only_unused_entries_are_dropped(
            max_weight in 0..12_usize,
            uses in uses_of_keys(),
        ) {
            let mut map = GenerationalMap::new(max_weight, PERIOD);
            // For each key: its last use, its value and weight, and the largest weight of each
            // other key used since.
            let mut last: HashMap<u8, (Instant, (usize, usize), HashMap<u8, usize>)> = HashMap::new();
            let mut now = Instant::now();
            for (number, (key, insertion, seconds)) in uses.into_iter().enumerate() {
                now += Duration::from_secs(seconds);
                if let Some(weight) = insertion {
                    map.insert(key, (number, weight), weight, now);
                    last.remove(&key);
                    if weight <= max_weight {
                        last.insert(key, (now, (number, weight), HashMap::new()));
                    }
                }
                prop_assert!(map.weight() <= max_weight);
                let found = map.get(&key, now).copied();
                prop_assert!(map.weight() <= max_weight);
                let Some((value, weight)) = found else {
                    if let Some((used, (_, own), others)) = last.remove(&key) {
                        let others: usize = others.values().sum();
                        let has_no_room = others > max_weight / 2 || others + own > max_weight;
                        prop_assert!(now - used >= PERIOD || has_no_room);
                    }
                    continue;
                };
                prop_assert_eq!(last.get(&key).map(|(_, found, _)| *found), Some((value, weight)));
                last.insert(key, (now, (value, weight), HashMap::new()));
                for (_, (_, _, others)) in last.iter_mut().filter(|(other, _)| **other != key) {
                    let heaviest = others.entry(key).or_default();
                    *heaviest = weight.max(*heaviest);
                }
            }
        }
    }
}
