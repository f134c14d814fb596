//! The buckets of a rate limit in the memory of this process.

use std::hash::Hash;
use std::time::Instant;

use super::limit_store::{LimitStore, StoreDown};
use super::token_bucket::{Decision, Limit, TokenBucket};
use crate::core::GenerationalMap;
use crate::core::sync::{Mutex, lock};

/// The maximum number of buckets. Each client needs one, and clients must not fill the server's
/// memory.
const MAX_BUCKETS: usize = 20_000;

/// The clock, which tests replace.
type Clock = Box<dyn Fn() -> Instant + Send + Sync>;

/// The buckets of one limit, which end with this process.
pub struct LocalBuckets<K> {
    limit: Limit,
    clock: Clock,
    /// The buckets by key. A bucket that was not used for the time that it takes to fill is full,
    /// and so equal to a new one. It is dropped earlier only if there are too many others, which is
    /// better than running out of memory or rejecting a new client.
    buckets: Mutex<GenerationalMap<K, TokenBucket>>,
}

impl<K: Eq + Hash> LocalBuckets<K> {
    /// Creates buckets that are all full.
    pub fn new(limit: Limit) -> LocalBuckets<K> {
        let buckets = Mutex::new(GenerationalMap::new(MAX_BUCKETS, limit.time_to_fill()));
        LocalBuckets { limit, clock: Box::new(Instant::now), buckets }
    }

    /// Replaces the clock, which must be monotonic.
    pub fn with_clock(self, clock: impl Fn() -> Instant + Send + Sync + 'static) -> Self {
        LocalBuckets { clock: Box::new(clock), ..self }
    }

    /// Takes a token from the bucket of `key`.
    pub fn take(&self, key: K) -> Decision {
        // One lock protects all buckets, and is held only for a few look-ups in a hash map. Taking
        // a token under the lock is atomic, so no token is given out twice.
        let mut buckets = lock(&self.buckets);
        let now = (self.clock)();
        if let Some(bucket) = buckets.get(&key, now) {
            return bucket.take(self.limit, now);
        }
        let mut bucket = TokenBucket::new(self.limit, now);
        let decision = bucket.take(self.limit, now);
        buckets.insert(key, bucket, 1, now);
        decision
    }
}

impl<K: Eq + Hash + Send + 'static> LimitStore<K> for LocalBuckets<K> {
    fn take(&self, key: K) -> Result<Decision, StoreDown> {
        Ok(LocalBuckets::take(self, key))
    }
}
